//! What the user writes for `nginx`.

use phoenix_core::Problems;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The configuration of `nginx`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What is served by host name.
    pub sites: Vec<Site>,
    /// What is passed on without being looked at, by port.
    pub streams: Vec<Stream>,
    /// A directory whose `.well-known/acme-challenge` answers ACME challenges by HTTP on every site.
    pub acme_webroot: Option<String>,
    /// The largest body of a request, for instance `64m`; nginx's own limit (1m) if not given.
    pub client_max_body_size: Option<String>,
}

/// What is served by host name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// The host names; `_` for all that no other site has.
    pub server_names: Vec<String>,
    /// The certificate; without one, the site is served by HTTP.
    #[serde(default)]
    pub tls: Option<Tls>,
    /// HTTP is redirected to HTTPS, if there is a certificate.
    #[serde(default = "yes")]
    pub redirect: bool,
    /// What is where, the longest path first.
    pub locations: Vec<Location>,
}

/// A certificate, by the files that hold it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The absolute path of the certificate with its chain.
    pub certificate: String,
    /// The absolute path of its key.
    pub key: String,
}

/// What is under a path. One of `proxy`, `root` and `answer`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Location {
    /// The beginning of the path.
    #[serde(default = "slash")]
    pub path: String,
    /// A server that requests are passed on to, for instance `http://10.0.0.12:80`. WebSockets pass too.
    #[serde(default)]
    pub proxy: Option<String>,
    /// The absolute path of a directory of files.
    #[serde(default)]
    pub root: Option<String>,
    /// A text that is the answer to everything.
    #[serde(default)]
    pub answer: Option<String>,
}

/// Connections that are passed on without being looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stream {
    /// The port.
    #[schemars(range(min = 1, max = 65535))]
    pub port: u16,
    /// The server, for instance `10.0.0.102:5432`.
    pub to: String,
    /// Datagrams rather than connections.
    #[serde(default)]
    pub udp: bool,
}

fn yes() -> bool {
    true
}

fn slash() -> String {
    "/".to_owned()
}

impl Config {
    /// Returns what is wrong with it as a whole.
    pub fn problems(&self) -> Problems {
        let mut problems = Problems::default();
        let mut word = |path: String, text: &str| {
            if !is_word(text) {
                problems
                    .add(path, format!("`{text}` is not one word without quotes, braces, `;`, `$` and `\\`"));
            }
        };
        for (at, site) in self.sites.iter().enumerate() {
            for (index, name) in site.server_names.iter().enumerate() {
                word(format!("/sites/{at}/server_names/{index}"), name);
            }
            for (key, path) in
                site.tls.iter().flat_map(|tls| [("certificate", &tls.certificate), ("key", &tls.key)])
            {
                word(format!("/sites/{at}/tls/{key}"), path);
            }
            for (index, location) in site.locations.iter().enumerate() {
                word(format!("/sites/{at}/locations/{index}/path"), &location.path);
                for (key, text) in [("proxy", &location.proxy), ("root", &location.root)] {
                    if let Some(text) = text {
                        word(format!("/sites/{at}/locations/{index}/{key}"), text);
                    }
                }
            }
        }
        for (index, stream) in self.streams.iter().enumerate() {
            word(format!("/streams/{index}/to"), &stream.to);
        }
        for (key, text) in
            [("acme_webroot", &self.acme_webroot), ("client_max_body_size", &self.client_max_body_size)]
        {
            if let Some(text) = text {
                word(format!("/{key}"), text);
            }
        }
        for (at, site) in self.sites.iter().enumerate() {
            if site.server_names.is_empty() {
                problems.add(format!("/sites/{at}/server_names"), "the site has no name");
            }
            for (index, location) in site.locations.iter().enumerate() {
                let given = [&location.proxy, &location.root, &location.answer].into_iter().flatten().count();
                let place = format!("/sites/{at}/locations/{index}");
                if given != 1 {
                    problems.add(place.clone(), "one of `proxy`, `root` and `answer` is needed");
                }
                if location.answer.as_ref().is_some_and(|text| text.contains('$')) {
                    problems.add(place, "`$` in an answer would begin a variable of nginx");
                }
            }
        }
        problems
    }
}

/// Tells whether nginx reads a text as one plain word.
fn is_word(text: &str) -> bool {
    let is_odd =
        |letter: char| letter.is_whitespace() || letter.is_control() || "\"'`;{}$\\#".contains(letter);
    !text.is_empty() && !text.contains(is_odd)
}
