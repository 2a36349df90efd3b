//! Samples: configurations made from a schema, the same from the same seed; those that fit it, and others.

use serde_json::{Map, Number, Value, json};

/// How deep a sample goes before it takes what is shortest.
const DEEPEST: u32 = 6;
/// Texts that programs stumble over.
const TEXTS: [&str; 16] = [
    "",
    "a",
    "hello",
    "two words",
    "line\nline",
    "$(reboot) `id` ; & | > < \\ ' \" ",
    "\u{e4}\u{4e16}\u{1f525}",
    "\0",
    "../../etc/passwd",
    "/etc/hostname",
    "-rf",
    "%s%n",
    "env:NAME",
    "10.0.0.1",
    "example.org",
    "0",
];

/// Makes samples.
pub(super) struct Sampler<'a> {
    root: &'a Value,
    state: u64,
}

impl<'a> Sampler<'a> {
    /// Returns a sampler for a schema.
    pub(super) fn new(root: &'a Value, seed: u64) -> Self {
        Self { root, state: seed.wrapping_mul(2).wrapping_add(0x9e37_79b9_7f4a_7c15) }
    }

    /// Returns a configuration that most likely fits the schema.
    pub(super) fn fitting(&mut self) -> Value {
        object(self.value(self.root, 0))
    }

    /// Returns a configuration that most likely does not.
    pub(super) fn broken(&mut self) -> Value {
        let mut sample = self.fitting();
        let places = places(&sample, String::new());
        let place = places[self.below(places.len())].clone();
        let other = self.any(0);
        match (self.below(4), sample.pointer_mut(&place)) {
            (0, Some(Value::Object(keys))) => drop(keys.insert("unknown key".to_owned(), other)),
            (1, Some(Value::Object(keys))) => {
                let first = keys.keys().next().cloned();
                first.map(|key| keys.remove(&key));
            }
            (_, Some(value)) if !place.is_empty() => *value = other,
            (_, Some(Value::Object(keys))) => {
                drop(keys.insert(TEXTS[self.below(TEXTS.len())].to_owned(), other))
            }
            (_, _) => {}
        }
        object(sample)
    }

    fn value(&mut self, schema: &'a Value, depth: u32) -> Value {
        if depth > DEEPEST {
            return Value::Null;
        }
        if let Some(target) =
            schema["$ref"].as_str().and_then(|to| self.root.pointer(to.trim_start_matches('#')))
        {
            return self.value(target, depth + 1);
        }
        if let Some(constant) = schema.get("const") {
            return constant.clone();
        }
        for key in ["enum", "examples"] {
            if let Some(values) = schema[key].as_array().filter(|values| !values.is_empty()) {
                return values[self.below(values.len())].clone();
            }
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(branches) = schema[key].as_array().filter(|branches| !branches.is_empty()) {
                let branch = &branches[self.below(branches.len())];
                return self.value(branch, depth + 1);
            }
        }
        let kinds: Vec<&str> = match &schema["type"] {
            Value::String(kind) => vec![kind.as_str()],
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
            _ if schema["properties"].is_object() => vec!["object"],
            _ => return self.any(depth + 1),
        };
        match kinds.get(self.below(kinds.len().max(1))).copied() {
            Some("object") => self.object(schema, depth),
            Some("array") => self.array(schema, depth),
            Some("string") => self.text(schema),
            Some("integer") => self.integer(schema).into(),
            Some("number") => {
                Number::from_f64(self.integer(schema) as f64 / 2.0).map_or(Value::Null, Value::Number)
            }
            Some("boolean") => (self.below(2) == 0).into(),
            _ => Value::Null,
        }
    }

    fn object(&mut self, schema: &'a Value, depth: u32) -> Value {
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut object = Map::new();
        for (key, property) in schema["properties"].as_object().into_iter().flatten() {
            if required.contains(&key.as_str()) || (depth < DEEPEST && self.below(2) == 0) {
                object.insert(key.clone(), self.value(property, depth + 1));
            }
        }
        if schema["additionalProperties"].is_object() {
            for index in 0..self.below(3) {
                object.insert(format!("key{index}"), self.value(&schema["additionalProperties"], depth + 1));
            }
        }
        Value::Object(object)
    }

    fn array(&mut self, schema: &'a Value, depth: u32) -> Value {
        let least = schema["minItems"].as_u64().unwrap_or(0);
        let most = schema["maxItems"].as_u64().unwrap_or(least + 3);
        let count = least + self.below((most.saturating_sub(least) + 1).min(8) as usize) as u64;
        let mut items: Vec<Value> =
            (0..count.min(64)).map(|_| self.value(&schema["items"], depth + 1)).collect();
        if schema["uniqueItems"] == json!(true) {
            let mut seen: Vec<Value> = Vec::new();
            items.retain(|item| {
                !seen.contains(item) && {
                    seen.push(item.clone());
                    true
                }
            });
        }
        Value::Array(items)
    }

    fn text(&mut self, schema: &Value) -> Value {
        let least = schema["minLength"].as_u64().unwrap_or(0) as usize;
        let most = schema["maxLength"].as_u64().map_or(usize::MAX, |most| most as usize);
        let mut text = match self.below(20) {
            0 => "x".repeat(65536),
            _ => TEXTS[self.below(TEXTS.len())].to_owned(),
        };
        while text.chars().count() < least {
            text.push('a');
        }
        text.chars().take(most).collect::<String>().into()
    }

    fn integer(&mut self, schema: &Value) -> i64 {
        let least = schema["minimum"].as_i64();
        let most = schema["maximum"].as_i64();
        let from = least.unwrap_or_else(|| most.map_or(-2, |most| most.saturating_sub(9)));
        let to = most.unwrap_or_else(|| from.saturating_add(9));
        match self.below(4) {
            0 => from,
            1 => to,
            2 if least.is_none() && most.is_none() => i64::MAX,
            _ => from
                .saturating_add(self.below(usize::try_from(to.saturating_sub(from)).unwrap_or(0) + 1) as i64),
        }
    }

    /// Returns any value.
    fn any(&mut self, depth: u32) -> Value {
        match self.below(if depth > 2 { 6 } else { 8 }) {
            0 => Value::Null,
            1 => (self.below(2) == 0).into(),
            2 => json!(-1),
            3 => json!(u64::MAX),
            4 => json!(1.5e300),
            5 => TEXTS[self.below(TEXTS.len())].into(),
            6 => Value::Array((0..self.below(3)).map(|_| self.any(depth + 1)).collect()),
            _ => json!({ "key": self.any(depth + 1) }),
        }
    }

    /// Returns a number below another, which is at least 1.
    fn below(&mut self, most: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state % most.max(1) as u64) as usize
    }
}

/// Returns a value as a configuration, which always is an object.
fn object(value: Value) -> Value {
    if value.is_object() { value } else { json!({}) }
}

/// Returns the pointers of a value and of all in it.
fn places(value: &Value, pointer: String) -> Vec<String> {
    let mut found = vec![pointer.clone()];
    match value {
        Value::Object(keys) => found.extend(keys.iter().flat_map(|(key, value)| {
            places(value, format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")))
        })),
        Value::Array(items) => found.extend(
            items.iter().enumerate().flat_map(|(index, item)| places(item, format!("{pointer}/{index}"))),
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_fit_their_schema_or_do_not_and_come_again_from_the_same_seed() {
        let schema = json!({
            "type": "object", "additionalProperties": false, "required": ["name"],
            "properties": {
                "name": {"type": "string", "minLength": 2, "maxLength": 9},
                "port": {"type": "integer", "minimum": 1, "maximum": 65535},
                "mode": {"enum": ["a", "b"]},
                "list": {"type": "array", "items": {"$ref": "#/$defs/one"}, "maxItems": 3, "uniqueItems": true},
            },
            "$defs": {"one": {"type": ["boolean", "null"]}},
        });
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        let (mut one, mut other) = (Sampler::new(&schema, 1), Sampler::new(&schema, 1));
        let mut broken = 0;
        for _ in 0..200 {
            let sample = one.fitting();
            assert_eq!(sample, other.fitting());
            assert!(validator.is_valid(&sample), "{sample}");
            let sample = one.broken();
            assert_eq!(sample, other.broken());
            broken += usize::from(!validator.is_valid(&sample));
        }
        assert!(broken > 100, "{broken}");
    }
}
