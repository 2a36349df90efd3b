//! The feature itself: its descriptor, and the two functions that it consists of.

use std::collections::BTreeSet;

use phoenix_core::{
    Descriptor, Diagnostics, Facts, Feature, Probe, Site, Step, TypedFeature,
    feature::{Lifted, SiteKind},
};
use semver::Version;

use crate::{config::Config, plan, probes, schema};

/// The feature's name.
pub(crate) const NAME: &str = "base-setup";

/// The feature `base-setup`.
pub struct BaseSetup {
    descriptor: Descriptor,
}

/// Returns the feature for the registry.
pub fn feature() -> Box<dyn Feature> {
    Box::new(Lifted(BaseSetup::new()))
}

impl BaseSetup {
    /// Returns the feature in its typed face.
    pub fn new() -> Self {
        Self {
            descriptor: Descriptor {
                name: NAME.to_owned(),
                version: Version::new(0, 1, 0),
                summary: "installs basic packages and sets locale, time zone, users and their keys"
                    .to_owned(),
                config_schema: schema::schema(),
                sites: BTreeSet::from([SiteKind::Lxc, SiteKind::Vm, SiteKind::Host]),
                after: BTreeSet::new(),
                artifacts: Vec::new(),
            },
        }
    }
}

impl Default for BaseSetup {
    fn default() -> Self {
        Self::new()
    }
}

impl TypedFeature for BaseSetup {
    type Config = Config;

    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn probes(&self, site: &Site, config: &Config, known: &Facts) -> Vec<Probe> {
        probes::probes(site, config, known)
    }

    fn plan(&self, site: &Site, config: &Config, facts: &Facts) -> Result<Vec<Step>, Diagnostics> {
        plan::plan(site, config, facts)
    }
}
