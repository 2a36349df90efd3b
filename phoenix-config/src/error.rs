//! What can go wrong outside the configuration itself.

use std::path::PathBuf;

use phoenix_core::Diagnostics;

/// What this crate could not do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A sort of file that does not exist.
    #[error("`{0}` is no sort of file; known: hypervisor, lxc, vm, stack, stacks, certificates")]
    UnknownKind(String),
    /// The files to migrate cannot be read.
    #[error("could not read the configuration in `{}`", dir.display())]
    Unreadable {
        /// The directory.
        dir: PathBuf,
        /// Every finding.
        findings: Diagnostics,
    },
    /// The directory to write to holds something else.
    #[error("`{}` is not empty and was not written by `phoenix migrate`", dir.display())]
    Occupied {
        /// The directory.
        dir: PathBuf,
    },
    /// A file or directory could not be read or written.
    #[error("could not {verb} `{}`", path.display())]
    Io {
        /// What was attempted.
        verb: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The result of a migration has errors: a fault of Phoenix.
    #[error("the migrated configuration still has errors")]
    StillBroken {
        /// Every finding.
        findings: Diagnostics,
    },
}
