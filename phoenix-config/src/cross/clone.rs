//! Clones: what Proxmox VE can clone, and what templates and snapshots allow.

use super::Check;
use crate::{
    format::guest::CloneWord,
    model::{CloneView, Entry, Guest},
};

pub(super) fn check(check: &mut Check<'_>) {
    for guest in check.guests {
        snapshots(check, guest);
        old_template(check, guest);
        let Some(clone) = &guest.clone else { continue };
        let source = check.guest(clone.source);
        if let Some(source) = source.filter(|source| source.id != guest.id) {
            source_of(check, guest, clone, source);
        }
    }
}

fn source_of(check: &mut Check<'_>, guest: &Guest<'_>, clone: &CloneView, source: &Guest<'_>) {
    let vmid = source.id.vmid;
    if source.id.kind != guest.id.kind {
        let message = format!(
            "`{}` is a {}, but {vmid} is a {}",
            guest.name,
            guest.id.kind.noun(),
            source.id.kind.noun()
        );
        check.error(
            &clone.spot,
            "clone-kind",
            message,
            "a guest can only be cloned from one of its own kind",
        );
        return;
    }
    if clone.mode == CloneWord::Linked && !source.is_template {
        let message = format!("a linked clone stands on a template, and {vmid} is none");
        let hint = format!("write `\"is_template\": true` for {vmid}, or `\"mode\": \"full\"` here");
        check.error(&clone.spot, "linked-clone", message, hint);
    }
    if let Some(snapshot) = clone.snapshot.as_deref().filter(|_| source.is_template) {
        let message = format!("`{snapshot}` cannot be a snapshot of {vmid}: a template has none");
        check.error(&clone.spot, "clone-snapshot", message, "remove `snapshot`");
    } else if let Some(snapshot) = clone.snapshot.as_deref()
        && !snapshots_of(source).iter().any(|has| has == snapshot)
    {
        let message = format!("{vmid} has no snapshot `{snapshot}`");
        let hint = format!("write `\"final_snapshot\": \"{snapshot}\"` for {vmid}");
        check.error(&clone.spot, "clone-snapshot", message, hint);
    }
    if let (Some(size), Some(of_source)) = (guest.disk_gb, source.disk_gb)
        && size < of_source
    {
        let key = if matches!(guest.entry, Entry::Lxc(_)) { "storage_size_gb" } else { "disk_size_gb" };
        let message = format!(
            "`{}` has {size} GiB, less than the {of_source} GiB of {vmid} that it is cloned from",
            guest.name
        );
        let spot = guest.spot.at(key);
        check.error(&spot, "disk-shrinks", message, format!("write {of_source} or more: a disk only grows"));
    }
    if let Entry::Lxc(lxc) = source.entry
        && (!lxc.mount_points.is_empty() || !lxc.devices.is_empty())
    {
        let message =
            format!("{vmid} has directories or devices of the host, and Proxmox VE clones no such container");
        check.error(&clone.spot, "clone-with-binds", message, format!("move them from {vmid} to its clones"));
    }
}

fn snapshots_of(guest: &Guest<'_>) -> Vec<String> {
    let (last, old, has_lifecycle) = match guest.entry {
        Entry::Lxc(lxc) => (&lxc.final_snapshot, &lxc.template_snapshot_name, lxc.enable_lifecycle_snapshots),
        Entry::Vm(vm) => (&vm.final_snapshot, &None, vm.enable_lifecycle_snapshots),
    };
    let lifecycle = ["pre-configured", "final-form"].map(str::to_owned);
    let lifecycle = lifecycle.into_iter().filter(|_| has_lifecycle == Some(true));
    last.iter().chain(old).cloned().chain(lifecycle).collect()
}

fn snapshots(check: &mut Check<'_>, guest: &Guest<'_>) {
    let (has_lifecycle, has_final, has_binds) = match guest.entry {
        Entry::Lxc(lxc) => (
            lxc.enable_lifecycle_snapshots == Some(true),
            lxc.final_snapshot.is_some() || lxc.template_snapshot_name.is_some() && !guest.is_template,
            !lxc.mount_points.is_empty(),
        ),
        Entry::Vm(vm) => (vm.enable_lifecycle_snapshots == Some(true), vm.final_snapshot.is_some(), false),
    };
    let key = if has_lifecycle { "enable_lifecycle_snapshots" } else { "final_snapshot" };
    if !has_lifecycle && !has_final {
        return;
    }
    let spot = guest.spot.at(key);
    if guest.is_template {
        let message = format!(
            "`{}` becomes a template, and Proxmox VE makes none of a guest with snapshots",
            guest.name
        );
        check.error(
            &spot,
            "snapshot-on-template",
            message,
            format!("remove `{key}`; clones stand on the template itself"),
        );
    } else if has_binds {
        let message = format!(
            "`{}` has directories of the host, and Proxmox VE takes no snapshot of such a container",
            guest.name
        );
        check.error(&spot, "snapshot-with-binds", message, format!("remove `{key}` or `mount_points`"));
    }
}

fn old_template(check: &mut Check<'_>, guest: &Guest<'_>) {
    let Entry::Lxc(lxc) = guest.entry else { return };
    let Some(name) = &lxc.template_snapshot_name else { return };
    let spot = guest.spot.at("template_snapshot_name");
    if guest.is_template {
        let message = format!(
            "`{}` is cloned by others, so it becomes a native template without a snapshot `{name}`",
            guest.name
        );
        check.warning(&spot, "old-spelling", message, "write `\"is_template\": true`");
    } else {
        let message = format!(
            "`template_snapshot_name` of a guest that nobody clones only takes the snapshot `{name}`"
        );
        check.warning(
            &spot,
            "old-spelling",
            message,
            format!("write `\"is_template\": true` or `\"final_snapshot\": \"{name}\"`"),
        );
    }
}
