//! What the user writes for `portainer-stacks`; normally the files say it, and nobody writes it.

use std::collections::BTreeMap;

use phoenix_core::{Problems, SecretRef, render::is_variable};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::compose;

/// The configuration of `portainer-stacks`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The name that the server's certificate is for.
    pub name: String,
    /// The port of the server in its guest.
    #[serde(default = "port")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: u16,
    /// The administrator's name.
    #[serde(default = "admin_user")]
    pub admin_user: String,
    /// The administrator's password.
    #[schemars(with = "String")]
    pub admin_password: SecretRef,
    /// The file of the guest with the authorities that the server's certificate may be from.
    #[serde(default = "ca")]
    pub ca: String,
    /// The environments, by name.
    #[serde(default)]
    pub environments: BTreeMap<String, Environment>,
    /// The stacks, by name: lower-case letters, digits, `_` and `-`.
    #[serde(default)]
    pub stacks: BTreeMap<String, Stack>,
    /// How long the server may take until it answers, in seconds.
    #[serde(default = "ready_timeout_s")]
    pub ready_timeout_s: u32,
}

/// An environment: a Docker that stacks run in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Environment {
    /// The Docker of the server's own guest.
    Local {},
    /// One behind an agent.
    Agent {
        /// Where the agent is reached: `tcp://10.0.0.102:9001`.
        url: String,
    },
}

/// A stack.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stack {
    /// The environment that it runs in.
    pub environment: String,
    /// The text of its compose file.
    pub compose: String,
    /// The variables of its compose file.
    #[serde(default)]
    pub variables: BTreeMap<String, Variable>,
    /// Whether its images are pulled anew whenever it changes. Those that are missing are always pulled.
    #[serde(default)]
    pub pull: bool,
}

/// A variable of a compose file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Variable {
    /// Its value.
    Plain(String),
    /// Where its value is.
    Secret(Secret),
}

/// Where the value of a variable is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    /// A reference: `env:`, `file:` or `cmd:`.
    #[schemars(with = "String")]
    pub secret: SecretRef,
}

impl Environment {
    /// Returns its kind as the script has it, and where it is reached.
    pub(crate) fn words(&self) -> (&str, &str) {
        match self {
            Self::Local {} => ("local", "unix:///var/run/docker.sock"),
            Self::Agent { url } => ("agent", url),
        }
    }
}

impl Stack {
    /// Returns the variables whose values are secrets.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = (&String, &SecretRef)> {
        self.variables.iter().filter_map(|(name, variable)| match variable {
            Variable::Secret(Secret { secret }) => Some((name, secret)),
            Variable::Plain(_) => None,
        })
    }
}

impl Config {
    /// Returns what is wrong with it as a whole.
    pub(crate) fn problems(&self) -> Problems {
        let mut problems = Problems::default();
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || ".-".contains(letter);
        if self.name.is_empty() || !self.name.chars().all(is_name) {
            problems.add("/name", format!("`{}` is no host name", self.name));
        }
        if !self.ca.starts_with('/') {
            problems.add("/ca", format!("`{}` is no absolute path", self.ca));
        }
        for (name, environment) in &self.environments {
            let pointer = format!("/environments/{}", escaped(name));
            if name.trim() != name || name.is_empty() || name.chars().any(char::is_control) {
                problems.add(&pointer, format!("`{name}` is no name of an environment"));
            }
            if let Environment::Agent { url } = environment
                && !url.strip_prefix("tcp://").is_some_and(|rest| rest.contains(':') && !rest.contains('/'))
            {
                let message = format!("`{url}` is no address of an agent");
                problems.refuse(format!("{pointer}/url"), message, "write it as `tcp://10.0.0.102:9001`");
            }
        }
        for (name, stack) in &self.stacks {
            self.stack(&mut problems, name, stack);
        }
        problems
    }

    fn stack(&self, problems: &mut Problems, name: &str, stack: &Stack) {
        let pointer = format!("/stacks/{}", escaped(name));
        let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
        if !name.starts_with(plain) || !name.chars().all(|letter| plain(letter) || "_-".contains(letter)) {
            let message = format!("`{name}` is no name of a stack: Docker would make another one of it");
            problems.refuse(&pointer, message, "write it with lower-case letters, digits, `_` and `-`");
        }
        if !self.environments.contains_key(&stack.environment) {
            let message = format!("there is no environment `{}`", stack.environment);
            problems.add(format!("{pointer}/environment"), message);
        }
        if let Err(why) = compose::services(&stack.compose) {
            problems.add(format!("{pointer}/compose"), format!("the compose file of `{name}` {why}"));
        }
        for (variable, value) in &stack.variables {
            let text = match value {
                Variable::Plain(text) => text,
                Variable::Secret(_) => "",
            };
            if !is_variable(variable, text) || variable == "PHOENIX_STACK" {
                let message = format!("`{variable}` cannot be a variable, or not with this value");
                problems.add(format!("{pointer}/variables/{}", escaped(variable)), message);
            }
        }
    }
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn port() -> u16 {
    9443
}

fn admin_user() -> String {
    "admin".to_owned()
}

fn ca() -> String {
    "/etc/ssl/certs/ca-certificates.crt".to_owned()
}

fn ready_timeout_s() -> u32 {
    180
}
