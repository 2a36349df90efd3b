//! Resolving: decodes what is desired into specs, orders each guest's features, folds their claims in, and works out
//! requirements and layers. Done once for a run; gathering and planning share it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;

use super::{gpu, order};
use crate::{
    artifact::Artifacts,
    desired::{Declared, Desired, FeatureUse},
    diagnostic::{Diagnostic, Diagnostics},
    feature::{Feature, SiteKind},
    id::{GuestId, GuestKind, ResourceId, Site},
    layer,
    planner::artifacts::{self, chosen},
    registry::{AnyManager, AnySpec, Registry},
    resource::{Requirement, Stamp},
};

/// What is desired, decoded and in order.
pub struct Resolved {
    pub(super) items: BTreeMap<ResourceId, Item>,
    /// Each id stands behind those that it requires; otherwise by kind and number.
    ranked: Vec<ResourceId>,
}

/// One resource.
pub(crate) struct Item {
    pub(crate) manager: Arc<dyn AnyManager>,
    pub(crate) spec: Box<dyn AnySpec>,
    pub(crate) features: Vec<Installed>,
    pub(crate) requires: Vec<Requirement>,
    /// Where its features live.
    pub(crate) site: Option<Site>,
    pub(crate) rank: usize,
    gpu_memory: BTreeMap<u32, u32>,
    file: Arc<str>,
    path: String,
}

/// One feature of a resource.
pub(crate) struct Installed {
    pub(crate) feature: Arc<dyn Feature>,
    pub(crate) config: Value,
    pub(crate) path: String,
}

impl Resolved {
    /// Decodes everything that is desired, or returns all that is wrong with it.
    pub fn new(registry: &Registry, desired: &Desired) -> Result<Self, Diagnostics> {
        let mut findings = artifacts::unknown(registry, desired);
        let mut items = BTreeMap::new();
        for (id, declared) in &desired.resources {
            match Item::new(registry, id, declared, &desired.artifacts) {
                Ok(item) => drop(items.insert(id.clone(), item)),
                Err(found) => findings.extend(found),
            }
        }
        for (id, item) in &items {
            for Requirement { id: required, .. } in
                item.requires.iter().filter(|requirement| !desired.resources.contains_key(&requirement.id))
            {
                findings.push(
                    item.place(
                        Diagnostic::error(
                            "unknown-requirement",
                            format!("`{id}` requires `{required}`, which is not declared"),
                        )
                        .with_hint(format!("declare `{required}`, or take it out of `{id}`")),
                    ),
                );
            }
        }
        let shares = items.iter().map(|(id, item)| (id, item.spec.to_value(), &item.gpu_memory));
        findings.extend(gpu::check(shares, |id, finding| items[id].place(finding)));
        let mut resolved = Self { ranked: Vec::new(), items };
        if findings.has_errors() {
            return Err(findings);
        }
        resolved.ranked = resolved.rank()?;
        for (rank, id) in resolved.ranked.iter().enumerate() {
            resolved.items.get_mut(id).expect("ranked ids are items").rank = rank;
        }
        resolved.stamp(desired);
        Ok(resolved)
    }

    /// Goes through the ids, each behind those that it requires.
    pub fn ids(&self) -> impl Iterator<Item = &ResourceId> {
        self.ranked.iter()
    }

    /// Returns what a resource requires.
    pub fn requirements(&self, id: &ResourceId) -> &[Requirement] {
        self.items.get(id).map_or(&[], |item| &item.requires)
    }

    /// Returns the resources that require this one directly.
    pub fn dependents(&self, id: &ResourceId) -> BTreeSet<ResourceId> {
        let requires = |item: &Item| item.requires.iter().any(|requirement| requirement.id == *id);
        self.items.iter().filter(|(_, item)| requires(item)).map(|(id, _)| id.clone()).collect()
    }

    /// Returns these resources and all that require them, directly or not.
    pub fn with_dependents(&self, ids: &BTreeSet<ResourceId>) -> BTreeSet<ResourceId> {
        let mut all = ids.clone();
        // Ranked order has every requirement before its dependents, so one pass is enough.
        for id in &self.ranked {
            if self.requirements(id).iter().any(|requirement| all.contains(&requirement.id)) {
                all.insert(id.clone());
            }
        }
        all
    }

    /// Returns these resources and all that they require, directly or not.
    pub fn with_requirements(&self, ids: &BTreeSet<ResourceId>) -> BTreeSet<ResourceId> {
        let mut all = ids.clone();
        for id in self.ranked.iter().rev() {
            if all.contains(id) {
                all.extend(self.requirements(id).iter().map(|requirement| requirement.id.clone()));
            }
        }
        all
    }

    /// Returns these resources and those that are parts of them.
    pub fn with_parts(&self, mut ids: BTreeSet<ResourceId>) -> BTreeSet<ResourceId> {
        let is_part = |item: &Item| item.spec.attached_to().is_some_and(|whole| ids.contains(&whole));
        let parts: Vec<_> =
            self.items.iter().filter(|(_, item)| is_part(item)).map(|(id, _)| id.clone()).collect();
        ids.extend(parts);
        ids
    }

    /// Goes through the resources that a request for everything leaves out, each behind those that it requires.
    pub fn apart(&self) -> impl Iterator<Item = &ResourceId> {
        self.ranked.iter().filter(|id| self.is_apart(id))
    }

    pub(super) fn is_apart(&self, id: &ResourceId) -> bool {
        self.items.get(id).is_some_and(|item| item.spec.is_apart())
    }

    /// Returns a resource's spec as JSON, claims and stamp included.
    pub fn spec(&self, id: &ResourceId) -> Option<Value> {
        self.items.get(id).map(|item| item.spec.to_value())
    }

    /// Returns the names of a resource's features, in the order in which they are installed.
    pub fn features(&self, id: &ResourceId) -> Vec<&str> {
        self.items.get(id).map_or_else(Vec::new, |item| {
            item.features.iter().map(|installed| installed.feature.descriptor().name.as_str()).collect()
        })
    }

    pub(crate) fn get(&self, id: &ResourceId) -> Option<&Item> {
        self.items.get(id)
    }

    fn rank(&self) -> Result<Vec<ResourceId>, Diagnostics> {
        let mut waiting: BTreeMap<&ResourceId, usize> = BTreeMap::new();
        let mut dependents: BTreeMap<&ResourceId, Vec<&ResourceId>> = BTreeMap::new();
        for (id, item) in &self.items {
            let required: BTreeSet<_> = item.requires.iter().map(|requirement| &requirement.id).collect();
            waiting.insert(id, required.len());
            for other in required {
                dependents.entry(other).or_default().push(id);
            }
        }
        let natural = |id: &ResourceId| (id.guest().map_or(u32::MAX, |guest| guest.vmid.0), id.clone());
        let mut ready: BTreeSet<(u32, ResourceId)> =
            waiting.iter().filter(|(_, count)| **count == 0).map(|(id, _)| natural(id)).collect();
        let mut ranked = Vec::with_capacity(self.items.len());
        while let Some((_, id)) = ready.pop_first() {
            for dependent in dependents.get(&id).into_iter().flatten() {
                let count = waiting.get_mut(*dependent).expect("every dependent is an item");
                *count -= 1;
                if *count == 0 {
                    ready.insert(natural(dependent));
                }
            }
            ranked.push(id);
        }
        if ranked.len() == self.items.len() { Ok(ranked) } else { Err(self.cycle(&ranked).into()) }
    }

    fn cycle(&self, ranked: &[ResourceId]) -> Diagnostic {
        let ranked: BTreeSet<_> = ranked.iter().collect();
        let mut way: Vec<&ResourceId> = self.items.keys().filter(|id| !ranked.contains(id)).take(1).collect();
        // Everything unranked waits for something unranked, so following it must come back to where it was.
        loop {
            let last = way.last().expect("a cycle has a member");
            let next = self.items[*last]
                .requires
                .iter()
                .map(|requirement| &requirement.id)
                .find(|id| !ranked.contains(id))
                .expect("an unranked resource waits for an unranked one");
            if let Some(start) = way.iter().position(|id| *id == next) {
                way.push(next);
                let names: Vec<_> = way[start..].iter().map(|id| format!("`{id}`")).collect();
                let diagnostic =
                    Diagnostic::error("cycle", format!("these require each other: {}", names.join(" → ")))
                        .with_hint("take one of these requirements out");
                return self.items[way[start]].place(diagnostic);
            }
            way.push(next);
        }
    }

    fn stamp(&mut self, desired: &Desired) {
        let sources = self
            .items
            .iter()
            .filter_map(|(id, item)| {
                let features = desired.resources.get(id).map_or(&[][..], |declared| &declared.features);
                Some((id.clone(), (item.spec.layer()?, layer::features_id(features))))
            })
            .collect();
        let layers = layer::identities(&sources);
        let mut parents: BTreeMap<ResourceId, Arc<Value>> = BTreeMap::new();
        for id in &self.ranked {
            let Some((source, features)) = sources.get(id) else { continue };
            let parent_spec = source.parent.as_ref().and_then(|parent| {
                let spec = self.items.get(parent)?.spec.as_ref();
                Some(Arc::clone(
                    parents.entry(parent.clone()).or_insert_with(|| Arc::new(without_parent(spec))),
                ))
            });
            let stamp = Stamp {
                layer: layers.get(id).cloned().unwrap_or_default(),
                base: source.parent.as_ref().and_then(|parent| layers.get(parent).cloned()),
                features: features.clone(),
                parent_spec,
            };
            self.items.get_mut(id).expect("ranked ids are items").spec.stamp(stamp);
        }
    }
}

/// Returns a spec as JSON without what is stamped on it: a chain of parents must not be nested into itself.
fn without_parent(spec: &dyn AnySpec) -> Value {
    let mut value = spec.to_value();
    if let Some(stamp) = value.get_mut("stamp").and_then(Value::as_object_mut) {
        stamp.remove("parent_spec");
    }
    value
}

impl Item {
    fn new(
        registry: &Registry,
        id: &ResourceId,
        declared: &Declared,
        artifacts: &Artifacts,
    ) -> Result<Self, Diagnostics> {
        let at = |diagnostic: Diagnostic| place(diagnostic, &declared.file, &declared.path);
        let Some(manager) = registry.manager(id.kind()) else {
            let kinds: Vec<_> = registry.kinds().map(|kind| format!("`{kind}`")).collect();
            return Err(at(Diagnostic::error("unknown-kind", format!("no manager for `{id}`"))
                .with_hint(format!("the kinds are {}", kinds.join(", "))))
            .into());
        };
        let mut spec = manager.decode(&declared.spec).map_err(at)?;
        let mut findings = Diagnostics::new();
        if spec.id() != *id {
            let own = spec.id();
            findings.push(at(Diagnostic::error("id", format!("`{id}` holds the spec of `{own}`"))));
        }
        let site = spec.site();
        let features = installed(registry, (id, site.as_ref()), declared, artifacts)?;
        let mut gpu_memory = BTreeMap::new();
        for installed in &features {
            let name = &installed.feature.descriptor().name;
            match installed.feature.claims(&installed.config) {
                Ok(claims) => {
                    gpu::add(&mut gpu_memory, &claims);
                    let refused = claims.iter().filter_map(|claim| spec.accept(claim, name).err());
                    findings.extend(refused.map(at).collect());
                }
                Err(found) => findings
                    .extend(found.into_iter().map(|d| place(d, &declared.file, &installed.path)).collect()),
            }
        }
        let requires = spec.requires();
        findings.into_result(Self {
            manager: Arc::clone(manager),
            spec,
            features,
            requires,
            site,
            rank: 0,
            gpu_memory,
            file: Arc::clone(&declared.file),
            path: declared.path.clone(),
        })
    }

    /// Puts a diagnostic of this resource at the place of its declaration.
    pub(crate) fn place(&self, diagnostic: Diagnostic) -> Diagnostic {
        place(diagnostic, &self.file, &self.path)
    }

    /// Puts a diagnostic of a feature at the place of its use.
    pub(crate) fn place_feature(&self, diagnostic: Diagnostic, installed: &Installed) -> Diagnostic {
        place(diagnostic, &self.file, &installed.path)
    }
}

/// Puts a diagnostic at a declaration: a path that it has already is below that.
fn place(mut diagnostic: Diagnostic, file: &Arc<str>, path: &str) -> Diagnostic {
    if file.is_empty() {
        return diagnostic;
    }
    let below = diagnostic.place.take().map_or_else(String::new, |place| place.path);
    diagnostic.at_path(file, format!("{path}{below}"))
}

fn installed(
    registry: &Registry,
    (id, site): (&ResourceId, Option<&Site>),
    declared: &Declared,
    artifacts: &Artifacts,
) -> Result<Vec<Installed>, Diagnostics> {
    let mut findings = Diagnostics::new();
    let mut features: Vec<Installed> = Vec::new();
    for FeatureUse { name, config, path } in &declared.features {
        let Some(feature) = registry.feature(name) else {
            let names: Vec<_> =
                registry.features().map(|feature| format!("`{}`", feature.descriptor().name)).collect();
            findings.push(place(
                Diagnostic::error(
                    "unknown-feature",
                    format!("`{id}` asks for the feature `{name}`, which is not there"),
                )
                .with_hint(format!("the features are {}", names.join(", "))),
                &declared.file,
                path,
            ));
            continue;
        };
        let descriptor = feature.descriptor();
        if site.is_none_or(|site| !descriptor.sites.contains(&kind_of(site))) {
            findings.push(place(
                Diagnostic::error("feature-site", format!("the feature `{name}` cannot live in `{id}`")),
                &declared.file,
                path,
            ));
        }
        if features.iter().any(|other| other.feature.descriptor().name == *name) {
            findings.push(place(
                Diagnostic::error("duplicate-feature", format!("`{id}` asks for the feature `{name}` twice"))
                    .with_hint("put both configurations into one"),
                &declared.file,
                path,
            ));
            continue;
        }
        let config = chosen(config, feature.as_ref(), artifacts);
        features.push(Installed { feature: Arc::clone(feature), config, path: path.clone() });
    }
    findings.into_result(())?;
    order::features(id, features)
}

fn kind_of(site: &Site) -> SiteKind {
    match site {
        Site::Guest(GuestId { kind: GuestKind::Lxc, .. }) => SiteKind::Lxc,
        Site::Guest(GuestId { kind: GuestKind::Vm, .. }) => SiteKind::Vm,
        Site::Host(_) => SiteKind::Host,
    }
}
