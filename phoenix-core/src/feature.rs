//! A feature: plans software at one site. Authors write a [`Recipe`](crate::Recipe) or implement [`TypedFeature`]; the
//! registry holds [`Feature`].

use std::collections::BTreeSet;

use semver::Version;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    artifact::Artifact,
    claim::Claim,
    diagnostic::{Diagnostic, Diagnostics, Place},
    facts::Facts,
    id::Site,
    plan::Step,
    probe::Probe,
};

/// What a feature is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Descriptor {
    /// Its name in kebab-case, unique in the registry.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// What it does, in a sentence.
    pub summary: String,
    /// The JSON Schema of its configuration.
    pub config_schema: Value,
    /// Where it can live.
    pub sites: BTreeSet<SiteKind>,
    /// Features that go first where they are in the same guest.
    pub after: BTreeSet<String>,
    /// The artifacts that it installs. Its configuration has a key `artifacts` that holds, by name, what the site has
    /// instead of them; the planner fills it in. A [`Recipe`](crate::Recipe) takes it out again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Artifact>,
}

/// A sort of site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SiteKind {
    /// Inside a container.
    Lxc,
    /// Inside a virtual machine.
    Vm,
    /// On a node.
    Host,
}

/// Plans software at one site; the erased face, which the registry holds.
pub trait Feature: Send + Sync {
    /// Returns what it is.
    fn descriptor(&self) -> &Descriptor;

    /// Returns the artifacts that it installs with this configuration: those of its descriptor, if they are always the
    /// same.
    fn artifacts(&self, config: &Value) -> Vec<Artifact> {
        let _ = config;
        self.descriptor().artifacts.clone()
    }

    /// Returns what it needs of its guest.
    fn claims(&self, config: &Value) -> Result<Vec<Claim>, Diagnostics>;

    /// Returns what must be known, given what is known; called again until it asks for nothing new.
    fn probes(&self, site: &Site, config: &Value, known: &Facts) -> Result<Vec<Probe>, Diagnostics>;

    /// Returns the steps that are missing. A probe without an answer counts as [`Absent`](crate::Evidence::Absent),
    /// so that a guest which does not exist yet gets its full installation.
    fn plan(&self, site: &Site, config: &Value, facts: &Facts) -> Result<Vec<Step>, Diagnostics>;

    /// Returns warnings and notes: what it has to say beside its plan, and what stands against nothing.
    fn notes(&self, site: &Site, config: &Value, facts: &Facts) -> Diagnostics {
        let _ = (site, config, facts);
        Diagnostics::new()
    }

    /// Returns what it finds at the site that it once made and that nobody declares any more, as far as that is not
    /// taken away by its plan: what others may have come to rely on is only removed where somebody asks for it.
    fn leftovers(&self, site: &Site, config: &Value, facts: &Facts) -> Vec<Leftover> {
        let _ = (site, config, facts);
        Vec::new()
    }
}

/// Something that a feature once made and that nobody declares any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// What is told of it.
    pub note: Diagnostic,
    /// What removes it.
    pub removal: Step,
}

/// The typed face of a feature, which authors implement.
pub trait TypedFeature: Send + Sync {
    /// Its configuration.
    type Config: DeserializeOwned;

    /// Returns what it is.
    fn descriptor(&self) -> &Descriptor;

    /// Returns what it needs of its guest.
    fn claims(&self, config: &Self::Config) -> Vec<Claim> {
        let _ = config;
        Vec::new()
    }

    /// Returns what must be known, given what is known.
    fn probes(&self, site: &Site, config: &Self::Config, known: &Facts) -> Vec<Probe>;

    /// Returns the steps that are missing.
    fn plan(&self, site: &Site, config: &Self::Config, facts: &Facts) -> Result<Vec<Step>, Diagnostics>;
}

/// A typed feature in its erased face.
pub struct Lifted<F>(pub F);

impl Descriptor {
    /// Returns what a feature is that goes into guests of both kinds, in its first version.
    pub fn new(name: &str, summary: &str, config_schema: impl Into<Value>) -> Self {
        Self {
            name: name.to_owned(),
            version: Version::new(0, 1, 0),
            summary: summary.to_owned(),
            config_schema: config_schema.into(),
            sites: BTreeSet::from([SiteKind::Lxc, SiteKind::Vm]),
            after: BTreeSet::new(),
            artifacts: Vec::new(),
        }
    }

    /// Has it live there instead.
    #[must_use]
    pub fn at(mut self, sites: impl IntoIterator<Item = SiteKind>) -> Self {
        self.sites = sites.into_iter().collect();
        self
    }

    /// Has these features go first.
    #[must_use]
    pub fn after<'n>(mut self, names: impl IntoIterator<Item = &'n str>) -> Self {
        self.after = names.into_iter().map(str::to_owned).collect();
        self
    }

    /// Adds the artifacts that it installs.
    #[must_use]
    pub fn with_artifacts(mut self, artifacts: impl IntoIterator<Item = Artifact>) -> Self {
        self.artifacts.extend(artifacts);
        self
    }
}

impl<F: TypedFeature> Lifted<F> {
    fn decode(&self, config: &Value) -> Result<F::Config, Diagnostics> {
        decode(&self.0.descriptor().name, config)
    }
}

impl<F: TypedFeature> Feature for Lifted<F> {
    fn descriptor(&self) -> &Descriptor {
        self.0.descriptor()
    }

    fn claims(&self, config: &Value) -> Result<Vec<Claim>, Diagnostics> {
        Ok(self.0.claims(&self.decode(config)?))
    }

    fn probes(&self, site: &Site, config: &Value, known: &Facts) -> Result<Vec<Probe>, Diagnostics> {
        Ok(self.0.probes(site, &self.decode(config)?, known))
    }

    fn plan(&self, site: &Site, config: &Value, facts: &Facts) -> Result<Vec<Step>, Diagnostics> {
        self.0.plan(site, &self.decode(config)?, facts)
    }
}

/// Returns what a feature's configuration says.
pub(crate) fn decode<C: DeserializeOwned>(name: &str, config: &Value) -> Result<C, Diagnostics> {
    serde_path_to_error::deserialize(config).map_err(|error| {
        let place = Place { path: pointer(error.path()), ..Place::default() };
        Diagnostic::error("feature-config", format!("feature `{name}`: {}", error.inner()))
            .with_hint(format!("`phoenix explain {name}` shows every key that it knows"))
            .at(place)
            .into()
    })
}

/// Returns serde's path to a value as a JSON pointer.
pub(crate) fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(format!("/{index}")),
            Segment::Map { key } => Some(format!("/{}", key.replace('~', "~0").replace('/', "~1"))),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect()
}
