//! Blocks in files that others write to as well: read, merged here, and written only over what was read.

use phoenix_core::{Action, BackendError, Content, ErrorKind, Evidence, Probe, Site};

use super::{answer, live::LiveChannel, port::GuestChannel, request::Expected};

/// How often a file that somebody else writes to as well is tried.
const CONTESTED: usize = 5;

impl LiveChannel {
    /// Writes a block into a file that others write to as well: what is there is read first, and if it is not there any
    /// more when the new content is, it is begun again.
    pub(super) async fn merge(
        &self,
        site: &Site,
        action: &Action,
        path: &str,
        content: &Content,
    ) -> Result<(), BackendError> {
        let probe = Probe::File { site: site.clone(), path: path.to_owned() };
        let mut attempts = 0;
        loop {
            attempts += 1;
            let evidence = self.ask(site, std::slice::from_ref(&probe)).await.pop();
            let (old, expected) = match evidence.unwrap_or_else(|| Err(answer::garbled(site)))? {
                Evidence::File(file) if file.directory => (String::new(), Expected::Any),
                Evidence::File(file) => match file.text {
                    Some(text) => (text, Expected::Sha256(file.sha256)),
                    // A link to nowhere holds nothing.
                    None if file.sha256.is_empty() => (String::new(), Expected::Any),
                    None => {
                        let message =
                            format!("`{path}` is no text that a block could be put into (in `{site}`)");
                        return Err(BackendError::new(ErrorKind::Failed, message));
                    }
                },
                _ => (String::new(), Expected::Sha256("none".to_owned())),
            };
            let body = content.over(&old).unwrap_or_default();
            match self.done(site, action, Some(body.as_bytes()), &expected).await {
                Err(error) if error.kind == ErrorKind::Changed && attempts < CONTESTED => {}
                ended => return ended,
            }
        }
    }
}
