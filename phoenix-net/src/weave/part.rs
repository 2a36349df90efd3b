//! What is woven into: features of resources, created where they are missing and completed where the user has written
//! them himself.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_core::{
    Declared, Desired, Diagnostic, Diagnostics, FeatureUse, GuestId, Network, Registry, ResourceId,
    network::Origin,
};
use serde_json::{Map, Value, json};

/// What is desired, while something is added to it.
pub(super) struct Parts<'a> {
    desired: &'a mut Desired,
    /// The plane that everything follows from.
    pub(super) network: &'a Network,
    registry: &'a Registry,
    lacking: BTreeSet<String>,
    findings: Diagnostics,
}

/// A feature's configuration that something is added to.
pub(super) struct Config<'a>(&'a mut Map<String, Value>);

impl<'a> Parts<'a> {
    pub(super) fn new(registry: &'a Registry, desired: &'a mut Desired, network: &'a Network) -> Self {
        Self { desired, network, registry, lacking: BTreeSet::new(), findings: Diagnostics::new() }
    }

    /// Tells whether the program has a feature; what it lacks is told at the end.
    fn knows(&mut self, name: &str) -> bool {
        let knows = self.registry.feature(name).is_some();
        if !knows {
            self.lacking.insert(name.to_owned());
        }
        knows
    }

    pub(super) fn find(&mut self, origin: &Origin, finding: Diagnostic) {
        self.findings.push(origin.put(finding));
    }

    pub(super) fn report(&mut self, finding: Diagnostic) {
        self.findings.push(finding);
    }

    /// Tells whether a guest is declared, and so can be given something.
    pub(super) fn has(&self, guest: GuestId) -> bool {
        self.desired.resources.contains_key(&guest.resource())
    }

    /// Tells whether a guest has a feature, by the user's word or by now.
    pub(super) fn has_feature(&self, guest: GuestId, name: &str) -> bool {
        let declared = self.desired.resources.get(&guest.resource());
        declared.is_some_and(|declared| declared.features.iter().any(|feature| feature.name == name))
    }

    /// Returns the configuration of a guest's feature, which it has from now on.
    pub(super) fn feature(&mut self, guest: GuestId, name: &str) -> Option<Config<'_>> {
        if !self.knows(name) {
            return None;
        }
        of(self.desired.resources.get_mut(&guest.resource())?, name)
    }

    /// Returns the configuration of a feature of the ground that guests stand on.
    pub(super) fn ground(&mut self, name: &str) -> Option<Config<'_>> {
        if !self.knows(name) {
            return None;
        }
        let spec = json!({ "node": self.network.node });
        of(self.resource(self.network.ground(), spec), name)
    }

    /// Returns the configuration of a feature of what the host has of its guests.
    pub(super) fn crown(&mut self, name: &str) -> Option<Config<'_>> {
        if !self.knows(name) {
            return None;
        }
        let id = ResourceId::new("host", &format!("{}/crown", self.network.node));
        let spec = json!({ "node": self.network.node, "part": "crown" });
        of(self.resource(id, spec), name)
    }

    /// Adds a resource of its own, if the program has a manager for its kind.
    pub(super) fn add(&mut self, id: ResourceId, spec: Value, origin: &Origin) {
        if !self.registry.kinds().any(|kind| kind == id.kind()) {
            self.lacking.insert(id.kind().to_owned());
            return;
        }
        let declared =
            Declared { file: origin.file.clone(), path: origin.path.clone(), ..Declared::new(spec) };
        self.desired.resources.insert(id, declared);
    }

    fn resource(&mut self, id: ResourceId, spec: Value) -> &mut Declared {
        let file = self.network.publishing.as_ref().map(|publishing| publishing.origin.clone());
        let Origin { file, path } = file.unwrap_or_default();
        self.desired.resources.entry(id).or_insert(Declared { file, path, ..Declared::new(spec) })
    }

    /// Changes a guest's own part of its spec.
    pub(super) fn spec(&mut self, guest: GuestId) -> Option<&mut Map<String, Value>> {
        self.desired.resources.get_mut(&guest.resource())?.spec.as_object_mut()
    }

    /// Returns the guests that others stand on, directly or not: what they are cloned from and what must be up before.
    pub(super) fn below(&self, guest: GuestId) -> BTreeSet<GuestId> {
        let mut all = BTreeSet::new();
        let mut left = vec![guest];
        while let Some(next) = left.pop() {
            let Some(declared) = self.desired.resources.get(&next.resource()) else { continue };
            let named = declared.spec.pointer("/guest/dependencies").and_then(Value::as_array);
            let named = named.into_iter().flatten().filter_map(|id| id.as_str()?.parse::<GuestId>().ok());
            for other in named {
                if all.insert(other) {
                    left.push(other);
                }
            }
        }
        all
    }

    /// Has all guests that run wait for the ground, if anything is built on it, and returns what was found.
    pub(super) fn finish(mut self) -> Diagnostics {
        let origin = self.network.publishing.as_ref().map(|publishing| publishing.origin.clone());
        let origin = origin.unwrap_or_default();
        for name in std::mem::take(&mut self.lacking) {
            let message = format!("this program has no `{name}`, so what needs it is left out");
            let finding = Diagnostic::warning("feature-unavailable", message);
            self.find(&origin, finding.with_hint("use one that was built with it"));
        }
        let ground = self.network.ground();
        if self.desired.resources.contains_key(&ground) {
            for guest in self.network.members.keys() {
                let declared = self.desired.resources.get_mut(&guest.resource());
                let Some(spec) = declared.and_then(|declared| declared.spec.pointer_mut("/guest")) else {
                    continue;
                };
                push(spec, "dependencies", json!(ground));
            }
        }
        self.findings
    }
}

fn of<'a>(declared: &'a mut Declared, name: &str) -> Option<Config<'a>> {
    let found = declared.features.iter().position(|feature| feature.name == name);
    let at = found.unwrap_or_else(|| {
        declared.features.push(FeatureUse::new(name, json!({})));
        declared.features.len() - 1
    });
    declared.features[at].config.as_object_mut().map(Config)
}

/// Adds a value to a list of an object, if it is not in it.
fn push(object: &mut Value, key: &str, value: Value) {
    let Some(object) = object.as_object_mut() else { return };
    let list = object.entry(key).or_insert_with(|| json!([]));
    if let Some(list) = list.as_array_mut().filter(|list| !list.contains(&value)) {
        list.push(value);
    }
}

impl Config<'_> {
    /// Sets a key, unless the user has.
    pub(super) fn default(&mut self, key: &str, value: Value) {
        self.0.entry(key).or_insert(value);
    }

    /// Adds a value to a list, if it is not in it.
    pub(super) fn push(&mut self, key: &str, value: Value) {
        let list = self.0.entry(key).or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut().filter(|list| !list.contains(&value)) {
            list.push(value);
        }
    }

    /// Adds values to a list inside the entry of a list that has this key, which is made if there is none.
    pub(super) fn merge(&mut self, list: &str, key: &str, name: &str, inner: &str, values: Vec<Value>) {
        let entries = self.0.entry(list).or_insert_with(|| json!([]));
        let Some(entries) = entries.as_array_mut() else { return };
        let at = entries.iter().position(|entry| entry[key] == name).unwrap_or_else(|| {
            entries.push(json!({ key: name }));
            entries.len() - 1
        });
        for value in values {
            push(&mut entries[at], inner, value);
        }
    }

    /// Adds entries to an object, those left out that are in it.
    pub(super) fn extend(&mut self, key: &str, values: BTreeMap<String, Value>) {
        let object = self.0.entry(key).or_insert_with(|| json!({}));
        if let Some(object) = object.as_object_mut() {
            for (name, value) in values {
                object.entry(name).or_insert(value);
            }
        }
    }

    /// Returns what a key holds.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }
}
