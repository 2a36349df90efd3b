//! What the user writes for `apparmor-profiles`.

use std::collections::BTreeMap;

use phoenix_core::Problems;
use schemars::JsonSchema;
use serde::Deserialize;

/// The configuration of `apparmor-profiles`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The profiles, each by its name and with its text, which begins to describe it by `profile NAME`.
    pub profiles: BTreeMap<String, String>,
}

impl Config {
    /// Returns what is wrong with it as a whole.
    pub fn problems(&self) -> Problems {
        let mut problems = Problems::default();
        for (name, text) in &self.profiles {
            let pointer = format!("/profiles/{}", name.replace('~', "~0").replace('/', "~1"));
            let is_name = !name.is_empty()
                && name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
            if !is_name {
                problems.add(&pointer, format!("`{name}` is no plain name of a profile"));
            }
            let describes = |line: &str| {
                let mut words = line.split_whitespace();
                words.next() == Some("profile")
                    && words.next().map(|word| word.trim_matches('"')) == Some(name)
            };
            if !text.lines().any(describes) {
                let hint = format!("its text has a line that begins with `profile {name}`");
                problems.refuse(&pointer, format!("the text of `{name}` describes another profile"), hint);
            }
        }
        problems
    }
}
