//! What the user writes for `python-api-service`.

use std::collections::BTreeMap;

use phoenix_core::{Problems, SecretRef, render::is_variable};
use schemars::JsonSchema;
use serde::Deserialize;

/// The configuration of `python-api-service`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The services. Without one, Python, its `venv` and `pip` are installed and that is all.
    pub services: BTreeMap<String, Service>,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// The command: a program of the virtual environment, for instance `uvicorn`, and its arguments.
    pub command: Vec<String>,
    /// What pip installs, each with its exact version: `uvicorn==0.30.1`.
    #[serde(default)]
    pub requirements: Vec<String>,
    /// Where pip finds packages instead of PyPI: the address of an index, or the absolute path of a directory of wheels.
    #[serde(default)]
    pub index: Option<String>,
    /// Files of the service by their paths below its directory, for instance `app.py`.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// Its environment.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Variables of its environment that are secrets. Each is the content of a file that the service alone may read, and
    /// the variable is that file's path.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub secret_files: BTreeMap<String, SecretRef>,
    /// An address of its own that answers once it is ready, for instance `http://127.0.0.1:8000/health`.
    #[serde(default)]
    pub health: Option<String>,
}

impl Config {
    /// Returns what is wrong with it as a whole.
    pub fn problems(&self) -> Problems {
        let mut problems = Problems::default();
        for (name, service) in &self.services {
            let mut wrong = |key: &str, text: String| problems.add(format!("/services/{name}{key}"), text);
            let is_good =
                |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
            let begins = name.starts_with(|letter: char| letter.is_ascii_lowercase());
            if !begins || name.len() > 24 || !name.chars().all(is_good) {
                wrong("", format!("`{name}` is no name of at most 24 lower-case letters, digits and dashes"));
            }
            if service.command.first().is_none_or(|program| program.is_empty() || program.contains('/')) {
                wrong(
                    "/command",
                    "the first word is a program of the virtual environment, without a path".to_owned(),
                );
            }
            if service.command.iter().any(|word| word.contains('\0')) {
                wrong("/command", "an argument has a NUL in it".to_owned());
            }
            for requirement in &service.requirements {
                let is_pinned = requirement.split_once("==").is_some_and(|(package, version)| {
                    let plain = |text: &str| {
                        text.chars()
                            .all(|letter| letter.is_ascii_alphanumeric() || "._-[],+!".contains(letter))
                    };
                    !package.is_empty() && !version.is_empty() && plain(package) && plain(version)
                });
                if !is_pinned {
                    wrong(
                        "/requirements",
                        format!("`{requirement}` names no exact version: `package==1.2.3`"),
                    );
                }
            }
            for path in service.files.keys() {
                let is_below =
                    |part: &str| !matches!(part, "" | "." | "..") && !part.contains(char::is_control);
                if !path.split('/').all(is_below) || path.starts_with(".venv") {
                    wrong("/files", format!("`{path}` is no path below the service's directory"));
                }
            }
            let secrets = service.secret_files.keys().map(|name| (name, ""));
            let variables = service.environment.iter().map(|(name, value)| (name, value.as_str()));
            for (name, _) in variables.chain(secrets).filter(|(name, value)| !is_variable(name, value)) {
                wrong("/environment", format!("`{name}` cannot be a variable, or not with this value"));
            }
        }
        problems
    }
}
