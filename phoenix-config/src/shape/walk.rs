//! The walk itself: the keywords of JSON Schema that Phoenix's schemas and the predecessor's use.

use regex_lite::Regex;
use serde_json::{Map, Value};

use super::{Shape, Strictness, check_text};
use crate::source::{escape, last_key};

/// Returns the JSON type of a value, as JSON Schema calls it.
fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Returns the word nearest to one, if any is near.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::normalized_damerau_levenshtein(word, candidate), candidate))
        .filter(|(score, candidate)| *score >= 0.6 || candidate.starts_with(word) && word.len() > 3)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
}

impl<'a> Shape<'a> {
    pub(super) fn walk(&mut self, schema: &'a Value, value: &Value, pointer: &str) -> Option<Value> {
        let schema = self.resolve(schema);
        if let Some(branches) = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array)
        {
            return self.walk_branches(branches, value, pointer);
        }
        if let Some(wanted) = schema.get("enum").and_then(Value::as_array) {
            return self.walk_choice(wanted, value, pointer);
        }
        if !self.has_type(schema, value) {
            self.wrong_type(schema, value, pointer);
            return None;
        }
        match value {
            Value::Object(object) => self.walk_object(schema, object, pointer),
            Value::Array(items) => self.walk_array(schema, items, pointer),
            Value::String(text) => {
                self.walk_text(schema, text, pointer);
                Some(value.clone())
            }
            Value::Number(_) => self.walk_number(schema, value, pointer),
            Value::Bool(_) | Value::Null => Some(value.clone()),
        }
    }

    fn resolve(&self, schema: &'a Value) -> &'a Value {
        let mut schema = schema;
        while let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            match self.root.pointer(reference.trim_start_matches('#')) {
                Some(target) => schema = target,
                None => break,
            }
        }
        schema
    }

    fn has_type(&self, schema: &Value, value: &Value) -> bool {
        let kind = kind_of(value);
        let fits = |wanted: &str| wanted == kind || wanted == "number" && kind == "integer";
        match schema.get("type") {
            Some(Value::String(wanted)) => fits(wanted),
            Some(Value::Array(wanted)) => wanted.iter().filter_map(Value::as_str).any(fits),
            _ => true,
        }
    }

    fn wrong_type(&mut self, schema: &Value, value: &Value, pointer: &str) {
        let wanted = wanted_types(schema).join(" or ");
        let who = match self.strictness {
            Strictness::Own => "",
            Strictness::Shipped => "by the schema beside it, ",
        };
        let message =
            format!("{who}`{}` wants {wanted}, not {}", subject(pointer), with_article(kind_of(value)));
        let hint = match (value, wanted.as_str()) {
            (Value::String(text), "an integer" | "a number") if text.trim().parse::<f64>().is_ok() => {
                Some(format!("write {} without quotes", text.trim()))
            }
            (Value::String(text), "a boolean") if ["true", "false"].contains(&text.as_str()) => {
                Some(format!("write {text} without quotes"))
            }
            (Value::Number(number), "a string") => Some(format!("write \"{number}\" with quotes")),
            _ => None,
        };
        self.report("wrong-type", pointer, message, hint);
    }

    /// Takes the branch that fits the value's type; a choice of constants is one question, not many.
    fn walk_branches(&mut self, branches: &'a [Value], value: &Value, pointer: &str) -> Option<Value> {
        let branches: Vec<&Value> = branches.iter().map(|branch| self.resolve(branch)).collect();
        let mut constants = Vec::new();
        for branch in &branches {
            if let Some(constant) = branch.get("const") {
                constants.push(constant.clone());
            } else if let Some(more) = branch.get("enum").and_then(Value::as_array) {
                constants.extend(more.iter().cloned());
            }
        }
        let other = branches.iter().find(|branch| {
            branch.get("const").is_none() && branch.get("enum").is_none() && self.accepts(branch, value)
        });
        if let Some(branch) = other {
            return self.walk(branch, value, pointer);
        }
        if !constants.is_empty() {
            return self.walk_choice(&constants, value, pointer);
        }
        let wanted: Vec<String> = branches.iter().flat_map(|branch| self.branch_types(branch)).collect();
        let message = format!(
            "`{}` wants {}, not {}",
            subject(pointer),
            dedup(wanted).join(" or "),
            with_article(kind_of(value))
        );
        self.report("wrong-type", pointer, message, None);
        None
    }

    fn accepts(&self, branch: &'a Value, value: &Value) -> bool {
        match branch.get("anyOf").or_else(|| branch.get("oneOf")).and_then(Value::as_array) {
            Some(inner) => inner.iter().any(|inner| self.accepts(self.resolve(inner), value)),
            None => match branch.get("enum").and_then(Value::as_array) {
                Some(words) => value.is_string() && words.iter().any(Value::is_string),
                None => match branch.get("const") {
                    Some(constant) => kind_of(constant) == kind_of(value),
                    None => self.has_type(branch, value),
                },
            },
        }
    }

    fn branch_types(&self, branch: &'a Value) -> Vec<String> {
        match branch.get("anyOf").or_else(|| branch.get("oneOf")).and_then(Value::as_array) {
            Some(inner) => inner.iter().flat_map(|inner| self.branch_types(self.resolve(inner))).collect(),
            None => wanted_types(branch),
        }
    }

    fn walk_choice(&mut self, wanted: &[Value], value: &Value, pointer: &str) -> Option<Value> {
        if wanted.contains(value) || value.is_null() && self.strictness == Strictness::Own {
            return Some(value.clone());
        }
        let words: Vec<&str> = wanted.iter().filter_map(Value::as_str).collect();
        let given = match value {
            Value::String(text) => format!("`{text}`"),
            other => with_article(kind_of(other)),
        };
        let message = match self.strictness {
            Strictness::Own => format!("`{}` cannot be {given}", subject(pointer)),
            Strictness::Shipped => {
                format!("the schema beside it does not know {given} as `{}`", subject(pointer))
            }
        };
        let near = value.as_str().and_then(|text| nearest(text, words.iter().copied()));
        let hint = match near {
            Some(near) if self.strictness == Strictness::Own => format!("did you mean `{near}`?"),
            _ => format!(
                "it knows {}",
                words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
            ),
        };
        self.report("unknown-value", pointer, message, Some(hint));
        None
    }

    fn walk_object(
        &mut self,
        schema: &'a Value,
        object: &Map<String, Value>,
        pointer: &str,
    ) -> Option<Value> {
        let properties = schema.get("properties").and_then(Value::as_object);
        let patterns = schema.get("patternProperties").and_then(Value::as_object);
        let mut kept = Map::new();
        for (key, value) in object {
            let child = format!("{pointer}/{}", escape(key));
            if let Some(format) = schema.pointer("/propertyNames/format").and_then(Value::as_str)
                && let Some(problem) = check_text(format, key)
            {
                let repeated = format!("is `{key}`, which ");
                let what = problem.message.strip_prefix(&repeated).unwrap_or(&problem.message);
                self.report(problem.code, &child, format!("`{key}` {what}"), problem.hint);
                continue;
            }
            let described = properties.and_then(|properties| properties.get(key)).or_else(|| {
                patterns?
                    .iter()
                    .find(|(pattern, _)| Regex::new(pattern).is_ok_and(|regex| regex.is_match(key)))
                    .map(|(_, schema)| schema)
            });
            let checked = match (described, schema.get("additionalProperties")) {
                (Some(described), _) => self.walk(described, value, &child),
                (None, Some(Value::Bool(false))) => {
                    self.unknown_key(key, properties, &child);
                    None
                }
                (None, Some(more @ Value::Object(_))) => self.walk(more, value, &child),
                (None, _) => {
                    if properties.is_some() {
                        self.undescribed.push(child);
                    }
                    Some(value.clone())
                }
            };
            if let Some(checked) = checked {
                kept.insert(key.clone(), checked);
            }
        }
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .map(|keys| keys.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        for key in required.iter().filter(|key| !object.contains_key(**key)) {
            let message = match self.strictness {
                Strictness::Own => format!("{} lacks `{key}`", describe(pointer)),
                Strictness::Shipped => format!("the schema beside it wants `{key}` in {}", describe(pointer)),
            };
            self.report("missing-key", pointer, message, Some(format!("add `\"{key}\": …`")));
        }
        required.iter().all(|key| kept.contains_key(*key)).then_some(Value::Object(kept))
    }

    fn unknown_key(&mut self, key: &str, properties: Option<&Map<String, Value>>, pointer: &str) {
        let known: Vec<&str> =
            properties.map(|known| known.keys().map(String::as_str).collect()).unwrap_or_default();
        let (message, hint) = match self.strictness {
            Strictness::Own => (
                format!("unknown key `{key}`"),
                nearest(key, known.iter().copied()).map_or_else(
                    || {
                        format!(
                            "known here: {}",
                            known.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
                        )
                    },
                    |near| format!("did you mean `{near}`?"),
                ),
            ),
            Strictness::Shipped => (
                format!("the schema beside it does not allow the key `{key}`"),
                "`phoenix schema` prints the schema that holds".to_owned(),
            ),
        };
        self.report("unknown-key", pointer, message, Some(hint));
    }

    /// An element that cannot be decoded takes its array with it, so that the indexes of the others stay true.
    fn walk_array(&mut self, schema: &'a Value, items: &[Value], pointer: &str) -> Option<Value> {
        if let Some(least) = schema.get("minItems").and_then(Value::as_u64)
            && (items.len() as u64) < least
        {
            self.report(
                "out-of-range",
                pointer,
                format!("`{}` wants at least {least} elements", subject(pointer)),
                None,
            );
        }
        let Some(element) = schema.get("items") else { return Some(Value::Array(items.to_vec())) };
        let mut kept = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            kept.push(self.walk(element, item, &format!("{pointer}/{index}")));
        }
        kept.into_iter().collect::<Option<Vec<_>>>().map(Value::Array)
    }

    fn walk_text(&mut self, schema: &Value, text: &str, pointer: &str) {
        if let Some(format) = schema.get("format").and_then(Value::as_str) {
            if let Some(problem) = check_text(format, text) {
                let message = format!("`{}` {}", subject(pointer), problem.message);
                self.report(problem.code, pointer, message, problem.hint);
            }
        } else if let Some(pattern) = schema.get("pattern").and_then(Value::as_str)
            && Regex::new(pattern).is_ok_and(|regex| !regex.is_match(text))
        {
            self.report(
                "bad-value",
                pointer,
                format!("`{}` has not the form `{pattern}`", subject(pointer)),
                None,
            );
        }
        if let Some(least) = schema.get("minLength").and_then(Value::as_u64)
            && (text.chars().count() as u64) < least
        {
            self.report("out-of-range", pointer, format!("`{}` is too short", subject(pointer)), None);
        }
    }

    fn walk_number(&mut self, schema: &Value, value: &Value, pointer: &str) -> Option<Value> {
        let number = value.as_f64()?;
        let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
        let (least, most) = (bound("minimum"), bound("maximum"));
        if least.is_some_and(|least| number < least) || most.is_some_and(|most| number > most) {
            let wanted = match (least, most) {
                (Some(least), Some(most)) => format!("{least} to {most}"),
                (Some(least), None) => format!("at least {least}"),
                (None, Some(most)) => format!("at most {most}"),
                (None, None) => String::new(),
            };
            let message = format!("`{}` is {value}, outside {wanted}", subject(pointer));
            self.report("out-of-range", pointer, message, Some(format!("write a number: {wanted}")));
            return None;
        }
        Some(value.clone())
    }
}

/// Returns how a value is called in a message: its key, or its place in its array.
fn subject(pointer: &str) -> String {
    let key = last_key(pointer);
    match pointer.rsplit_once('/') {
        Some((parent, _)) if key.chars().all(|digit| digit.is_ascii_digit()) && !parent.is_empty() => {
            format!("{}[{key}]", last_key(parent))
        }
        Some(_) => key,
        None => "the file".to_owned(),
    }
}

fn describe(pointer: &str) -> String {
    if pointer.is_empty() { "the file".to_owned() } else { format!("`{}`", subject(pointer)) }
}

fn wanted_types(schema: &Value) -> Vec<String> {
    match schema.get("type") {
        Some(Value::String(kind)) => vec![with_article(kind)],
        Some(Value::Array(kinds)) => {
            kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null").map(with_article).collect()
        }
        _ => Vec::new(),
    }
}

fn with_article(kind: &str) -> String {
    match kind {
        "array" | "object" | "integer" => format!("an {kind}"),
        "null" => kind.to_owned(),
        _ => format!("a {kind}"),
    }
}

fn dedup(mut words: Vec<String>) -> Vec<String> {
    let mut seen = std::collections::BTreeSet::new();
    words.retain(|word| seen.insert(word.clone()));
    words
}
