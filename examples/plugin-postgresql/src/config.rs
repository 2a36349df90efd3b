//! What the user writes. Every text is a type that takes only what can stand where it goes, so nothing that a user
//! writes becomes a second line of a file or a second word of SQL.

use std::collections::BTreeMap;

use phoenix_plugin::core::SecretRef;
use serde::Deserialize;

/// The configuration of `postgresql`. `{}` is a whole one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The major version.
    pub major: Major,
    /// Addresses that it listens at.
    pub listen: Vec<Line>,
    /// Its port.
    pub port: Port,
    /// Further settings of the server.
    pub settings: BTreeMap<Setting, Line>,
    /// Roles that may log in.
    pub roles: Vec<Role>,
    /// Databases.
    pub databases: Vec<Database>,
    /// Who may reach what from where.
    pub allow: Vec<Rule>,
}

/// A role that may log in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Its name.
    pub name: Name,
    /// Where its password is.
    #[serde(default)]
    pub password: Option<SecretRef>,
}

/// A database.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// Its name.
    pub name: Name,
    /// The role that owns it.
    pub owner: Name,
}

/// A rule of who may reach what.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The database.
    pub database: Name,
    /// The role.
    pub role: Name,
    /// The network that it comes from.
    pub from: Network,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            major: Major(16),
            listen: vec![Line("localhost".to_owned())],
            port: Port(5432),
            settings: BTreeMap::new(),
            roles: Vec::new(),
            databases: Vec::new(),
            allow: Vec::new(),
        }
    }
}

macro_rules! checked {
    ($(#[$doc:meta] $type:ident($inner:ty) from $raw:literal, $wanted:literal, $is_good:expr;)*) => {$(
        #[$doc]
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
        #[serde(try_from = $raw)]
        pub struct $type(pub(crate) $inner);

        impl TryFrom<$inner> for $type {
            type Error = String;

            fn try_from(value: $inner) -> Result<Self, String> {
                let is_good: fn(&$inner) -> bool = $is_good;
                if is_good(&value) { Ok(Self(value)) } else { Err(format!("`{value}` is not {}", $wanted)) }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

checked! {
    /// A major version.
    Major(u32) from "u32", "a major version of PostgreSQL", |number| (9..=99).contains(number);
    /// A port.
    Port(u16) from "u16", "a port", |number| *number > 0;
    /// The name of a role or database, which needs no quotes anywhere.
    Name(String) from "String", "a name: lower-case letters, digits and `_`, 63 at most, no digit first", |text| {
        text.len() <= 63
            && text.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    /// The name of a setting.
    Setting(String) from "String", "the name of a setting", |text| {
        text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.".contains(&byte))
    };
    /// A text of one line.
    Line(String) from "String", "one line of text", |text| text.len() <= 4000 && !text.contains(char::is_control);
    /// A network in the form `10.0.0.0/24`.
    Network(String) from "String", "a network such as `10.0.0.0/24`", |text| {
        let Some((address, length)) = text.split_once('/') else { return false };
        let bits = match address.parse::<std::net::IpAddr>() {
            Ok(std::net::IpAddr::V4(_)) => 32,
            Ok(std::net::IpAddr::V6(_)) => 128,
            Err(_) => return false,
        };
        length.parse::<u8>().is_ok_and(|length| length <= bits)
    };
}
