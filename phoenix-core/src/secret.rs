//! References to secrets: the only form in which a secret stands in a spec, a plan or a log.

use serde::{Deserialize, Serialize};

use crate::id::IdError;

/// A reference to a secret: `env:NAME`, `file:/path` or `cmd:program argument …`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SecretRef {
    /// The environment variable of that name.
    Env(String),
    /// The content of that file, without the last line end.
    File(String),
    /// The output of that command, without the last line end.
    Cmd(Vec<String>),
}

impl std::fmt::Display for SecretRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{path}"),
            Self::Cmd(argv) => write!(f, "cmd:{}", argv.join(" ")),
        }
    }
}

impl From<SecretRef> for String {
    fn from(secret: SecretRef) -> Self {
        secret.to_string()
    }
}

impl TryFrom<String> for SecretRef {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Ok(Self::Env(name.to_owned())),
            Some(("file", path)) if path.starts_with('/') => Ok(Self::File(path.to_owned())),
            Some(("cmd", line)) if !line.trim().is_empty() => {
                Ok(Self::Cmd(line.split_whitespace().map(str::to_owned).collect()))
            }
            // The text itself may be the secret, so the error does not repeat it.
            _ => Err(IdError {
                text: "…".to_owned(),
                wanted: "a reference to a secret: `env:NAME`, `file:/path` or `cmd:program argument`",
            }),
        }
    }
}
