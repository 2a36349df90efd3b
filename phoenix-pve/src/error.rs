//! What can go wrong between Phoenix and Proxmox VE, and what it means: PVE answers most failures with status 500 and
//! says in the text what happened, so the sort of an error is read from the text.

use std::collections::BTreeMap;

use phoenix_core::{BackendError, ErrorKind};

use crate::transport::TransportError;

/// A call of the API, or something about it, that failed.
#[derive(Debug, thiserror::Error)]
pub enum PveError {
    /// The call was answered with an error.
    #[error("{method} {path} was refused with {status}: {message}")]
    Refused {
        /// The method's word.
        method: &'static str,
        /// The path.
        path: String,
        /// The HTTP status.
        status: u16,
        /// PVE's message.
        message: String,
        /// The parameters that were refused, with the reason each.
        fields: BTreeMap<String, String>,
    },
    /// There was no answer.
    #[error("{method} {path} was not answered")]
    Unanswered {
        /// The method's word.
        method: &'static str,
        /// The path.
        path: String,
        /// Why.
        #[source]
        source: TransportError,
    },
    /// The answer is not what this call is answered with.
    #[error("could not read the answer to {method} {path}")]
    Undecodable {
        /// The method's word.
        method: &'static str,
        /// The path.
        path: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The parameters could not be written down.
    #[error("could not encode the parameters of {path}")]
    Unencodable {
        /// The path.
        path: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A text cannot stand in a path or a parameter.
    #[error("`{text}` is not {wanted}")]
    BadName {
        /// The text.
        text: String,
        /// What it should have been, for a sentence.
        wanted: &'static str,
    },
    /// A task ran and failed.
    #[error("task `{kind}` of `{id}` on node `{node}` failed: {message}")]
    Task {
        /// The task's type, for instance `vzcreate`.
        kind: String,
        /// What it worked on.
        id: String,
        /// Its node.
        node: String,
        /// Its exit status.
        message: String,
        /// The last lines of its log.
        log: Vec<String>,
    },
    /// A task did not end in time.
    #[error("task `{upid}` did not end within {seconds} s")]
    TaskTimeout {
        /// The task.
        upid: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The way to a host could not be prepared.
    #[error("could not prepare the way to `{url}`: {what}")]
    Setup {
        /// The host.
        url: String,
        /// What is wrong.
        what: String,
    },
    /// A secret could not be resolved. Its content is never part of an error.
    #[error("could not resolve the secret `{reference}`")]
    Secret {
        /// The reference, not the content.
        reference: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl PveError {
    /// Returns the sort of failure.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused { status, message, .. } => classify(*status, message),
            Self::Unanswered { .. } => ErrorKind::Unreachable,
            Self::Undecodable { .. } => ErrorKind::Failed,
            Self::Unencodable { .. } | Self::BadName { .. } | Self::Setup { .. } | Self::Secret { .. } => {
                ErrorKind::Invalid
            }
            Self::Task { message, log, .. } => match classify(500, message) {
                // `job errors` and the like say nothing; the reason is in the log then.
                ErrorKind::Failed => log.last().map_or(ErrorKind::Failed, |line| classify(500, line)),
                kind => kind,
            },
            Self::TaskTimeout { .. } => ErrorKind::Timeout,
        }
    }

    /// Tells whether nobody knows what became of the call: it was not answered, or lost behind a proxy.
    pub fn is_lost(&self) -> bool {
        match self {
            Self::Unanswered { .. } => true,
            Self::Refused { status, .. } => Cut::of(*status).is_some(),
            Self::Undecodable { .. }
            | Self::Unencodable { .. }
            | Self::BadName { .. }
            | Self::Task { .. }
            | Self::TaskTimeout { .. }
            | Self::Setup { .. }
            | Self::Secret { .. } => false,
        }
    }

    /// Tells whether PVE said that the vmid, snapshot or file is taken already.
    pub fn says_exists(&self) -> bool {
        match self {
            Self::Refused { message, .. } | Self::Task { message, .. } => {
                message.contains("already exists") || message.contains("already used")
            }
            Self::Unanswered { .. }
            | Self::Undecodable { .. }
            | Self::Unencodable { .. }
            | Self::BadName { .. }
            | Self::TaskTimeout { .. }
            | Self::Setup { .. }
            | Self::Secret { .. } => false,
        }
    }

    /// Tells whether PVE's text has this part.
    pub fn says(&self, part: &str) -> bool {
        match self {
            Self::Refused { message, .. } | Self::Task { message, .. } => message.contains(part),
            Self::Unanswered { .. }
            | Self::Undecodable { .. }
            | Self::Unencodable { .. }
            | Self::BadName { .. }
            | Self::TaskTimeout { .. }
            | Self::Setup { .. }
            | Self::Secret { .. } => false,
        }
    }

    fn hint(&self, kind: ErrorKind) -> Option<String> {
        let text = match kind {
            ErrorKind::Locked => {
                "another task works on it; `pct unlock` or `qm unlock` on its node removes a lock that none holds"
            }
            ErrorKind::Changed => "its configuration was changed meanwhile; run `phoenix plan` again",
            ErrorKind::Forbidden => match self {
                Self::Refused { status: 401, .. } => {
                    "check the user, the password or the token, and that they are still valid"
                }
                _ => {
                    "some options are for `root@pam` with a password alone: tokens may not set bind mounts, `devN` or features beyond nesting"
                }
            },
            ErrorKind::Full => "free space on the storage, or name another one in the configuration",
            ErrorKind::Unreachable => "check that the node is up and that its address and port are right",
            ErrorKind::Timeout => {
                "the node or its proxy took too long; run the command again, what was done is found"
            }
            ErrorKind::NotFound | ErrorKind::Invalid | ErrorKind::Failed | ErrorKind::Cancelled => {
                return None;
            }
        };
        Some(text.to_owned())
    }
}

impl From<PveError> for BackendError {
    fn from(error: PveError) -> Self {
        let kind = error.kind();
        let mut answer = Self::new(kind, error.to_string());
        answer.hint = error.hint(kind);
        match error {
            PveError::Refused { status, fields, .. } => {
                answer.fields = fields;
                answer.source = Cut::of(status).map(|cut| Box::new(cut) as _);
            }
            PveError::Task { log, .. } => answer.log = log,
            PveError::Unanswered { source, .. } => answer.source = Some(Box::new(source)),
            PveError::Undecodable { source, .. } | PveError::Unencodable { source, .. } => {
                answer.source = Some(Box::new(source));
            }
            PveError::Secret { source, .. } => answer.source = Some(Box::new(source)),
            PveError::BadName { .. } | PveError::TaskTimeout { .. } | PveError::Setup { .. } => {}
        }
        answer
    }
}

/// A call that a proxy lost on its way to the node that should carry it out: nobody knows whether that was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the proxy lost the node that the call is for ({status})")]
pub struct Cut {
    /// The HTTP status.
    pub status: u16,
}

impl Cut {
    /// Returns what a status says of the way, if it says that the call was lost there.
    pub fn of(status: u16) -> Option<Self> {
        matches!(status, 502 | 504 | 595..=599).then_some(Self { status })
    }
}

/// Returns the sort of a refusal, from its status and PVE's text.
pub fn classify(status: u16, message: &str) -> ErrorKind {
    let says = |parts: &[&str]| parts.iter().any(|part| message.contains(part));
    match status {
        401 | 403 => ErrorKind::Forbidden,
        404 => ErrorKind::NotFound,
        // The proxy between the nodes: 595 is no connection, 596 a broken one, 599 too many redirects or the like.
        502 | 595 | 597..=599 => ErrorKind::Unreachable,
        504 | 596 => ErrorKind::Timeout,
        _ if says(&["detected modified configuration", "checksum mismatch", "checksum missmatch"]) => {
            ErrorKind::Changed
        }
        _ if says(&["CT is locked", "VM is locked", "can't lock file", "cfs lock", "cfs-lock", "lock request timeout"])
            // A lock that was waited for in vain; a program that took too long is named as a command.
            || (message.contains("got timeout") && !message.contains("command '")) =>
        {
            ErrorKind::Locked
        }
        _ if says(&[
            "No space left",
            "out of space",
            "not enough space",
            "insufficient free space",
            "out of quota",
        ]) =>
        {
            ErrorKind::Full
        }
        _ if says(&["Permission check failed", "only root can"]) => ErrorKind::Forbidden,
        _ if says(&["does not exist", "no such volume", "unable to find configuration file"]) => {
            ErrorKind::NotFound
        }
        400 => ErrorKind::Invalid,
        _ if says(&["No route to host", "Connection refused", "Connection timed out"]) => {
            ErrorKind::Unreachable
        }
        _ if says(&["got timeout", "timed out", "timeout waiting"]) => ErrorKind::Timeout,
        _ => ErrorKind::Failed,
    }
}
