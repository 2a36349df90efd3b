//! A vmid as files write it: a number, or the same in quotes.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Error as _};

/// A vmid. 0 stands for one that is none; the shape check has reported it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id(pub(crate) u32);

#[derive(Deserialize)]
#[serde(untagged)]
enum Text<'a> {
    Number(u32),
    Text(#[serde(borrow)] Cow<'a, str>),
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Text::deserialize(deserializer).map_err(|_| D::Error::custom("not a vmid"))? {
            Text::Number(number) => Ok(Self(number)),
            Text::Text(text) => Ok(Self(text.trim().parse().unwrap_or(0))),
        }
    }
}

impl JsonSchema for Id {
    fn schema_name() -> Cow<'static, str> {
        "Vmid".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The number of a guest, 100 to 999999999.",
            "anyOf": [
                { "type": "integer", "minimum": 100, "maximum": 999_999_999 },
                { "type": "string", "format": "vmid", "pattern": "^[0-9]+$" },
            ],
        })
    }
}
