//! Keys that load but do nothing: those that were never read, and those that a later release applies.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Check;
use crate::{
    model::{CERTIFICATE_FILE, HYPERVISOR_FILE, LXC_FILE, STACKS_FILE, Spot, VM_FILE},
    source::escape,
};

/// A key that does nothing: its file, its pointer (`*` for any key or index) and what to do instead.
type Row = (&'static str, &'static str, &'static str);

/// Keys that neither the predecessor nor Phoenix reads.
pub(crate) const NEVER_READ: [Row; 21] = [
    (HYPERVISOR_FILE, "/core_paths", "the config directory (`--config-dir`) holds every file"),
    (HYPERVISOR_FILE, "/proxmox_defaults", "`lxc_defaults` of the containers' file is what holds"),
    (HYPERVISOR_FILE, "/behavior", "remove it; `-v` shows more, and a failed run can be repeated"),
    (HYPERVISOR_FILE, "/tests", "remove it; `health` of a guest is what runs"),
    (HYPERVISOR_FILE, "/shared_volumes/*", "use `mount_points` of the guests"),
    (HYPERVISOR_FILE, "/network/external_registry_url", "remove it; compose files name their registries"),
    (HYPERVISOR_FILE, "/network/portainer_server_ip", "remove it; the guest's own address holds"),
    (HYPERVISOR_FILE, "/network/portainer_server_port", "remove it; the compose file names the port"),
    (HYPERVISOR_FILE, "/network/default_subnet", "remove it; `interfaces.address` says it"),
    (HYPERVISOR_FILE, "/network/fallback_dns", "add it to `interfaces.dns_nameservers`"),
    (HYPERVISOR_FILE, "/nvidia_driver/cuda_version", "remove it; the feature `gpu` knows it"),
    (HYPERVISOR_FILE, "/nvidia_driver/install_vllm_libs", "remove it; the feature `vllm` brings them"),
    (HYPERVISOR_FILE, "/samba/shares/*/options", "write `browsable`, `read_only` and `guest_ok`"),
    (HYPERVISOR_FILE, "/zfs/datasets/*/storage_class", "remove it"),
    (HYPERVISOR_FILE, "/dns_server/authoritative_zones", "remove it; `domain_name` is the zone"),
    (
        LXC_FILE,
        "/lxc_configs/*/id_maps",
        "remove it; Proxmox VE maps ids, and `owner_uid` of a mount point is one inside",
    ),
    (LXC_FILE, "/lxc_configs/*/ports", "remove it; a container has an address of its own"),
    (LXC_FILE, "/lxc_configs/*/tests", "remove it; `health` is what runs"),
    (LXC_FILE, "/lxc_configs/*/portainer_role", "remove it; only virtual machines have a part in Portainer"),
    (VM_FILE, "/vm_defaults/template", "remove it; `template_image` or `clone` of each machine holds"),
    (VM_FILE, "/vms/*/template_snapshot_name", "remove it; a template is cloned without a snapshot"),
];

/// Old spellings whose meaning cannot be carried over.
const SHELL: [Row; 2] = [
    (
        LXC_FILE,
        "/lxc_configs/*/health_check",
        "write `\"health\": [{ \"command\": [\"program\", \"argument\"] }]`",
    ),
    (
        LXC_FILE,
        "/lxc_configs/*/health_checks",
        "write `\"health\": [{ \"command\": [\"program\", \"argument\"] }]`",
    ),
];

/// Keys of the predecessor that are checked and not applied: something else has taken their place.
const NOT_YET: [Row; 8] = [
    (HYPERVISOR_FILE, "/network/nfs_server", "the host itself serves its `volumes`: remove it"),
    (
        HYPERVISOR_FILE,
        "/step_ca",
        "`publishing.authority` and the feature `step-ca` of that container take its place: remove it",
    ),
    (LXC_FILE, "/lxc_configs/*/application_script", "no script runs; features take its place"),
    (LXC_FILE, "/lxc_configs/*/dns_records", "names follow from `services` of the guest: remove it"),
    (
        LXC_FILE,
        "/lxc_configs/*/trigger_sync_on_completion",
        "names, routes and certificates are part of every run: remove it",
    ),
    (
        VM_FILE,
        "/vms/*/volumes",
        "declare each in `volumes` of the host's file, with an owner (docs/network.md), and remove it",
    ),
    (VM_FILE, "/vms/*/dns_records", "names follow from `services` of the guest: remove it"),
    (
        VM_FILE,
        "/vms/*/trigger_sync_on_completion",
        "names, routes and certificates are part of every run: remove it",
    ),
];

pub(super) fn check(check: &mut Check<'_>) {
    for (file, pattern, hint) in NEVER_READ.into_iter().chain(SHELL) {
        for pointer in matches(check.sources.document(file).map(|document| &document.value), pattern) {
            if pointer == "/shared_volumes/firewall" {
                continue;
            }
            let key = crate::source::last_key(&pointer);
            let message = match pattern.contains("health_check") {
                true => format!("`{key}` is shell text of the predecessor and is not run"),
                false => format!("`{key}` was never read, and Phoenix does not read it either"),
            };
            check.error(&Spot::new(file, pointer), "never-read", message, hint);
        }
    }
    if let Some(spot) = check.model.catalogue.as_ref().map(|_| Spot::new(STACKS_FILE, "/docker_stacks")) {
        let message = format!("`{STACKS_FILE}` was never read, and Phoenix does not read it either");
        check.error(
            &spot,
            "never-read",
            message,
            "remove the file; `stacks/<name>/phoenix.json` is what holds",
        );
    }
    for (file, pattern, hint) in NOT_YET {
        let places = matches(check.sources.document(file).map(|document| &document.value), pattern);
        let spots = places.iter().map(|place| Spot::new(file, place.clone())).collect();
        if let Some(first) = check.first(spots) {
            not_yet(check, &first, places.len(), hint);
        }
    }
    if !check.model.certificates.is_empty() {
        let spot = Spot::new(CERTIFICATE_FILE, "/0");
        let message = format!(
            "the {} certificates of this file are checked and not applied",
            check.model.certificates.len()
        );
        let hint = "certificates follow from the services now: remove the file";
        check.note(&spot, "not-applied-yet", message, hint);
    }
    mistyped(check);
}

fn not_yet(check: &mut Check<'_>, spot: &Spot, count: usize, hint: &str) {
    let key = crate::source::last_key(&spot.pointer);
    let message = match count {
        1 => format!("`{key}` is checked and not applied"),
        _ => format!("`{key}` is checked and not applied, here and at {} other places", count - 1),
    };
    check.note(spot, "not-applied-yet", message, hint);
}

/// Returns the pointers that a pattern matches; `*` stands for any key or index. An empty array or `null` says nothing.
pub(crate) fn matches(value: Option<&Value>, pattern: &str) -> Vec<String> {
    let Some(value) = value else { return Vec::new() };
    let mut found: BTreeMap<usize, (String, &Value)> = BTreeMap::from([(0, (String::new(), value))]);
    for part in pattern.split('/').skip(1) {
        let mut next: Vec<(String, &Value)> = Vec::new();
        for (pointer, value) in found.into_values() {
            match (part, value) {
                ("*", Value::Object(map)) => {
                    next.extend(map.iter().map(|(key, child)| (format!("{pointer}/{}", escape(key)), child)));
                }
                ("*", Value::Array(items)) => {
                    next.extend(
                        items.iter().enumerate().map(|(index, child)| (format!("{pointer}/{index}"), child)),
                    );
                }
                (key, Value::Object(map)) => {
                    next.extend(map.get(key).map(|child| (format!("{pointer}/{key}"), child)));
                }
                _ => {}
            }
        }
        found = next.into_iter().enumerate().collect();
    }
    found
        .into_values()
        .filter(|(_, value)| !value.is_null() && value.as_array().is_none_or(|items| !items.is_empty()))
        .map(|(pointer, _)| pointer)
        .collect()
}

/// A dot inside the name of a test suite is a slip of the keyboard.
fn mistyped(check: &mut Check<'_>) {
    for suite in check.model.hypervisor.tests.iter().flat_map(|tests| tests.keys()) {
        if !suite.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)) {
            let mended = suite.replace("_.", "_").replace('.', "_");
            let spot = Spot::new(HYPERVISOR_FILE, format!("/tests/{}", escape(suite)));
            check.warning(
                &spot,
                "mistyped-key",
                format!("`{suite}` is no name of a test suite"),
                format!("did you mean `{mended}`?"),
            );
        }
    }
}
