//! What the user writes for `docker`.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_core::{Artifact, Problems, render::is_variable};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The configuration of `docker`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The packages of the engine and its compose plugin. The distribution's are the default; Docker's own
    /// (`docker-ce`, `docker-ce-cli`, `containerd.io`, `docker-compose-plugin`) come from a source that `base-setup` adds.
    pub packages: BTreeSet<String>,
    /// A directory of the host that holds images, containers and volumes of a container guest. Docker cannot keep them on
    /// every storage of a container.
    pub data_root_on_host: Option<String>,
    /// The size at which a container's log is put aside, for instance `10m`.
    pub log_max_size: String,
    /// How many logs of a container are kept.
    pub log_max_file: u32,
    /// DNS servers of containers, if not the guest's.
    pub dns: Vec<String>,
    /// Mirrors of Docker's registry.
    pub registry_mirrors: Vec<String>,
    /// Access over the network, for clients that have a certificate.
    pub remote: Option<Remote>,
    /// Keys of `daemon.json` that no other key here has.
    pub daemon: Map<String, Value>,
    /// Variables of the engine's own environment, for instance `HTTPS_PROXY`.
    pub environment: BTreeMap<String, String>,
    /// Images that come from no registry, by name and tag: each is an archive as `docker save` makes it.
    pub images: BTreeMap<String, Image>,
}

/// An image that comes from no registry.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// Where the guest fetches the archive, by HTTPS or HTTP.
    pub url: String,
    /// The SHA-256 of the archive.
    pub sha256: String,
}

impl Image {
    /// Returns the archive as an artifact, which a site can have from elsewhere under the name `image-NAME-TAG`.
    pub fn artifact(&self, reference: &str) -> Artifact {
        let plain = |letter: char| match letter.is_ascii_alphanumeric() || letter == '.' {
            true => letter,
            false => '-',
        };
        let name: String = reference.chars().map(plain).collect();
        let version = reference.rsplit_once(':').map_or("latest", |(_, tag)| tag);
        Artifact::fetched(&format!("image-{name}"), version, &self.url, &self.sha256.to_lowercase())
    }
}

/// Access over the network. Whoever shows no certificate of the authority is refused.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Remote {
    /// The port; Docker's own is 2376.
    #[serde(default = "remote_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: u16,
    /// The absolute path of the certificate of the authority whose clients may come.
    pub authority: String,
    /// The absolute path of the engine's own certificate.
    pub certificate: String,
    /// The absolute path of its key.
    pub key: String,
}

fn remote_port() -> u16 {
    2376
}

impl Default for Config {
    fn default() -> Self {
        Self {
            packages: ["docker.io", "docker-compose-v2"].map(str::to_owned).into(),
            data_root_on_host: None,
            log_max_size: "10m".to_owned(),
            log_max_file: 3,
            dns: Vec::new(),
            registry_mirrors: Vec::new(),
            remote: None,
            daemon: Map::new(),
            environment: BTreeMap::new(),
            images: BTreeMap::new(),
        }
    }
}

impl Config {
    /// Returns what is wrong with it as a whole.
    pub fn problems(&self) -> Problems {
        let mut problems = Problems::default();
        for key in ["hosts", "tls", "tlsverify", "tlscacert", "tlscert", "tlskey"] {
            if self.daemon.contains_key(key) {
                problems.add(
                    format!("/daemon/{key}"),
                    format!("`{key}` would open the engine; `remote` does it with certificates"),
                );
            }
        }
        for key in ["log-driver", "log-opts", "dns", "registry-mirrors"] {
            if self.daemon.contains_key(key) {
                problems
                    .add(format!("/daemon/{key}"), format!("`{key}` has a key of its own in this feature"));
            }
        }
        for (name, value) in &self.environment {
            if !is_variable(name, value) {
                problems.add(
                    format!("/environment/{name}"),
                    format!("`{name}` cannot be a variable, or not with this value"),
                );
            }
        }
        for (reference, image) in &self.images {
            let pointer = format!("/images/{}", reference.replace('~', "~0").replace('/', "~1"));
            if !is_reference(reference) {
                let hint = "write it in lower case with a tag, for instance \"homelab/hello:1\"";
                problems.refuse(&pointer, format!("`{reference}` is no name and tag of an image"), hint);
            }
            if !image.url.starts_with("https://") && !image.url.starts_with("http://") {
                problems
                    .add(format!("{pointer}/url"), format!("`{}` is no address of a web server", image.url));
            }
            if image.sha256.len() != 64 || !image.sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                problems.add(format!("{pointer}/sha256"), format!("`{}` is no SHA-256", image.sha256));
            }
        }
        problems
    }
}

/// Tells whether a text is the name of an image with a tag, of which Docker makes no other name.
fn is_reference(text: &str) -> bool {
    let Some((name, tag)) = text.rsplit_once(':') else { return false };
    let is_part = |part: &str| {
        let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
        part.starts_with(plain)
            && part.ends_with(plain)
            && part.chars().all(|c| plain(c) || "._-".contains(c))
    };
    let is_tag = tag.starts_with(|letter: char| letter.is_ascii_alphanumeric() || letter == '_')
        && tag.len() <= 128
        && tag.chars().all(|letter| letter.is_ascii_alphanumeric() || "_.-".contains(letter));
    is_tag && name.split('/').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::is_reference;

    #[test]
    fn an_image_has_a_name_and_a_tag() {
        for good in ["homelab/hello:1", "hello:v1.2_x", "a/b/c-d.e:latest"] {
            assert!(is_reference(good), "{good}");
        }
        for bad in
            ["hello", "Hello:1", "hello:", "/hello:1", "a//b:1", "a/../b:1", "hello:a b", "hello@sha256:ab"]
        {
            assert!(!is_reference(bad), "{bad}");
        }
    }
}
