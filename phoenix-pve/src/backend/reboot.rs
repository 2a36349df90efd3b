//! Reboots of hosts: asked for over the shell, then waited for until another boot answers and the API with it.

use std::time::Duration;

use phoenix_core::{Action, BackendError, ErrorKind, Evidence, Probe, Reader, Site, engine::Event};
use tokio::time::Instant;

use super::{PveBackend, perform::Work};

/// How long a host may be away. Servers count their memory for minutes before anything else.
const LIMIT: Duration = Duration::from_secs(1800);
/// How often a host that is away is tried.
const PAUSE: Duration = Duration::from_secs(5);
/// What the kernel calls the boot that runs.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

impl PveBackend {
    /// Reboots a host, unless another boot than the one that is to end runs already.
    pub(super) async fn reboot(
        &self,
        site: &Site,
        boot: Option<&str>,
        action: &Action,
        work: Work<'_>,
    ) -> Result<(), BackendError> {
        let before = self.boot_of(site).await?;
        if boot.is_some_and(|boot| boot != before) {
            return Ok(());
        }
        let text = format!(
            "`{site}` goes down now; where Phoenix runs on it, the same command goes on when it is back"
        );
        work.events.send(Event::Notice { text });
        match self.channel.act(site, action, None).await {
            Ok(()) => {}
            // It may be gone before it has answered.
            Err(error) if matches!(error.kind, ErrorKind::Unreachable | ErrorKind::Timeout) => {
                tracing::debug!(%error, "the answer to the reboot was lost");
            }
            Err(error) => return Err(error),
        }
        let begin = Instant::now();
        while begin.elapsed() < LIMIT {
            if let Ok(now) = self.boot_of(site).await
                && now != before
            {
                return self.answers_again(begin).await;
            }
            tokio::time::sleep(PAUSE).await;
            let text = format!("not back after {} s", begin.elapsed().as_secs());
            work.events.send(Event::Progress { step: work.step.clone(), text });
        }
        let message = format!("`{site}` was not back within {} minutes", LIMIT.as_secs() / 60);
        Err(BackendError::new(ErrorKind::Timeout, message)
            .with_hint("look at its console; when it is up, run the command again"))
    }

    /// Waits until the API answers too: its services start after the shell is there.
    async fn answers_again(&self, begin: Instant) -> Result<(), BackendError> {
        loop {
            match self.client.get("/version", Vec::new()).await {
                Ok(_) => return Ok(()),
                Err(error) if begin.elapsed() >= LIMIT => return Err(error.into()),
                Err(error) => tracing::debug!(%error, "the API is not up yet"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Returns what the kernel calls the boot that runs.
    async fn boot_of(&self, site: &Site) -> Result<String, BackendError> {
        let probe = Probe::command(site, ["cat", BOOT_ID]);
        match self.read(std::slice::from_ref(&probe)).await.pop() {
            Some(Ok(Evidence::Output { status: 0, stdout, .. })) if !stdout.trim().is_empty() => {
                Ok(stdout.trim().to_owned())
            }
            Some(Err(error)) => Err(error),
            Some(Ok(_)) | None => {
                Err(BackendError::new(ErrorKind::Unreachable, format!("`{site}` does not tell its boot")))
            }
        }
    }
}
