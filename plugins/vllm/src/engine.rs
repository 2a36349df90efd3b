//! The engine options of a configuration as words of vLLM's command line.

use phoenix_core::Problems;
use serde_json::{Map, Value};

use crate::options::{Kind, advice, kind};

/// Options as they are given, without their groups.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Engine {
    /// By name with dashes; where in the configuration each stands.
    options: Vec<(String, Value, String)>,
}

impl Engine {
    /// Takes the options out of their groups, as vLLM's classes have them.
    pub(crate) fn new(given: &Map<String, Value>) -> Self {
        let mut options = Vec::new();
        for (key, value) in given {
            match value {
                Value::Object(group) if key.ends_with("Config") => {
                    options.extend(group.iter().map(|(name, value)| {
                        (name.replace('_', "-"), value.clone(), format!("/engine/{key}/{name}"))
                    }));
                }
                _ => options.push((key.replace('_', "-"), value.clone(), format!("/engine/{key}"))),
            }
        }
        options.sort_by(|a, b| a.0.cmp(&b.0));
        Self { options }
    }

    /// Returns an option's value.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.options.iter().find(|(known, ..)| known == name).map(|(_, value, _)| value)
    }

    /// Returns an option that is a text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// Returns an option that is a number; the other one if it is not given.
    pub(crate) fn number(&self, name: &str, default: u64) -> u64 {
        self.get(name).and_then(Value::as_u64).unwrap_or(default)
    }

    /// Returns how many cards it computes on.
    pub(crate) fn cards(&self) -> u64 {
        let size = |name| self.number(name, 1).max(1);
        let of_others = size("pipeline-parallel-size").saturating_mul(size("data-parallel-size"));
        size("tensor-parallel-size").saturating_mul(of_others)
    }

    /// Returns the share of each card's memory that it takes, in hundredths.
    pub(crate) fn share(&self) -> u32 {
        // What vLLM takes where nothing is said.
        let share = self.get("gpu-memory-utilization").and_then(Value::as_f64).unwrap_or(0.92);
        let share = (share * 100.0).ceil().clamp(0.0, 1000.0);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is between 0 and 1000"
        )]
        let share = share as u32;
        share
    }

    /// Returns the words behind `vllm serve`, without the options that are wrong.
    pub(crate) fn words(&self) -> Vec<String> {
        self.resolve().0
    }

    /// Returns what is wrong with the options.
    pub(crate) fn problems(&self) -> Problems {
        self.resolve().1
    }

    fn resolve(&self) -> (Vec<String>, Problems) {
        let mut words = Vec::new();
        let mut problems = Problems::default();
        match self.text("model") {
            Some(model) if !model.is_empty() && !model.starts_with('-') => words.push(model.to_owned()),
            _ => {
                let hint =
                    "write a name of Hugging Face or a path: `\"engine\": {\"model\": \"Qwen/Qwen3-4B\"}`";
                problems.refuse("/engine", "no model is named", hint);
            }
        }
        // The port is always said: who reads the unit can see it.
        if self.get("port").is_none() {
            words.push("--port=8000".to_owned());
        }
        for (index, (name, value, pointer)) in self.options.iter().enumerate() {
            let given = name.replace('-', "_");
            if self.options[..index].iter().any(|(other, ..)| other == name) {
                problems.refuse(pointer, format!("`{given}` is given twice"), "take one out");
                continue;
            }
            if name == "model" || value.is_null() {
                continue;
            }
            if name == "hf-token" || name == "api-key" {
                let hint =
                    format!("put a reference into the feature's key `{given}`, for instance \"env:NAME\"");
                problems.refuse(pointer, format!("`{given}` would stand in clear in the unit"), hint);
                continue;
            }
            match kind(name).map(|kind| option(name, kind, value)) {
                Some(Ok(option)) => words.extend(option),
                Some(Err(wanted)) => {
                    let message = format!("`{given}` takes {wanted}");
                    problems.refuse(pointer, message, "see vLLM's `--help=all`");
                }
                None => {
                    let message = format!("`vllm serve` has no option `{given}`");
                    problems.refuse(pointer, message, advice(name));
                }
            }
        }
        (words, problems)
    }
}

fn option(name: &str, kind: Kind, value: &Value) -> Result<Vec<String>, &'static str> {
    match (kind, value) {
        (Kind::Switch | Kind::Mark, Value::Bool(true)) => Ok(vec![format!("--{name}")]),
        (Kind::Switch, Value::Bool(false)) => Ok(vec![format!("--no-{name}")]),
        (Kind::Mark, Value::Bool(false)) => Ok(Vec::new()),
        (Kind::Switch | Kind::Mark, _) => Err("true or false"),
        (Kind::Value, Value::String(_) | Value::Number(_)) => Ok(vec![format!("--{name}={}", text(value))]),
        (Kind::Value, _) => Err("a text or a number"),
        (Kind::Words, Value::String(_) | Value::Number(_)) => several(name, std::slice::from_ref(value)),
        (Kind::Words, Value::Array(values)) if !values.is_empty() => several(name, values),
        (Kind::Words, _) => Err("a text or a list of texts"),
        (Kind::Json, Value::Object(_) | Value::Array(_)) => Ok(vec![format!("--{name}={value}")]),
        (Kind::Json, Value::String(json)) => Ok(vec![format!("--{name}={json}")]),
        (Kind::Json, _) => Err("an object or a list"),
    }
}

fn several(name: &str, values: &[Value]) -> Result<Vec<String>, &'static str> {
    let words: Vec<String> = values.iter().map(text).collect();
    // The word would be taken for the next option.
    if words.iter().any(|word| word.starts_with('-')) {
        return Err("words that do not begin with a dash");
    }
    Ok([format!("--{name}")].into_iter().chain(words).collect())
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
