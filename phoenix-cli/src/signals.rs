//! Signals: the first Ctrl-C (or SIGTERM) lets running steps end and begins no other, the second abandons them, the
//! third ends the process.

use phoenix_core::engine::Cancel;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::Error;

/// Waits for signals.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Begins to catch signals: from now on they no longer end the process.
    pub(crate) fn new() -> Result<Self, Error> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).map_err(Error::Runtime)?,
            terminate: signal(SignalKind::terminate()).map_err(Error::Runtime)?,
        })
    }

    /// Turns signals into cancellations; never returns.
    pub(crate) async fn watch(mut self, cancel: Cancel) {
        self.next().await;
        cancel.finish.cancel();
        self.next().await;
        cancel.abandon.cancel();
        self.next().await;
        // Something hangs that cannot be cancelled. What it wrote is safe: the node's state survives a kill.
        std::process::exit(1);
    }

    /// Waits for the first signal.
    pub(crate) async fn any(mut self) {
        self.next().await;
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
