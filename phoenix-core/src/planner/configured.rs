//! The configurations of features, for who looks after one feature wherever it is.

use serde_json::Value;

use super::Resolved;
use crate::id::{ResourceId, Site};

/// A feature of one resource, with its configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Configured {
    /// The resource.
    pub resource: ResourceId,
    /// Where the feature lives.
    pub site: Site,
    /// What it is told.
    pub config: Value,
}

impl Resolved {
    /// Returns every place that has a feature, each resource behind those that it requires.
    pub fn configured(&self, feature: &str) -> Vec<Configured> {
        let mut found = Vec::new();
        for id in self.ids() {
            let Some(item) = self.items.get(id) else { continue };
            let Some(site) = &item.site else { continue };
            let uses = item.features.iter().filter(|one| one.feature.descriptor().name == feature);
            found.extend(uses.map(|one| Configured {
                resource: id.clone(),
                site: site.clone(),
                config: one.config.clone(),
            }));
        }
        found
    }

    /// Tells a feature of a resource something else, for this run alone: what it claims stays as it was.
    pub fn reconfigure(&mut self, resource: &ResourceId, feature: &str, config: &Value) {
        let Some(item) = self.items.get_mut(resource) else { return };
        for one in item.features.iter_mut().filter(|one| one.feature.descriptor().name == feature) {
            one.config.clone_from(config);
        }
    }
}
