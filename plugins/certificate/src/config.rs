//! What the user writes for `certificate`.

use std::{collections::BTreeSet, net::IpAddr};

use phoenix_core::{GuestId, Problems};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where certificates and keys lie that have no place of their own.
pub const FOLDER: &str = "/etc/phoenix/certificates";

/// The configuration of `certificate`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The guest of the authority, which has the feature `step-ca`: for instance `lxc/103`.
    #[schemars(with = "String")]
    pub authority: GuestId,
    /// The absolute path of the authority's root in its guest.
    #[serde(default = "Config::default_root")]
    pub root: String,
    /// The certificates.
    pub certificates: Vec<Certificate>,
}

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// A name for it: lower-case letters, digits and dashes.
    pub name: String,
    /// The host names and addresses that it is for; the first is its own.
    pub names: Vec<String>,
    /// The absolute path of the certificate with its chain; `/etc/phoenix/certificates/NAME.crt` if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// The absolute path of its key; `/etc/phoenix/certificates/NAME.key` if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Who owns both. An account that is not there is made, without a login.
    #[serde(default = "Certificate::default_owner")]
    pub owner: String,
    /// Who may read the key.
    #[serde(default)]
    pub mode: KeyMode,
    /// How long it is good, in hours. The authority's own `lifetime_h` is the most.
    #[serde(default = "Certificate::default_lifetime_h")]
    #[schemars(range(min = 1, max = 87600))]
    pub lifetime_h: u32,
    /// How many hours before its end it is renewed; a third of its lifetime if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub renew_before_h: Option<u32>,
    /// The unit that is told to read it again; by a reload, never by a restart. For instance `nginx.service`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reload: Option<String>,
    /// A file that is touched for it, where somebody watches that file and not the certificate (the file provider of
    /// Traefik).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub touch: Option<String>,
    /// Serial numbers, in hex, of certificates that are not good any more. What has one of them is asked for anew.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub refused: BTreeSet<String>,
}

/// Who may read a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum KeyMode {
    /// Its owner.
    #[default]
    #[serde(rename = "0600")]
    Owner,
    /// Its owner, and the group of that name.
    #[serde(rename = "0640")]
    Group,
}

impl KeyMode {
    /// Returns the permission bits.
    pub fn bits(self) -> u32 {
        match self {
            Self::Owner => 0o600,
            Self::Group => 0o640,
        }
    }
}

impl Config {
    fn default_root() -> String {
        "/etc/step-ca/certs/root_ca.crt".to_owned()
    }

    /// Returns what is wrong with it as a whole.
    pub fn problems(&self) -> Problems {
        let mut problems = Problems::default();
        if !is_path(&self.root) {
            problems.add("/root", format!("`{}` is no absolute path", self.root));
        }
        let (mut named, mut written) = (BTreeSet::new(), BTreeSet::new());
        for (index, certificate) in self.certificates.iter().enumerate() {
            let at = |key: &str| format!("/certificates/{index}/{key}");
            let name = &certificate.name;
            if !named.insert(name) {
                problems.add(at("name"), format!("the certificate `{name}` is there twice"));
            }
            for path in [certificate.certificate_path(), certificate.key_path()] {
                if !written.insert(path.clone()) {
                    problems.add(at("name"), format!("two files of certificates would be `{path}`"));
                }
            }
            for (key, problem) in certificate.problems() {
                problems.add(at(key), problem);
            }
        }
        problems
    }
}

impl Certificate {
    /// Returns a certificate for these names, as everybody has it who says nothing else.
    pub fn new(name: &str, names: impl IntoIterator<Item = String>) -> Self {
        Self {
            name: name.to_owned(),
            names: names.into_iter().collect(),
            certificate: None,
            key: None,
            owner: Self::default_owner(),
            mode: KeyMode::default(),
            lifetime_h: Self::default_lifetime_h(),
            renew_before_h: None,
            reload: None,
            touch: None,
            refused: BTreeSet::new(),
        }
    }

    fn default_owner() -> String {
        "root".to_owned()
    }

    fn default_lifetime_h() -> u32 {
        720
    }

    /// Returns the path of the certificate.
    pub fn certificate_path(&self) -> String {
        self.certificate.clone().unwrap_or_else(|| format!("{FOLDER}/{}.crt", self.name))
    }

    /// Returns the path of its key.
    pub fn key_path(&self) -> String {
        self.key.clone().unwrap_or_else(|| format!("{FOLDER}/{}.key", self.name))
    }

    /// Returns how many hours before its end it is renewed.
    pub fn renewed_before_h(&self) -> u32 {
        self.renew_before_h.unwrap_or((self.lifetime_h / 3).max(1))
    }

    /// Returns the names that it is for, each in the one form that it can be compared in.
    pub fn wanted_names(&self) -> BTreeSet<String> {
        self.names.iter().map(|name| plain(name)).collect()
    }

    fn problems(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        let is_plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        if self.name.is_empty() || self.name.len() > 64 || !self.name.chars().all(is_plain) {
            let problem = format!("`{}` is no name of lower-case letters, digits and dashes", self.name);
            found.push(("name", problem));
        }
        if self.names.is_empty() {
            found.push(("names", format!("`{}` is for no name and no address", self.name)));
        }
        found.extend(
            self.names
                .iter()
                .filter(|name| !is_host(name))
                .map(|odd| ("names", format!("`{odd}` is no host name and no address"))),
        );
        for (key, path) in [
            ("certificate", Some(self.certificate_path())),
            ("key", Some(self.key_path())),
            ("touch", self.touch.clone()),
        ] {
            found.extend(
                path.filter(|path| !is_path(path)).map(|path| (key, format!("`{path}` is no absolute path"))),
            );
        }
        if self.owner.is_empty() || self.owner.starts_with('-') || !self.owner.chars().all(is_account) {
            found.push(("owner", format!("`{}` is no name of an account", self.owner)));
        }
        if !(1..=87_600).contains(&self.lifetime_h) {
            found.push(("lifetime_h", format!("`{}` hours are no lifetime", self.lifetime_h)));
        } else if !(1..self.lifetime_h.max(2)).contains(&self.renewed_before_h()) {
            let problem = format!(
                "what is good for {} hours cannot be renewed {} hours before its end",
                self.lifetime_h,
                self.renewed_before_h()
            );
            found.push(("renew_before_h", problem));
        }
        let is_unit = |unit: &&String| {
            !unit.starts_with('-')
                && unit.ends_with(".service")
                && unit.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.@:".contains(letter))
        };
        if let Some(odd) = self.reload.as_ref().filter(|unit| !is_unit(unit)) {
            found.push(("reload", format!("`{odd}` is no name of a service, such as `nginx.service`")));
        }
        let is_serial =
            |serial: &&String| !serial.is_empty() && serial.chars().all(|letter| letter.is_ascii_hexdigit());
        found.extend(
            self.refused
                .iter()
                .filter(|serial| !is_serial(serial))
                .map(|odd| ("refused", format!("`{odd}` is no serial number in hex"))),
        );
        found
    }
}

/// Returns a name in the one form that it can be compared in.
pub(crate) fn plain(name: &str) -> String {
    name.parse::<IpAddr>().map_or_else(|_| name.to_ascii_lowercase(), |address| address.to_string())
}

fn is_host(name: &str) -> bool {
    let labels = name.strip_prefix("*.").unwrap_or(name);
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && label.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter))
    };
    name.parse::<IpAddr>().is_ok() || (name.len() <= 253 && labels.split('.').all(is_label))
}

fn is_account(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "-_.".contains(letter)
}

fn is_path(path: &str) -> bool {
    path.starts_with('/') && !path.ends_with('/') && !path.contains(['\0', '\n'])
}
