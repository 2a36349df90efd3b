//! YAML for compose files, by `saphyr`, brought into the same form as JSON.

use std::{collections::BTreeMap, sync::Arc};

use phoenix_core::{Diagnostic, Diagnostics, Place};
use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};
use serde_json::{Map, Value};

use super::{Entry, Parsed, Span, escape};

/// Parses a text. Only the first document of it counts.
pub(super) fn parse(file: &Arc<str>, text: &str) -> Parsed {
    let mut findings = Diagnostics::new();
    let mut builder = Builder { offsets: offsets(text), entries: BTreeMap::new() };
    let value = match MarkedYaml::load_from_str(text) {
        Ok(documents) => {
            documents.first().map_or(Value::Null, |root| builder.build(root, String::new(), None))
        }
        Err(error) => {
            findings.push(
                Diagnostic::error("malformed-yaml", format!("`{file}` is not YAML: {error}")).at(Place {
                    file: Arc::clone(file),
                    path: String::new(),
                    line: 1,
                    column: 1,
                }),
            );
            Value::Null
        }
    };
    Parsed { value, entries: builder.entries, findings }
}

struct Builder {
    offsets: Vec<usize>,
    entries: BTreeMap<String, Entry>,
}

impl Builder {
    fn build(&mut self, node: &MarkedYaml<'_>, pointer: String, key: Option<Span>) -> Value {
        let value = self.span(node);
        let is_scalar = !matches!(node.data, YamlData::Mapping(_) | YamlData::Sequence(_));
        self.entries.insert(pointer.clone(), Entry { key, value, is_scalar });
        match &node.data {
            YamlData::Value(scalar) => scalar_value(scalar),
            YamlData::Representation(text, ..) => Value::String(text.to_string()),
            YamlData::Sequence(items) => items
                .iter()
                .enumerate()
                .map(|(index, item)| self.build(item, format!("{pointer}/{index}"), None))
                .collect(),
            YamlData::Mapping(pairs) => {
                let mut map = Map::new();
                for (name, item) in pairs {
                    let text = match &name.data {
                        YamlData::Value(scalar) => match scalar_value(scalar) {
                            Value::String(text) => text,
                            other => other.to_string(),
                        },
                        YamlData::Representation(text, ..) => text.to_string(),
                        _ => continue,
                    };
                    let key = Some(self.span(name));
                    let child = self.build(item, format!("{pointer}/{}", escape(&text)), key);
                    map.insert(text, child);
                }
                Value::Object(map)
            }
            YamlData::Tagged(_, inner) => self.build(inner, pointer, key),
            YamlData::Alias(_) | YamlData::BadValue => Value::Null,
        }
    }

    /// The parser counts characters; everything here counts bytes.
    fn span(&self, node: &MarkedYaml<'_>) -> Span {
        let byte = |index: usize| self.offsets.get(index).or(self.offsets.last()).copied().unwrap_or(0);
        Span { start: byte(node.span.start.index()), end: byte(node.span.end.index()) }
    }
}

fn offsets(text: &str) -> Vec<usize> {
    text.char_indices().map(|(offset, _)| offset).chain([text.len()]).collect()
}

fn scalar_value(scalar: &Scalar<'_>) -> Value {
    match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(boolean) => Value::Bool(*boolean),
        Scalar::Integer(number) => Value::from(*number),
        Scalar::FloatingPoint(number) => Value::from(number.into_inner()),
        Scalar::String(text) => Value::String(text.to_string()),
    }
}
