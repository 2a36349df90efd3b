//! Work inside sites, through the guest channel, and waiting for conditions.

use std::time::Duration;

use phoenix_core::{
    Action, BackendError, Condition, Content, ErrorKind, Evidence, Reader, SecretRef, Site, engine::Event,
};
use tokio::time::Instant;

use super::{PveBackend, perform::Work};
use crate::secret;

/// How often a condition that does not hold is told about.
const TELL_EVERY: Duration = Duration::from_secs(10);

impl PveBackend {
    pub(super) async fn act_inside(&self, site: &Site, action: &Action) -> Result<(), BackendError> {
        let secret = match secret_of(action) {
            Some(reference) => Some(secret::resolve(reference).await?),
            None => None,
        };
        self.channel.act(site, action, secret.as_deref()).await?;
        match action {
            Action::Run { argv, proof, .. } => self.prove(site, argv, proof).await,
            _ => Ok(()),
        }
    }

    async fn prove(&self, site: &Site, argv: &[String], proof: &Condition) -> Result<(), BackendError> {
        let evidence = self.ask(&proof.probe).await?;
        if proof.holds(&evidence) {
            return Ok(());
        }
        let program = argv.first().map_or("", String::as_str);
        let mut error = BackendError::new(
            ErrorKind::Failed,
            format!("`{program}` ended well in `{site}`, but what it was run for is not so"),
        )
        .with_hint(format!("run it in `{site}` by hand and look at what it says: `{}`", argv.join(" ")));
        error.log = describe(&evidence);
        Err(error)
    }

    pub(super) async fn wait_for(
        &self,
        condition: &Condition,
        limit: Duration,
        work: Work<'_>,
    ) -> Result<(), BackendError> {
        let begin = Instant::now();
        let mut next_word = TELL_EVERY;
        loop {
            let answer = self.ask(&condition.probe).await;
            if answer.as_ref().is_ok_and(|evidence| condition.holds(evidence)) {
                return Ok(());
            }
            let waited = begin.elapsed();
            if waited >= limit {
                return Err(late(limit, answer));
            }
            if waited >= next_word {
                next_word = waited + TELL_EVERY;
                let text = format!("still waiting after {} s", waited.as_secs());
                work.events.send(Event::Progress { step: work.step.clone(), text });
            }
            tokio::time::sleep(self.waiter.pause(waited).min(limit - waited)).await;
        }
    }

    async fn ask(&self, probe: &phoenix_core::Probe) -> Result<Evidence, BackendError> {
        let mut answers = self.read(std::slice::from_ref(probe)).await;
        answers
            .pop()
            .unwrap_or_else(|| Err(BackendError::new(ErrorKind::Failed, "no answer to the question")))
    }
}

/// Returns the one secret that an action refers to.
fn secret_of(action: &Action) -> Option<&SecretRef> {
    match action {
        Action::WriteFile { content: Content::Secret(secret), .. }
        | Action::Run { stdin: Some(Content::Secret(secret)), .. } => Some(secret),
        Action::EnsureUser { password_hash, .. } => password_hash.as_ref(),
        _ => None,
    }
}

fn late(limit: Duration, answer: Result<Evidence, BackendError>) -> BackendError {
    let message = format!("it was not so within {} s", limit.as_secs());
    let hint = "look at the guest, then run the command again: it goes on where it stopped";
    match answer {
        Ok(evidence) => {
            let mut error = BackendError::new(ErrorKind::Timeout, message).with_hint(hint);
            error.log = describe(&evidence);
            error
        }
        Err(cause) => BackendError::new(ErrorKind::Timeout, message).with_hint(hint).caused_by(cause),
    }
}

/// Returns what an answer says, for a reader.
fn describe(evidence: &Evidence) -> Vec<String> {
    match evidence {
        Evidence::Output { status, stdout, stderr } => {
            let said: Vec<&str> = stdout.lines().chain(stderr.lines()).collect();
            let tail = said.iter().skip(said.len().saturating_sub(9)).map(|line| (*line).to_owned());
            std::iter::once(format!("exit status {status}")).chain(tail).collect()
        }
        Evidence::Unreachable { reason } => vec![reason.clone()],
        Evidence::Absent => vec!["it is not there".to_owned()],
        _ => Vec::new(),
    }
}
