//! What can go wrong with a plugin: with its file, with opening it, and in a call.

use std::{io, path::PathBuf};

use phoenix_core::Diagnostic;
use semver::{Version, VersionReq};

use super::library::LARGEST;
use crate::{
    manifest::{ManifestError, SECTION},
    table::{PROTOCOL, TABLE},
};

/// Why a plugin cannot be used, or did not answer.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// Its file could not be read.
    #[error("could not read the plugin `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// Its file is larger than any plugin.
    #[error("the plugin `{}` is larger than {} MiB", path.display(), LARGEST >> 20)]
    Large {
        /// The file.
        path: PathBuf,
    },
    /// Its file is another than the configuration lists.
    #[error("the plugin `{}` is not the file that was listed: its SHA-256 is {found}", path.display())]
    Hash {
        /// The file.
        path: PathBuf,
        /// What it has.
        found: String,
    },
    /// Its file is no shared library of this machine.
    #[error("`{}` is no shared library for this machine: {why}", path.display())]
    NotALibrary {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// It has no manifest.
    #[error("`{}` is a library, but no plugin of Phoenix: it has no section `{SECTION}`", path.display())]
    NoManifest {
        /// The file.
        path: PathBuf,
    },
    /// Its manifest cannot be used.
    #[error("the manifest of the plugin `{}` cannot be used: {source}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: ManifestError,
    },
    /// It was made for other versions of Phoenix.
    #[error("the plugin `{name}` is made for Phoenix `{wanted}`, and this is {found}")]
    Version {
        /// Its name.
        name: String,
        /// The versions that it names.
        wanted: VersionReq,
        /// This one.
        found: Version,
    },
    /// What it exports is no table of this version.
    #[error("the plugin `{name}` does not keep the contract: {why}")]
    Table {
        /// Its name.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// The dynamic linker refused it.
    #[error("could not open the plugin `{name}`: {why}")]
    Open {
        /// Its name.
        name: String,
        /// What the linker said.
        why: String,
    },
    /// Its process could not be started.
    #[error("could not start the process of the plugin `{name}`")]
    Start {
        /// Its name.
        name: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// Its process ended in a call.
    #[error("the plugin `{name}` died in a call: {status}")]
    Died {
        /// Its name.
        name: String,
        /// How it ended.
        status: String,
        /// The last that it wrote to its standard error.
        said: String,
    },
    /// It did not answer in time.
    #[error("the plugin `{name}` did not answer within {seconds} s and was ended")]
    Slow {
        /// Its name.
        name: String,
        /// How long it had.
        seconds: u32,
        /// The last that it wrote to its standard error.
        said: String,
    },
    /// Its process ended too often.
    #[error("the plugin `{name}` has failed {times} times in this run and is not started again")]
    GivenUp {
        /// Its name.
        name: String,
        /// How often.
        times: u32,
    },
    /// What it answered is no answer.
    #[error("the plugin `{name}` gave no proper answer: {why}")]
    Answer {
        /// Its name.
        name: String,
        /// What is wrong with it.
        why: String,
    },
}

impl PluginError {
    /// Returns its stable name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read { .. } | Self::Large { .. } => "plugin-file",
            Self::Hash { .. } => "plugin-hash",
            Self::NotALibrary { .. } => "plugin-library",
            Self::NoManifest { .. } | Self::Manifest { .. } => "plugin-manifest",
            Self::Version { .. } => "plugin-version",
            Self::Table { .. } | Self::Open { .. } => "plugin-contract",
            Self::Start { .. } | Self::Died { .. } | Self::GivenUp { .. } => "plugin-died",
            Self::Slow { .. } => "plugin-slow",
            Self::Answer { .. } => "plugin-answer",
        }
    }

    /// Returns what the user can do.
    pub fn hint(&self) -> String {
        match self {
            Self::Read { path, .. } => {
                format!("try `ls -l {}`; a relative path starts at the config directory", path.display())
            }
            Self::Large { .. } => "name the library itself".to_owned(),
            Self::Hash { found, .. } => {
                format!("if you trust the file as it is now, write `\"sha256\": \"{found}\"`")
            }
            Self::NotALibrary { .. } => {
                "name the `.so` that the plugin's build made for this machine".to_owned()
            }
            Self::NoManifest { .. } => {
                "build it with the macro `phoenix_plugin::export!`, or see docs/plugins.md for C".to_owned()
            }
            Self::Manifest { source: ManifestError::Protocol { .. }, .. } => {
                format!("get a build of it for version {PROTOCOL}, or another Phoenix")
            }
            Self::Manifest { .. } => "docs/plugins.md says what stands in a manifest".to_owned(),
            Self::Version { .. } => "get a build of it for this Phoenix, or another Phoenix".to_owned(),
            Self::Table { .. } => format!("docs/plugins.md says what `{TABLE}` holds"),
            Self::Open { .. } => {
                "a plugin brings along what it needs: only libraries of the system may be missing".to_owned()
            }
            Self::Start { .. } => {
                "this is the program that Phoenix starts for it: is it still there?".to_owned()
            }
            Self::Died { said, .. } => last_words("nothing was changed", said),
            Self::Slow { said, .. } => {
                last_words("nothing was changed; `timeout_s` of its entry gives it more time", said)
            }
            Self::GivenUp { .. } => "the findings before this one say why".to_owned(),
            Self::Answer { .. } => {
                "this is a fault of the plugin; `phoenix plugin verify FILE` finds more".to_owned()
            }
        }
    }

    /// Returns it as a finding.
    pub fn finding(&self) -> Diagnostic {
        let mut message = self.to_string();
        if let Some(cause) =
            std::error::Error::source(self).filter(|_| !matches!(self, Self::Manifest { .. }))
        {
            message = format!("{message}: {cause}");
        }
        Diagnostic::error(self.code(), message).with_hint(self.hint())
    }
}

fn last_words(hint: &str, said: &str) -> String {
    if said.is_empty() { hint.to_owned() } else { format!("{hint}; it said last: {said}") }
}
