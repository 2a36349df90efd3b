//! The virtual machines' file.

use serde_json::json;

use super::{draft::Draft, guest, lxc, rules};
use crate::{
    format::vm::Vm,
    model::{Entry, Guest, VM_FILE as FILE},
};

/// What the predecessor gave every machine, whatever the file said.
const OLD_DISK_GIB: u64 = 32;

pub(super) fn clean(draft: &mut Draft<'_>) {
    draft.remove(FILE, "/$schema", "its schema is the predecessor's");
    let model = draft.model;
    let guests = model.guests();
    let templates = lxc::templates(&guests);
    for machine in &guests {
        let Entry::Vm(vm) = machine.entry else { continue };
        guest::clean(draft, machine, &templates);
        one(draft, machine, vm);
        let brought: Vec<_> = vm
            .docker_stacks
            .iter()
            .filter_map(|stack| model.stacks.get(stack)?.manifest.as_ref()?.environments.get("production"))
            .flat_map(|environment| environment.firewall_rules.clone())
            .collect();
        let pointer = format!("{}/firewall/rules", machine.spot.pointer);
        rules::clean(draft, FILE, &pointer, &pointer, Some(&brought));
    }
}

fn one(draft: &mut Draft<'_>, machine: &Guest<'_>, vm: &Vm) {
    let at = |key: &str| format!("{}/{key}", machine.spot.pointer);
    if let Some(user) = &vm.user_config {
        draft.take(FILE, &at("user_config"));
        if let Some(entry) = draft.object(FILE, &machine.spot.pointer) {
            entry.entry("cloud_init").or_insert_with(|| json!({ "user": user.username }));
        }
        draft.explain(
            FILE,
            &at("user_config"),
            "wrote `user_config` as `cloud_init`",
            "cloud-init sets up keys and upgrades too",
        );
    }
    if vm.disk_size_gb.is_none() && machine.clone.is_none() {
        if let Some(entry) = draft.object(FILE, &machine.spot.pointer) {
            entry.insert("disk_size_gb".to_owned(), json!(OLD_DISK_GIB));
        }
        let why = "the predecessor made this size whatever `vm_defaults` said, and a clone cannot be smaller than its source";
        draft.explain(FILE, &machine.spot.pointer, format!("added `\"disk_size_gb\": {OLD_DISK_GIB}`"), why);
    }
    if let Some(snapshots) = &vm.snapshots {
        draft.take(FILE, &at("snapshots"));
        if let Some(entry) = draft.object(FILE, &machine.spot.pointer).filter(|_| !snapshots.is_empty()) {
            entry.insert("enable_lifecycle_snapshots".to_owned(), json!(!machine.is_template));
        }
        draft.explain(
            FILE,
            &at("snapshots"),
            "wrote `snapshots` as `enable_lifecycle_snapshots`",
            "their names are fixed now",
        );
    }
    if machine.is_template {
        for key in ["start_at_boot", "boot_order", "boot_delay"] {
            draft.remove(FILE, &at(key), "a template never starts");
        }
    }
    let stacks: Vec<&String> =
        vm.docker_stacks.iter().filter(|stack| draft.model.stacks.contains_key(*stack)).collect();
    if stacks.len() < vm.docker_stacks.len() {
        let kept = json!(stacks);
        if let Some(entry) = draft.object(FILE, &machine.spot.pointer) {
            entry.insert("docker_stacks".to_owned(), kept);
        }
        draft.explain(FILE, &at("docker_stacks"), "removed stacks", "there is no such folder in `stacks`");
    }
}
