//! What the user writes for `phoenix-program`: nothing. What the program is, it says itself.

use phoenix_core::Problems;
use schemars::JsonSchema;
use serde::Deserialize;

/// The configuration of `phoenix-program`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The program that is installed. Filled in by the one that runs: itself.
    pub program: Option<Program>,
}

/// A program, as it is on the machine that Phoenix runs on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Its file.
    pub file: String,
    /// Its version.
    pub version: String,
    /// Its SHA-256, in lower-case hex.
    pub sha256: String,
}

impl Config {
    /// Returns what is wrong with it as a whole.
    pub fn problems(&self) -> Problems {
        let mut problems = Problems::default();
        match &self.program {
            None => problems.add("", "nobody says which program it is"),
            Some(program) => {
                let is_sum = |sum: &str| {
                    sum.len() == 64 && sum.bytes().all(|byte| b"0123456789abcdef".contains(&byte))
                };
                if !program.file.starts_with('/') {
                    problems.add("/program/file", format!("`{}` is no absolute path", program.file));
                }
                if !is_sum(&program.sha256) {
                    problems.add("/program/sha256", "it is no SHA-256 in lower-case hex");
                }
            }
        }
        problems
    }
}
