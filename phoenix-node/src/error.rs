//! What can go wrong when a node directory is opened, read or written.

use std::{io, path::PathBuf};

/// Why the node cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// A file or directory could not be read or written.
    #[error("could not {verb} `{}`", path.display())]
    Io {
        /// What was tried.
        verb: &'static str,
        /// Where.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("could not understand `{}`", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// Another process has the directory.
    #[error(
        "the node directory `{}` is in use by process {pid}; wait for it to end, or give another directory with `--node-dir`",
        path.display()
    )]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The process, as far as it is known.
        pid: String,
    },
    /// The directory holds something else.
    #[error(
        "`{}` is not a node directory of Phoenix (it has no `{}`), so it is left alone; give an empty or new directory with `--node-dir`",
        path.display(),
        crate::store::VERSION_FILE
    )]
    Foreign {
        /// The directory.
        path: PathBuf,
    },
    /// The directory was written by another version.
    #[error(
        "`{}` was written in version {found} of the node's format, this Phoenix knows version {known}; use the Phoenix that wrote it, or start afresh with `phoenix node reset`",
        path.display()
    )]
    Version {
        /// The directory.
        path: PathBuf,
        /// Its version.
        found: String,
        /// Ours.
        known: u32,
    },
}
