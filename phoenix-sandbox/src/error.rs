//! What can go wrong.

use std::path::{Path, PathBuf};

/// Why something could not be done on this machine.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// A program is not installed.
    #[error("`{program}` is not installed: `apt-get install {package}` brings it (Debian, Ubuntu)")]
    Missing {
        /// The program.
        program: String,
        /// The package of Debian that has it.
        package: String,
    },
    /// Only root may do it.
    #[error("real containers need root: run the command with `sudo`, or leave `--node-engine` at `sim`")]
    NotRoot,
    /// A program failed.
    #[error("`{program}` failed ({status}): {said}")]
    Command {
        /// The words that were run.
        program: String,
        /// Its exit status, or the signal that ended it.
        status: String,
        /// The end of what it wrote on standard error.
        said: String,
    },
    /// A program took too long and was ended.
    #[error("`{program}` did not end within {seconds} s and was ended")]
    Late {
        /// The words that were run.
        program: String,
        /// The limit.
        seconds: u64,
    },
    /// A file could not be read or written.
    #[error("could not {what} `{path}`: {source}")]
    File {
        /// What was tried: `read`, `write`, `make`, `remove`.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// An image could not be built.
    #[error(
        "could not build the image `{name}` from `{mirror}`: {cause}; a tarball of the system can also be put at `{tarball}`"
    )]
    Build {
        /// The family.
        name: String,
        /// Where its packages come from.
        mirror: String,
        /// Where a tarball is looked for first.
        tarball: PathBuf,
        /// What failed.
        cause: Box<SandboxError>,
    },
    /// Something is not as it must be.
    #[error("{0}")]
    Wrong(String),
}

impl SandboxError {
    /// Returns the error of a file operation.
    pub(crate) fn file(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { what, path, source }
    }
}
