//! What both kinds of guest say as resources: their ids and requirements, what their clones inherit, and the answers
//! to claims that would change what the user wrote.

use serde_json::{Value, json};

use super::{GuestSpec, Origin, making};
use crate::{
    diagnostic::Diagnostic,
    id::{GuestId, GuestKind, ResourceId},
    resource::{Requirement, Stage},
};

/// Returns the id of a guest's resource.
pub fn id(kind: GuestKind, guest: &GuestSpec) -> ResourceId {
    GuestId { kind, vmid: guest.vmid }.resource()
}

/// Returns the source that a guest is cloned from, if it is a clone.
pub fn parent(kind: GuestKind, guest: &GuestSpec) -> Option<ResourceId> {
    making::source(&guest.origin).map(|vmid| GuestId { kind, vmid }.resource())
}

/// Returns what must be there before a guest.
pub fn requirements(kind: GuestKind, guest: &GuestSpec) -> Vec<Requirement> {
    let source = parent(kind, guest).map(|id| Requirement { id, stage: Stage::Create });
    let services = guest.dependencies.iter().map(|id| Requirement { id: id.clone(), stage: Stage::Start });
    source.into_iter().chain(services).collect()
}

/// Returns what of an origin makes the guest: not where it is kept, nor how it is copied.
pub fn origin_content(origin: &Origin) -> Value {
    match origin {
        Origin::OsTemplate { template, .. } => json!({ "template": template }),
        Origin::CloudImage { url, filename, sha256, .. } => {
            json!({ "url": url, "filename": filename, "sha256": sha256 })
        }
        Origin::Clone { source, snapshot, .. } => json!({ "source": source, "snapshot": snapshot }),
    }
}

/// Answers a claim of memory; returns the claim's name.
pub fn memory(id: &ResourceId, guest: &GuestSpec, mib: u64, by: &str) -> Result<String, Diagnostic> {
    if guest.memory_mib < mib {
        return Err(conflict(
            id,
            by,
            &format!("at least {mib} MiB of memory"),
            &format!("{} MiB", guest.memory_mib),
        ));
    }
    Ok(format!("memory {mib} MiB"))
}

/// Answers a claim of root disk; returns the claim's name.
pub fn disk(id: &ResourceId, guest: &GuestSpec, gib: u64, by: &str) -> Result<String, Diagnostic> {
    if guest.disk_gib < gib {
        return Err(conflict(
            id,
            by,
            &format!("a root disk of at least {gib} GiB"),
            &format!("{} GiB", guest.disk_gib),
        ));
    }
    Ok(format!("disk {gib} GiB"))
}

/// Answers a claim of another guest; returns the claim's name.
pub fn other(id: &ResourceId, guest: &mut GuestSpec, other: GuestId, by: &str) -> Result<String, Diagnostic> {
    let required = other.resource();
    if required == *id {
        let message =
            format!("`{by}` in `{id}` needs `{required}` to be there first, which is the guest itself");
        return Err(Diagnostic::error("claim-refused", message).with_hint("name another guest"));
    }
    guest.dependencies.insert(required);
    Ok(format!("guest {other}"))
}

/// Returns the error for a claim that what the user wrote rules out.
pub fn conflict(id: &ResourceId, by: &str, wanted: &str, present: &str) -> Diagnostic {
    Diagnostic::error("claim-conflict", format!("`{by}` needs {wanted}, and `{id}` has {present}"))
        .with_hint(format!("change `{id}` in the configuration, or take `{by}` out of its features"))
}
