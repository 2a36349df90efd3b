//! Stock: the OS templates and images that guests are made from.

use super::{GuestSpec, Origin, migration};
use crate::{
    action::Action,
    evidence::Evidence,
    facts::Facts,
    id::ResourceId,
    plan::{Phase, Step},
    probe::Probe,
};

/// Returns the volume that an origin is made from, if it is made from one: its storage and the name to look for.
pub fn volume(origin: &Origin) -> Option<(&str, &str)> {
    match origin {
        Origin::OsTemplate { storage, template } => Some((storage, template)),
        Origin::CloudImage { storage, filename, .. } => Some((storage, filename)),
        Origin::Clone { .. } => None,
    }
}

/// Returns what a storage must be set up for to hold what an origin is made from.
pub(crate) fn content(origin: &Origin) -> Option<&'static str> {
    match origin {
        Origin::OsTemplate { .. } => Some("vztmpl"),
        Origin::CloudImage { .. } => Some("import"),
        Origin::Clone { .. } => None,
    }
}

/// Returns what must be known before what a guest is made from can be fetched.
pub(crate) fn probes(spec: &GuestSpec, known: &Facts) -> Vec<Probe> {
    let Some((storage, _)) = volume(&spec.origin) else { return Vec::new() };
    let mut probes = vec![Probe::Guests];
    if known.row(spec.vmid).is_none() && migration::can_ask(spec, known) {
        probes.push(Probe::Storages { node: spec.node.clone() });
        if known.storage(spec.node.as_deref(), storage).is_some() {
            probes.push(Probe::Volumes { storage: storage.to_owned(), node: spec.node.clone() });
        }
    }
    probes
}

/// Returns the step that gets the OS template or image, if it is not known to be there.
pub fn step(spec: &GuestSpec, facts: &Facts) -> Option<Step> {
    let origin = &spec.origin;
    let (storage, name) = volume(origin)?;
    let volumes = Probe::Volumes { storage: storage.to_owned(), node: spec.node.clone() };
    if let Some(Evidence::Volumes { rows }) = facts.get(&volumes) {
        let file = |volid: &str| volid.rsplit([':', '/']).next().unwrap_or("").to_owned();
        let is_it = |file: String| {
            file == name || file.strip_prefix(name).is_some_and(|version| version.starts_with('_'))
        };
        if rows.iter().any(|row| is_it(file(&row.volid))) {
            return None;
        }
    }
    // What every node sees is fetched once, whichever node the guests are wanted on.
    let is_shared = facts.storage(spec.node.as_deref(), storage).is_some_and(|row| row.shared);
    let node = spec.node.clone().filter(|_| !is_shared);
    let place = node.as_ref().map_or_else(String::new, |node| format!(" of `{node}`"));
    let verb = match &node {
        Some(node) => format!("fetch-{name}-on-{node}"),
        None => format!("fetch-{name}"),
    };
    let action = match origin {
        Origin::OsTemplate { storage, template } => {
            Action::FetchOsTemplate { storage: storage.clone(), node, template: template.clone() }
        }
        Origin::CloudImage { storage, url, filename, sha256 } => Action::FetchImage {
            storage: storage.clone(),
            node,
            url: url.clone(),
            filename: filename.clone(),
            sha256: sha256.clone(),
        },
        Origin::Clone { .. } => return None,
    };
    // On the storage, not on the guest: guests that are made from the same file share the step.
    let resource = ResourceId::new("storage", storage);
    let reason = format!("`{name}` is not on `{storage}`{place}");
    Some(Step::new(&resource, "guest", &verb.replace(':', "-"), Phase::Create, action, reason))
}
