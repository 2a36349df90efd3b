//! What can go wrong on the way to a site: each says where, what, and what to do about it.

use phoenix_core::{BackendError, ErrorKind};

/// A way that did not lead to a site, or a program there that did not end as it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// A program of this machine could not be started.
    #[error("`{program}` could not be started: {what}")]
    NoProgram {
        /// The program.
        program: String,
        /// Why.
        what: String,
    },
    /// No connection.
    #[error("`{place}` cannot be reached by ssh: {what}")]
    Unreachable {
        /// Where, as `user@host:port`.
        place: String,
        /// What ssh said.
        what: String,
    },
    /// The host's key is not known.
    #[error("the ssh key of `{place}` is not known")]
    UnknownKey {
        /// Where.
        place: String,
        /// How one looks at it: the words of the command.
        command: String,
    },
    /// The host's key is not the one that is known.
    #[error(
        "the ssh key of `{place}` is not the one that is known: it was installed anew, or somebody sits between"
    )]
    ChangedKey {
        /// Where.
        place: String,
        /// The host as `known_hosts` has it.
        host: String,
    },
    /// The host does not let us in.
    #[error("`{place}` does not let us in by ssh: {what}")]
    Refused {
        /// Where.
        place: String,
        /// What ssh said.
        what: String,
    },
    /// It took too long and was ended.
    #[error("work on `{place}` did not end within {seconds} s")]
    Late {
        /// Where.
        place: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// It said too much and was ended.
    #[error("work on `{place}` says more than {mib} MiB")]
    Long {
        /// Where.
        place: String,
        /// The limit.
        mib: usize,
    },
    /// The connection was lost, or the shell there did not do what it was told.
    #[error("work on `{place}` broke off: {what}")]
    Lost {
        /// Where.
        place: String,
        /// What was said last.
        what: String,
    },
}

impl ChannelError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoProgram { .. } | Self::Long { .. } | Self::Lost { .. } => ErrorKind::Failed,
            Self::Unreachable { .. } | Self::UnknownKey { .. } | Self::ChangedKey { .. } => {
                ErrorKind::Unreachable
            }
            Self::Refused { .. } => ErrorKind::Forbidden,
            Self::Late { .. } => ErrorKind::Timeout,
        }
    }

    /// Returns what the user can do.
    pub fn hint(&self) -> String {
        match self {
            Self::NoProgram { program, .. } => {
                format!("install it (`openssh-client` has `ssh`, `pve-container` has `pct`), or add its directory to `PATH`: `{program}`")
            }
            Self::Unreachable { .. } => {
                "check that sshd runs there and that nothing in between blocks it; `--ssh USER@HOST:PORT` names another address"
                    .to_owned()
            }
            Self::UnknownKey { command, .. } => {
                format!("type `{command}` once and compare the key; a host of `--ssh-config FILE` can name a `UserKnownHostsFile` of its own")
            }
            Self::ChangedKey { host, .. } => {
                format!("if it was installed anew, type `ssh-keygen -R '{host}'`, then log in once and compare the key")
            }
            Self::Refused { place, .. } => {
                format!("type `ssh-copy-id {place}`: Phoenix logs in with a key, never with a password")
            }
            Self::Late { place, .. } => {
                format!("look at `{place}` and see what it waits for, then run the command again")
            }
            Self::Long { .. } => "let it say less: only what a plan needs to know is worth asking for".to_owned(),
            Self::Lost { .. } => "run the command again: what was done is found".to_owned(),
        }
    }
}

impl From<ChannelError> for BackendError {
    fn from(error: ChannelError) -> Self {
        Self::new(error.kind(), error.to_string()).with_hint(error.hint())
    }
}
