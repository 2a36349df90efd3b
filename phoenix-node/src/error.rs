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
    /// The address cannot be listened on.
    #[error("could not listen on `{address}`; name another one with `--listen`")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The certificate could not be made or read.
    #[error("could not use the node's certificate: {what}; `phoenix node reset` lets it be made anew")]
    Certificate {
        /// What is wrong with it.
        what: String,
    },
    /// The system gave no random numbers.
    #[error("could not make a secret")]
    Random {
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The engine of real containers could not be used.
    #[error("the engine `lxc` could not be used")]
    Engine {
        /// The cause.
        #[source]
        source: phoenix_sandbox::SandboxError,
    },
    /// The directory's guests are those of the other engine.
    #[error(
        "the guests in `{}` are those of the engine `{found}`; say `--node-engine {found}`, or give another directory with `--node-dir`",
        path.display()
    )]
    OtherEngine {
        /// The directory.
        path: PathBuf,
        /// The engine that they are of.
        found: &'static str,
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
    /// The process that serves the node did not do what it was asked for.
    #[error("the process that serves the node in `{}` said: {text}", dir.display())]
    Served {
        /// The directory.
        dir: PathBuf,
        /// What it said.
        text: String,
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

/// Returns an error with its causes, in one line.
pub(crate) fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(&format!(": {next}"));
        cause = next.source();
    }
    text
}
