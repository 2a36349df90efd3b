//! What the script says of a server: a line for each environment and each stack. The plan holds these lines against its
//! own, so that a line is also the proof of a step.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    compose,
    config::{Environment, Stack, Variable},
};

/// What a server has, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) environments: BTreeMap<String, Value>,
    pub(crate) stacks: BTreeMap<String, Value>,
}

impl State {
    /// Reads what the script said.
    pub(crate) fn read(said: &str) -> Self {
        let mut state = Self::default();
        for line in said.lines() {
            let Ok(row) = serde_json::from_str::<Value>(line) else { continue };
            // A stack names its environment too.
            match (row["stack"].as_str(), row["environment"].as_str()) {
                (Some(stack), _) => drop(state.stacks.insert(stack.to_owned(), row)),
                (None, Some(environment)) => drop(state.environments.insert(environment.to_owned(), row)),
                (None, None) => {}
            }
        }
        state
    }
}

/// Returns the line of an environment that is as it shall be.
pub(crate) fn environment_line(name: &str, environment: &Environment) -> String {
    let (kind, url) = environment.words();
    line(&[("environment", json!(name)), ("kind", json!(kind)), ("url", json!(url))])
}

/// Returns the line of a stack that is as it shall be.
pub(crate) fn stack_line(name: &str, stack: &Stack) -> String {
    let services: Vec<String> = compose::services(&stack.compose).unwrap_or_default().into_iter().collect();
    line(&[
        ("environment", json!(stack.environment)),
        ("owned", json!(true)),
        ("services", json!(services)),
        ("stack", json!(name)),
        ("sum", json!(sum(stack))),
    ])
}

/// Returns the digest of a stack's file and variables. Of a secret it has only whether it is the one that the guest has.
pub(crate) fn sum(stack: &Stack) -> String {
    let mut text = String::new();
    counted(&mut text, &stack.compose);
    for (name, variable) in &stack.variables {
        counted(&mut text, name);
        match variable {
            Variable::Plain(value) => {
                text.push('v');
                counted(&mut text, value);
            }
            Variable::Secret(_) => text.push_str("s,"),
        }
    }
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn counted(text: &mut String, value: &str) {
    text.push_str(&format!("{}:{value},", value.len()));
}

/// Returns an object as the script writes it: keys sorted, no spaces.
fn line(keys: &[(&str, Value)]) -> String {
    let keys: Vec<String> = keys.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
    format!("{{{}}}", keys.join(","))
}
