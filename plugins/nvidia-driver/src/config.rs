//! What the user writes for `nvidia-driver`.

use phoenix_core::{Artifact, Problems};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// The configuration of `nvidia-driver`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The version, for instance `580.76.05`.
    pub version: String,
    /// NVIDIA's installer of that version: name, version, source and SHA-256 of the file.
    #[serde(default)]
    #[schemars(with = "Option<Value>")]
    pub runfile: Option<Artifact>,
    /// Which sort of kernel modules is built.
    #[serde(default)]
    pub modules: Modules,
    /// Options of the module `nvidia`, such as `NVreg_PreserveVideoMemoryAllocations=1`.
    #[serde(default)]
    pub options: Vec<String>,
}

/// Which sort of kernel modules is built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Modules {
    /// The open ones, which cards from 2018 on have and those from 2025 on need.
    #[default]
    Open,
    /// NVIDIA's own, for older cards.
    Proprietary,
}

impl Modules {
    /// Returns NVIDIA's word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Proprietary => "proprietary",
        }
    }
}

impl Config {
    /// Returns what is wrong with it as a whole.
    pub fn problems(&self) -> Problems {
        let mut problems = Problems::default();
        let is_version = self.version.split('.').count() >= 2
            && self
                .version
                .split('.')
                .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
        if !is_version {
            problems.add("/version", format!("`{}` is no version, such as `580.76.05`", self.version));
        }
        match &self.runfile {
            None => problems.refuse(
                "/runfile",
                "the driver's installer has no source or no checksum",
                "write `runfile_url` and `runfile_sha256` (`sha256sum` of the file) under `nvidia_driver`",
            ),
            Some(runfile) if runfile.version != self.version => {
                problems.add(
                    "/runfile",
                    format!(
                        "the installer is of version {}, and {} is wanted",
                        runfile.version, self.version
                    ),
                );
            }
            Some(runfile) => {
                let is_sum =
                    runfile.sha256.len() == 64 && runfile.sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
                if !is_sum {
                    problems.add("/runfile/sha256", format!("`{}` is no SHA-256", runfile.sha256));
                }
            }
        }
        for (at, option) in self.options.iter().enumerate() {
            let is_option = option.split_once('=').is_some_and(|(name, value)| {
                let is_plain = |text: &str| {
                    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
                };
                is_plain(name) && is_plain(value)
            });
            if !is_option {
                problems.add(
                    format!("/options/{at}"),
                    format!("`{option}` is no option of a module, such as `NAME=1`"),
                );
            }
        }
        problems
    }
}
