//! What the user writes for `portainer`.

use phoenix_core::SecretRef;
use schemars::JsonSchema;
use serde::Deserialize;

/// The configuration of `portainer`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What the guest is.
    pub role: Role,
    /// The image, with tag and digest: `portainer/portainer-ce:2.33.2@sha256:…` or `portainer/agent:2.33.2@sha256:…`.
    pub image: String,
    /// Whether the image is pulled if the engine does not have it. One that is not pulled needs no digest: it is one that
    /// `images` of the feature `docker` has loaded, from an archive that is pinned there.
    #[serde(default = "pull")]
    pub pull: bool,
    /// The port: HTTPS of the server (9443 if not given), or the agent's (9001).
    #[serde(default)]
    pub port: Option<u16>,
    /// Server: the password of its administrator `admin`, at least 12 characters. It is there before the first start, so
    /// that nobody else can take the account.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub admin_password: Option<SecretRef>,
    /// The secret that server and agents share: an agent answers to no other server.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub agent_secret: Option<SecretRef>,
    /// Server: certificate and key, files of the guest; it makes its own if not given.
    #[serde(default)]
    pub tls: Option<Tls>,
    /// Server: where it keeps its data.
    #[serde(default = "data_dir")]
    pub data_dir: String,
    /// Agent: where Docker keeps its volumes.
    #[serde(default = "docker_volumes")]
    pub docker_volumes: String,
    /// How long it may take until it answers, in seconds.
    #[serde(default = "ready_timeout_s")]
    pub ready_timeout_s: u32,
}

/// What a guest is for Portainer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It has the web interface.
    Server,
    /// A server works on its Docker.
    Agent,
}

/// Certificate and key.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The certificate's file.
    pub certificate: String,
    /// The key's file.
    pub key: String,
}

impl Config {
    /// Returns the port that it is reached at.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.role {
            Role::Server => 9443,
            Role::Agent => 9001,
        })
    }
}

fn data_dir() -> String {
    "/var/lib/portainer".to_owned()
}

fn docker_volumes() -> String {
    "/var/lib/docker/volumes".to_owned()
}

fn pull() -> bool {
    true
}

fn ready_timeout_s() -> u32 {
    180
}
