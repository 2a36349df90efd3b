//! What the user writes for `step-cli`.

use phoenix_core::{GuestId, Problems};
use schemars::JsonSchema;
use serde::Deserialize;

/// The configuration of `step-cli`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The address of the authority that `step` uses unless it is told another, for instance `https://10.0.0.10:9000`.
    pub ca_url: Option<String>,
    /// Where the authority's root certificate is: a file of the guest that the authority lives in. Needed with `ca_url`.
    pub root: Option<Root>,
}

/// A file of another guest, which is up before this one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Root {
    /// The guest, for instance `lxc/103`.
    #[schemars(with = "String")]
    pub guest: GuestId,
    /// The absolute path of the certificate in it.
    #[serde(default = "Root::default_path")]
    pub path: String,
}

impl Root {
    fn default_path() -> String {
        "/etc/step-ca/certs/root_ca.crt".to_owned()
    }
}

impl Config {
    /// Returns what is wrong with it as a whole.
    pub fn problems(&self) -> Problems {
        let mut problems = Problems::default();
        match (&self.ca_url, &self.root) {
            (Some(url), _) if !url.starts_with("https://") => {
                problems.add("/ca_url", format!("`{url}` is no address with `https://`"));
            }
            (Some(_), None) => {
                problems.add("/root", "with `ca_url`, `root` says which guest has its root certificate");
            }
            (None, Some(_)) => problems.add("/ca_url", "`root` without `ca_url` has no use"),
            (Some(_), Some(_)) | (None, None) => {}
        }
        problems
    }
}
