//! A virtual machine: the JSON form of `phoenix-vm`'s spec.

use serde_json::{Map, Value, json};

use super::{Context, guest};
use crate::{
    format::vm::{Vm, VmDefaults},
    model::Guest,
};

/// Returns the spec of a virtual machine.
pub(super) fn spec(context: &mut Context<'_>, guest: &Guest<'_>, vm: &Vm) -> Option<Value> {
    let no_defaults = VmDefaults::default();
    let defaults = context.model.vm.vm_defaults.as_ref().unwrap_or(&no_defaults);
    let parts = guest::Parts {
        cores: vm.cores.or(defaults.cores),
        nameservers: &vm.nameservers,
        default_nameservers: &defaults.nameservers,
        search_domain: &vm.search_domain,
        tags: &vm.tags,
        title: &vm.title,
        node: &vm.node,
        description: &vm.description,
        protection: vm.protection,
        power: vm.power,
        boot_delay: vm.boot_delay,
        lifecycle_snapshots: vm.enable_lifecycle_snapshots.unwrap_or(false) || vm.snapshots.is_some(),
        final_snapshot: vm.final_snapshot.clone(),
        health: &vm.health,
        options: &vm.options,
    };
    let shared = guest::spec(context, guest, parts)?;
    let disks: Map<String, Value> = vm
        .disks
        .iter()
        .map(|(key, disk)| (key.clone(), json!({ "storage": disk.storage, "gib": disk.size_gb })))
        .collect();
    let mut spec = json!({
        "guest": shared,
        "sockets": vm.sockets.unwrap_or(1),
        "agent": vm.agent.unwrap_or(true),
        "disks": disks,
        "boot": vm.boot,
        "pci": vm.pci,
    });
    if let Some(cpu) = &vm.cpu {
        spec["cpu"] = json!(cpu);
    }
    if let Some(cloud_init) = cloud_init(guest, vm) {
        spec["cloud_init"] = cloud_init;
    }
    Some(spec)
}

/// A machine with an address needs cloud-init to learn it.
fn cloud_init(guest: &Guest<'_>, vm: &Vm) -> Option<Value> {
    let old_user = vm.user_config.as_ref().map(|user| user.username.clone());
    let has_address = guest.networks.iter().any(|(network, _)| network.ip.is_some() || network.ip6.is_some());
    let given = vm.cloud_init.clone();
    if given.is_none() && old_user.is_none() && !has_address {
        return None;
    }
    let given = given.unwrap_or_default();
    let mut value = json!({ "ssh_keys": given.ssh_keys, "upgrade": given.upgrade });
    if let Some(user) = given.user.or(old_user) {
        value["user"] = json!(user);
    }
    Some(value)
}
