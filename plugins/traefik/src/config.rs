//! What the user writes for `traefik`.

use std::{collections::BTreeMap, net::IpAddr};

use phoenix_core::Problems;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The configuration of `traefik`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The ports that it listens on, by name.
    pub entrypoints: BTreeMap<String, u16>,
    /// What is routed where, by name.
    pub routes: BTreeMap<String, Route>,
    /// Certificates that it shows, chosen by the name that a client asks for.
    pub certificates: Vec<Certificate>,
    /// Where its certificates come from, if it gets them by itself.
    pub acme: Option<Acme>,
    /// How much it says: `DEBUG`, `INFO`, `WARN` or `ERROR`.
    pub log_level: LogLevel,
    /// The addresses of proxies before it: what they say of the client and of its scheme is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Roots that servers behind it are verified against, by the absolute paths of their files.
    pub trusted_roots: Vec<String>,
}

/// A route: requests for a host name, and the servers that answer them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The host names.
    pub hosts: Vec<String>,
    /// Only paths that begin so.
    #[serde(default)]
    pub path_prefix: Option<String>,
    /// The servers, for instance `http://10.0.0.102:8081`.
    pub servers: Vec<String>,
    /// The entry points that it is reached by; all, if none is named.
    #[serde(default)]
    pub entrypoints: Vec<String>,
    /// By HTTPS.
    #[serde(default)]
    pub tls: bool,
}

/// A certificate, by the files that hold it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all(serialize = "camelCase"))]
pub struct Certificate {
    /// The absolute path of the certificate with its chain.
    #[serde(rename(serialize = "certFile"))]
    pub certificate: String,
    /// The absolute path of its key.
    #[serde(rename(serialize = "keyFile"))]
    pub key: String,
}

/// Where it gets certificates from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Acme {
    /// The directory of the ACME server, for instance `https://ca.example:9000/acme/acme/directory`.
    pub directory: String,
    /// The address of the account.
    #[serde(default)]
    pub email: Option<String>,
    /// The entry point that challenges are answered at; it is port 80 for whoever asks.
    pub entrypoint: String,
}

/// How much it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum LogLevel {
    /// Everything.
    Debug,
    /// What it does.
    #[default]
    Info,
    /// What may be wrong.
    Warn,
    /// What is wrong.
    Error,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            entrypoints: BTreeMap::from([("web".to_owned(), 80)]),
            routes: BTreeMap::new(),
            certificates: Vec::new(),
            acme: None,
            log_level: LogLevel::default(),
            trusted_proxies: Vec::new(),
            trusted_roots: Vec::new(),
        }
    }
}

impl Config {
    /// Returns what is wrong with it as a whole.
    pub fn problems(&self) -> Problems {
        let mut problems = Problems::default();
        for (name, route) in &self.routes {
            let at = |key: &str| format!("/routes/{name}/{key}");
            let is_name = |text: &str| {
                !text.is_empty()
                    && text.chars().all(|letter| letter.is_ascii_alphanumeric() || ".-_".contains(letter))
            };
            if !is_name(name) {
                problems.add(
                    format!("/routes/{name}"),
                    format!("`{name}` is no name of letters, digits, `.`, `-` and `_`"),
                );
            }
            if route.hosts.is_empty() || route.servers.is_empty() {
                problems
                    .add(format!("/routes/{name}"), format!("the route `{name}` needs a host and a server"));
            }
            for host in route.hosts.iter().filter(|host| !is_name(host)) {
                problems.add(at("hosts"), format!("`{host}` is no host name"));
            }
            let is_odd = |prefix: &&String| !prefix.starts_with('/') || prefix.contains(['`', '\n']);
            if let Some(prefix) = route.path_prefix.as_ref().filter(is_odd) {
                problems.add(at("path_prefix"), format!("`{prefix}` is no path"));
            }
            for server in &route.servers {
                if !["http://", "https://", "h2c://"].iter().any(|scheme| server.starts_with(scheme)) {
                    problems.add(at("servers"), format!("`{server}` has no scheme: `http://` or `https://`"));
                }
            }
            for missing in route.entrypoints.iter().filter(|name| !self.entrypoints.contains_key(*name)) {
                problems.add(at("entrypoints"), format!("there is no entry point `{missing}`"));
            }
        }
        let acme = self.acme.as_ref().filter(|acme| !self.entrypoints.contains_key(&acme.entrypoint));
        if let Some(acme) = acme {
            problems.add("/acme/entrypoint", format!("there is no entry point `{}`", acme.entrypoint));
        }
        problems
    }
}
