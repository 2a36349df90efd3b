//! What the user writes for `step-ca`.

use phoenix_core::{Problems, SecretRef};
use schemars::JsonSchema;
use serde::Deserialize;

/// The configuration of `step-ca`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The name of the authority, in its certificates.
    #[serde(default = "Config::default_authority")]
    pub authority: String,
    /// The names and addresses that it is reached by; the first is its own.
    pub dns: Vec<String>,
    /// The port.
    #[serde(default = "Config::default_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: u16,
    /// A reference (`env:`, `file:` or `cmd:`) to the password of its keys. If none is given, one is made in the guest,
    /// which never leaves it.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub password: Option<SecretRef>,
    /// The name of the provisioner that gives certificates to whoever knows the password.
    #[serde(default = "Config::default_provisioner")]
    pub provisioner: String,
    /// How long certificates are good for at most, and if nobody asks for less, in hours.
    #[serde(default = "Config::default_lifetime_h")]
    #[schemars(range(min = 1, max = 87600))]
    pub lifetime_h: u32,
    /// The directory that the root's private key is kept in, where the authority's own account cannot read it. The
    /// authority runs without it.
    #[serde(default = "Config::default_offline")]
    pub offline: String,
}

impl Config {
    fn default_authority() -> String {
        "Phoenix".to_owned()
    }

    fn default_port() -> u16 {
        9000
    }

    fn default_provisioner() -> String {
        "admin".to_owned()
    }

    fn default_lifetime_h() -> u32 {
        720
    }

    fn default_offline() -> String {
        "/etc/step-ca/offline".to_owned()
    }

    /// Returns the names and addresses in its own certificate: it is always asked at home too.
    pub(crate) fn names(&self) -> Vec<String> {
        let home = "127.0.0.1".to_owned();
        let is_known = self.dns.contains(&home);
        self.dns.iter().cloned().chain((!is_known).then_some(home)).collect()
    }

    /// Returns the longest lifetime of certificates, as the authority's settings write it.
    pub(crate) fn lifetime(&self) -> String {
        format!("{}h0m0s", self.lifetime_h)
    }

    /// Returns what is wrong with it as a whole.
    pub fn problems(&self) -> Problems {
        let mut problems = Problems::default();
        if self.dns.is_empty() {
            problems.add("/dns", "the authority needs a name or address that it is reached by");
        }
        let is_name = |text: &str| {
            !text.is_empty()
                && !text.starts_with('-')
                && text.chars().all(|letter| letter.is_ascii_alphanumeric() || ".-_:*".contains(letter))
        };
        for (at, name) in self.dns.iter().enumerate().filter(|(_, name)| !is_name(name)) {
            problems.add(format!("/dns/{at}"), format!("`{name}` is no host name or address"));
        }
        for (key, text) in [("authority", &self.authority), ("provisioner", &self.provisioner)] {
            if text.is_empty() || text.starts_with('-') || text.contains(char::is_control) {
                problems.add(format!("/{key}"), format!("`{text}` cannot be a name"));
            }
        }
        if !(1..=87_600).contains(&self.lifetime_h) {
            problems.add("/lifetime_h", format!("`{}` hours are no lifetime", self.lifetime_h));
        }
        if !self.offline.starts_with('/') || self.offline.ends_with('/') {
            problems.add("/offline", format!("`{}` is no absolute path of a directory", self.offline));
        }
        problems
    }
}
