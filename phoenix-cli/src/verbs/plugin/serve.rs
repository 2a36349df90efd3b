//! `plugin serve`: the process of a plugin, which Phoenix starts for itself.

use std::time::Duration;

use clap::Args;

use crate::error::{Error, Exit};

/// Answer calls to a plugin on standard input; for Phoenix itself.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  phoenix plugin serve motd 10    what Phoenix starts")]
pub(super) struct Serve {
    /// The plugin's name.
    name: String,
    /// How many seconds of the processor a call may take.
    seconds: u64,
}

impl Serve {
    /// Does it.
    pub(crate) fn run(self) -> Result<Exit, Error> {
        let served = phoenix_plugin::host::serve(&self.name, Duration::from_secs(self.seconds));
        served.map(|()| Exit::Done).map_err(Error::Output)
    }
}
