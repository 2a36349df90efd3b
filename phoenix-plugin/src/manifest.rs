//! The manifest: what a plugin says of itself, read before anything of it runs. In its section it stands as one line
//! with [`MAGIC`], then JSON.

use std::collections::BTreeSet;

use phoenix_core::{Artifact, Capabilities, Descriptor, feature::SiteKind};
use semver::{Version, VersionReq};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::table::PROTOCOL;

/// The section of the library that holds the manifest.
pub const SECTION: &str = ".phoenix.plugin";

/// What the section begins with.
pub const MAGIC: &str = "phoenix-plugin\n";

/// What a plugin says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of the contract that it was made for.
    pub protocol: u32,
    /// Its name in kebab-case.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// The versions of Phoenix that it works with.
    pub phoenix: VersionReq,
    /// What its features will ask for and do, at most.
    #[serde(default)]
    pub capabilities: Capabilities,
    /// Its features.
    pub features: Vec<FeatureManifest>,
}

/// What a plugin says of one feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureManifest {
    /// Its name in kebab-case, unique in Phoenix.
    pub name: String,
    /// What it does, in a sentence without a full stop.
    pub summary: String,
    /// Where it can live.
    pub sites: BTreeSet<SiteKind>,
    /// Features that go first where they are in the same guest.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub after: BTreeSet<String>,
    /// The artifacts that it installs, as in [`Descriptor::artifacts`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Artifact>,
    /// The JSON Schema of its configuration.
    pub config_schema: Value,
    /// Configurations that are right, for readers and for `phoenix plugin verify`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Value>,
}

/// Why a manifest is none.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The section does not begin as it should.
    #[error("it does not begin with `phoenix-plugin` and a line end")]
    Magic,
    /// It is not JSON, or not the JSON of a manifest.
    #[error("{0}")]
    Json(serde_json::Error),
    /// It was made for another version of the contract.
    #[error("it is made for version {found} of the contract, and this Phoenix has version {PROTOCOL}")]
    Protocol {
        /// The version that it names.
        found: u64,
    },
    /// A name in it is not one.
    #[error("`{name}` is no name: lower-case letters, digits and single dashes, a letter first")]
    Name {
        /// The text.
        name: String,
    },
    /// It has no feature, or two of a name.
    #[error("{0}")]
    Features(String),
}

impl Manifest {
    /// Reads what stands in the section.
    pub fn from_section(bytes: &[u8]) -> Result<Self, ManifestError> {
        let json = bytes.strip_prefix(MAGIC.as_bytes()).ok_or(ManifestError::Magic)?;
        // What a C compiler puts at the end of a text.
        let end = json.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let value: Value = serde_json::from_slice(&json[..end]).map_err(ManifestError::Json)?;
        Self::from_value(value)
    }

    /// Reads the JSON of a manifest.
    pub fn from_json(text: &str) -> Result<Self, ManifestError> {
        Self::from_value(serde_json::from_str(text).map_err(ManifestError::Json)?)
    }

    /// Returns the descriptor of a feature.
    pub fn descriptor(&self, feature: &str) -> Option<Descriptor> {
        self.features.iter().find(|one| one.name == feature).map(|one| self.describe(one))
    }

    /// Returns the descriptor of one of its features.
    pub fn describe(&self, feature: &FeatureManifest) -> Descriptor {
        Descriptor {
            name: feature.name.clone(),
            version: self.version.clone(),
            summary: feature.summary.clone(),
            config_schema: feature.config_schema.clone(),
            sites: feature.sites.clone(),
            after: feature.after.clone(),
            artifacts: feature.artifacts.clone(),
        }
    }

    fn from_value(value: Value) -> Result<Self, ManifestError> {
        // Another version may have other keys, and this is what is to be told then.
        if let Some(found) = value.get("protocol").and_then(Value::as_u64)
            && found != u64::from(PROTOCOL)
        {
            return Err(ManifestError::Protocol { found });
        }
        let manifest: Self = serde_json::from_value(value).map_err(ManifestError::Json)?;
        let names = || manifest.features.iter().map(|feature| &feature.name);
        if let Some(name) = [&manifest.name].into_iter().chain(names()).find(|name| !is_name(name)) {
            return Err(ManifestError::Name { name: name.clone() });
        }
        if manifest.features.is_empty() {
            return Err(ManifestError::Features("it has no feature".to_owned()));
        }
        let mut seen = BTreeSet::new();
        if let Some(name) = names().find(|name| !seen.insert(*name)) {
            return Err(ManifestError::Features(format!("it has two features of the name `{name}`")));
        }
        Ok(manifest)
    }
}

/// Tells whether a text is in kebab-case: lower-case letters, digits and single dashes, a letter first.
pub fn is_name(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.split('-').all(|part| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn manifest() -> Value {
        json!({
            "protocol": 1, "name": "motd", "version": "1.2.3", "phoenix": "^0.1",
            "capabilities": { "files": ["/etc/motd"] },
            "features": [{ "name": "motd", "summary": "says something", "sites": ["lxc"], "config_schema": {} }],
        })
    }

    fn refusal(change: impl FnOnce(&mut Value)) -> String {
        let mut value = manifest();
        change(&mut value);
        Manifest::from_json(&value.to_string()).expect_err("refused").to_string()
    }

    #[test]
    fn a_manifest_is_read_from_its_section_with_or_without_what_c_adds() {
        for end in ["", "\0\0"] {
            let section = format!("{MAGIC}{}{end}", manifest());
            let read = Manifest::from_section(section.as_bytes()).expect("a manifest");
            assert_eq!(read.descriptor("motd").expect("the feature").version, Version::new(1, 2, 3));
            assert!(read.descriptor("other").is_none());
        }
        assert!(matches!(Manifest::from_section(b"other\n{}"), Err(ManifestError::Magic)));
        assert!(matches!(Manifest::from_section(MAGIC.as_bytes()), Err(ManifestError::Json(_))));
    }

    #[test]
    fn another_protocol_is_told_before_keys_that_nobody_here_knows() {
        assert!(
            refusal(|value| {
                value["protocol"] = json!(2);
                value["new"] = json!(1)
            })
            .contains("version 2")
        );
        assert!(refusal(|value| value["new"] = json!(1)).contains("unknown field `new`"));
    }

    #[test]
    fn names_are_in_kebab_case_and_features_are_told_apart() {
        for name in ["", "A", "a_b", "a--b", "-a", "a-", "1a", "a\u{e4}"] {
            assert!(refusal(|value| value["name"] = json!(name)).contains("is no name"), "{name}");
        }
        assert!(refusal(|value| value["features"] = json!([])).contains("no feature"));
        assert!(
            refusal(|value| {
                let one = value["features"][0].clone();
                value["features"] = json!([one.clone(), one]);
            })
            .contains("two features")
        );
    }
}
