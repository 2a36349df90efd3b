//! What the user writes for `host-base`.

use std::{collections::BTreeSet, net::IpAddr};

use phoenix_core::{Artifact, Problems};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::known;

/// The configuration of `host-base`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The name of the host, without its domain.
    pub hostname: Option<String>,
    /// Its domain.
    pub domain: Option<String>,
    /// The address that its name leads to.
    #[schemars(with = "Option<String>")]
    pub address: Option<IpAddr>,
    /// Where packages come from beside Debian's own. As soon as there is any, sources that need a subscription and are not
    /// among them are switched off in their files.
    pub repositories: Vec<Repository>,
    /// Servers that it has the time from.
    pub time_servers: Vec<String>,
    /// What sets the clock; what the host has if not given, else `chrony`.
    pub time_program: Option<TimeProgram>,
}

/// A source of packages: a name that is known, or all of it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Repository {
    /// One that is known by its name, such as `pve-no-subscription`.
    Known(String),
    /// One of others.
    Other(Source),
}

/// A source of packages of others.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The name of its file, without `.sources`.
    pub name: String,
    /// Where it is.
    pub uris: Vec<String>,
    /// Its suites, `./` for a flat repository; that of the host's release if there are none.
    #[serde(default)]
    pub suites: Vec<String>,
    /// Its components; none for a flat repository.
    #[serde(default)]
    pub components: Vec<String>,
    /// The armored public key that its signatures are checked with, or the path of a keyring on the host.
    #[serde(default)]
    pub signed_by: Option<String>,
    /// Where the keyring is fetched, instead of `signed_by`.
    #[serde(default)]
    pub key_url: Option<String>,
    /// The SHA-256 of the keyring that is fetched.
    #[serde(default)]
    pub key_sha256: Option<String>,
}

/// What sets the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TimeProgram {
    /// The package `chrony`.
    Chrony,
    /// The package `systemd-timesyncd`.
    SystemdTimesyncd,
}

impl Source {
    /// Returns the keyring that is fetched for it, if one is.
    pub(crate) fn keyring(&self) -> Option<Artifact> {
        let (url, sha256) = (self.key_url.as_ref()?, self.key_sha256.as_ref()?);
        let name = format!("apt-key-{}", self.name);
        Some(Artifact::fetched(&name, sha256.get(..12).unwrap_or(sha256), url, sha256))
    }

    /// Returns where that keyring is kept. What it holds decides how apt reads it, by the ending.
    pub(crate) fn keyring_path(&self) -> String {
        let is_armored = self.key_url.as_ref().is_some_and(|url| url.ends_with(".asc"));
        format!("/etc/apt/keyrings/{}.{}", self.name, if is_armored { "asc" } else { "gpg" })
    }
}

impl Config {
    /// Returns the keyrings that are fetched.
    pub(crate) fn keyrings(&self) -> Vec<Artifact> {
        self.repositories
            .iter()
            .filter_map(|one| match one {
                Repository::Known(_) => None,
                Repository::Other(source) => source.keyring(),
            })
            .collect()
    }

    /// Returns what is wrong with it as a whole.
    pub fn problems(&self) -> Problems {
        let mut problems = Problems::default();
        let is_label = |text: &str| {
            (1..=63).contains(&text.len())
                && !text.starts_with('-')
                && !text.ends_with('-')
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if let Some(name) = self.hostname.as_ref().filter(|name| !is_label(name)) {
            problems.add("/hostname", format!("`{name}` is no name of a host"));
        }
        if let Some(domain) = self.domain.as_ref().filter(|domain| !domain.split('.').all(is_label)) {
            problems.add("/domain", format!("`{domain}` is no domain"));
        }
        if self.address.is_some_and(|address| address.is_unspecified() || address.is_loopback()) {
            let hint = "name the address of its bridge: Proxmox VE looks the host's own name up";
            problems.refuse("/address", "it is no address that others know the host by", hint);
        }
        let mut names = BTreeSet::new();
        for (at, repository) in self.repositories.iter().enumerate() {
            let pointer = format!("/repositories/{at}");
            let name = match repository {
                Repository::Known(name) => {
                    if known::find(name).is_none() {
                        let hint = format!("known are {}; others are objects", known::names().join(", "));
                        problems.refuse(&pointer, format!("`{name}` is no source that is known"), hint);
                    }
                    name
                }
                Repository::Other(source) => {
                    self.check(&mut problems, source, &pointer);
                    &source.name
                }
            };
            if !names.insert(name.as_str()) {
                problems.add(pointer, format!("the source `{name}` is there twice"));
            }
        }
        for (at, server) in self.time_servers.iter().enumerate() {
            let is_name = server.split('.').all(is_label);
            if !is_name && server.parse::<IpAddr>().is_err() {
                problems.add(
                    format!("/time_servers/{at}"),
                    format!("`{server}` is neither a name nor an address"),
                );
            }
        }
        problems
    }

    fn check(&self, problems: &mut Problems, source: &Source, pointer: &str) {
        let is_word = |text: &String| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\#".contains(&byte))
        };
        let is_name = |text: &str| {
            !text.is_empty()
                && !text.starts_with('.')
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        if !is_name(&source.name) || known::find(&source.name).is_some() {
            problems
                .add(format!("{pointer}/name"), format!("`{}` cannot be a name of one's own", source.name));
        }
        let is_uri = |uri: &String| {
            is_word(uri) && ["https://", "http://", "file:/"].iter().any(|scheme| uri.starts_with(scheme))
        };
        if source.uris.is_empty() || !source.uris.iter().all(is_uri) {
            problems.add(format!("{pointer}/uris"), "it has no address, or one that apt cannot fetch from");
        }
        if !source.suites.iter().chain(&source.components).all(is_word) {
            problems.add(pointer, "a suite or a component is no single word");
        }
        let is_flat = source.suites.iter().any(|suite| suite.ends_with('/'));
        if is_flat != source.components.is_empty() {
            let message = "a suite has components, such as `main`, and a path such as `./` has none";
            problems.add(format!("{pointer}/components"), message);
        }
        let is_sum =
            |sum: &String| sum.len() == 64 && sum.bytes().all(|byte| b"0123456789abcdef".contains(&byte));
        match (&source.signed_by, &source.key_url, &source.key_sha256) {
            (Some(_), None, None) | (None, Some(_), Some(_)) => {}
            (Some(_), ..) => {
                problems.add(format!("{pointer}/signed_by"), "its key is here, and to be fetched too")
            }
            (None, None, None) => {
                let hint = "add `signed_by` with the armored key or the path of a keyring, or `key_url` and `key_sha256`";
                problems.refuse(pointer, format!("nothing signs `{}`", source.name), hint);
            }
            (None, ..) => {
                let hint = "`key_url` and `key_sha256` belong together";
                problems.refuse(pointer, format!("the key of `{}` is not pinned", source.name), hint);
            }
        }
        if source.key_sha256.as_ref().is_some_and(|sum| !is_sum(sum)) {
            problems.add(format!("{pointer}/key_sha256"), "it is no SHA-256 in lower-case hex");
        }
        if let Some(key) = source.signed_by.as_ref().filter(|key| !key.starts_with('/')) {
            let key = key.trim();
            if !key.starts_with("-----BEGIN PGP PUBLIC KEY BLOCK-----")
                || !key.ends_with("-----END PGP PUBLIC KEY BLOCK-----")
            {
                let message = "it is neither an armored public key nor the path of a keyring";
                problems.add(format!("{pointer}/signed_by"), message);
            }
        }
    }
}
