//! Work inside sites, through the guest channel, and waiting for conditions.

use std::time::Duration;

use phoenix_core::{
    Action, Artifact, BackendError, Condition, Content, ErrorKind, Evidence, Probe, Reader, SecretRef, Site,
    artifact::Source, engine::Event, evidence::FileState,
};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::{PveBackend, perform::Work};
use crate::secret;

/// How often a condition that does not hold is told about.
const TELL_EVERY: Duration = Duration::from_secs(10);

impl PveBackend {
    pub(super) async fn act_inside(&self, site: &Site, action: &Action) -> Result<(), BackendError> {
        let secret = match (secret_of(action), action) {
            (Some(reference), _) => Some(secret::resolve(reference).await?),
            (None, Action::InstallArtifact { artifact, .. }) => carried(artifact).await?,
            (None, Action::WriteFile { content, .. } | Action::Run { stdin: Some(content), .. }) => {
                self.fetched(content).await?
            }
            (None, _) => None,
        };
        self.channel.act(site, action, secret.as_deref()).await?;
        match action {
            Action::Run { argv, proof, .. } => self.prove(site, argv, proof).await,
            _ => Ok(()),
        }
    }

    /// Returns a content that has to be asked for somewhere else; none if it stands in the plan.
    async fn fetched(&self, content: &Content) -> Result<Option<Vec<u8>>, BackendError> {
        match content {
            Content::Copy { site, path } => Ok(Some(self.copied(site, path).await?)),
            Content::Answer { site, argv, stdin } => {
                let input = match stdin {
                    Some(input) => match input.over("") {
                        Some(text) => Some(text.into_bytes()),
                        None => Box::pin(self.fetched(input)).await?,
                    },
                    None => None,
                };
                Ok(Some(self.channel.answer(site, argv, input.as_deref()).await?))
            }
            // A secret is resolved where the action is known to have one.
            Content::Text(_) | Content::Block { .. } | Content::Secret(_) => Ok(None),
        }
    }

    /// Returns what a file at another site holds.
    async fn copied(&self, site: &Site, path: &str) -> Result<Vec<u8>, BackendError> {
        let evidence = self.ask(&Probe::file(site, path)).await?;
        if let Evidence::File(FileState { text: Some(text), .. }) = evidence {
            return Ok(text.into_bytes());
        }
        let mut error = BackendError::new(
            ErrorKind::NotFound,
            format!("`{path}` of `{site}`, which is to be copied, is no text that can be read now"),
        )
        .with_hint(format!("see that `{site}` runs and has it, then run the command again"));
        error.log = describe(&evidence);
        Err(error)
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

    async fn ask(&self, probe: &Probe) -> Result<Evidence, BackendError> {
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

/// Returns an artifact's file, if it is one of this machine; never another than the one that is meant.
async fn carried(artifact: &Artifact) -> Result<Option<Vec<u8>>, BackendError> {
    let Source::File(path) = &artifact.source else { return Ok(None) };
    let wanted = &artifact.sha256;
    let bytes = tokio::fs::read(path).await.map_err(|cause| {
        BackendError::new(
            ErrorKind::Failed,
            format!("`{path}` of the artifact `{}` cannot be read", artifact.name),
        )
        .with_hint("put the file there, or name another under `artifacts` in the configuration")
        .caused_by(cause)
    })?;
    let found: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    if found == *wanted {
        return Ok(Some(bytes));
    }
    let message = format!(
        "`{path}` is not the artifact `{}`: its SHA-256 is {found} instead of {wanted}",
        artifact.name
    );
    Err(BackendError::new(ErrorKind::Invalid, message)
        .with_hint("put the right file there; if this one is meant, name its SHA-256 under `artifacts`"))
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
