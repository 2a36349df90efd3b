//! A feature: plans software at one site. Authors implement [`TypedFeature`]; the registry holds [`Feature`].

use std::collections::BTreeSet;

use semver::Version;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    artifact::Artifact,
    claim::Claim,
    diagnostic::{Diagnostic, Diagnostics},
    draft::Draft,
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
    /// instead of them; the planner fills it in.
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

    /// Returns what it needs of its guest.
    fn claims(&self, config: &Value) -> Result<Vec<Claim>, Diagnostics>;

    /// Returns what must be known, given what is known; called again until it asks for nothing new.
    fn probes(&self, site: &Site, config: &Value, known: &Facts) -> Result<Vec<Probe>, Diagnostics>;

    /// Returns the steps that are missing. A probe without an answer counts as [`Absent`](crate::Evidence::Absent),
    /// so that a guest which does not exist yet gets its full installation.
    fn plan(&self, site: &Site, config: &Value, facts: &Facts) -> Result<Vec<Step>, Diagnostics>;
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

/// A feature that is written as one function: it goes through what its site shall have, with a draft that collects both
/// the questions and the missing steps.
pub trait Recipe: Send + Sync {
    /// Its configuration.
    type Config: DeserializeOwned;

    /// Returns what it is.
    fn descriptor(&self) -> &Descriptor;

    /// Returns what it needs of its guest.
    fn claims(&self, config: &Self::Config) -> Vec<Claim> {
        let _ = config;
        Vec::new()
    }

    /// Goes through what the site shall have. Must ask the draft for everything that it wants to know.
    fn draft(&self, draft: &mut Draft<'_>, config: &Self::Config);
}

/// A recipe in its typed face.
pub struct Drafted<R>(pub R);

impl<R: Recipe> TypedFeature for Drafted<R> {
    type Config = R::Config;

    fn descriptor(&self) -> &Descriptor {
        self.0.descriptor()
    }

    fn claims(&self, config: &R::Config) -> Vec<Claim> {
        self.0.claims(config)
    }

    fn probes(&self, site: &Site, config: &R::Config, known: &Facts) -> Vec<Probe> {
        let mut draft = Draft::new(site, &self.descriptor().name, known);
        self.0.draft(&mut draft, config);
        draft.into_probes()
    }

    fn plan(&self, site: &Site, config: &R::Config, facts: &Facts) -> Result<Vec<Step>, Diagnostics> {
        let mut draft = Draft::new(site, &self.descriptor().name, facts);
        self.0.draft(&mut draft, config);
        draft.into_steps()
    }
}

/// A typed feature in its erased face.
pub struct Lifted<F>(pub F);

impl<F: TypedFeature> Lifted<F> {
    fn decode(&self, config: &Value) -> Result<F::Config, Diagnostics> {
        let name = &self.0.descriptor().name;
        serde_path_to_error::deserialize(config).map_err(|error| {
            let path = pointer(error.path());
            let mut diagnostic =
                Diagnostic::error("feature-config", format!("feature `{name}`: {}", error.inner()))
                    .with_hint(format!("`phoenix explain {name}` shows every key that it knows"));
            diagnostic.place = Some(crate::Place { path, ..crate::Place::default() });
            diagnostic.into()
        })
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
