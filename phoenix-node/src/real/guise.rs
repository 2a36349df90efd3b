//! Virtual machines as containers, where QEMU is missing or too slow: the same configuration, put as that of a container,
//! so that what is done to one is what is done to any container.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use phoenix_core::GuestKind;

use super::deeds::{self, Deed};
use crate::{
    state::{
        State,
        config::{self, property, split_index},
        guest::Guest,
    },
    work::{Job, Work, config_memory},
};

/// Returns the deeds of a task on a machine that is a container.
pub(super) fn of(work: &Work, state: &State) -> Result<Vec<Deed>, String> {
    let Some(work) = translated(work, state)? else { return Ok(Vec::new()) };
    deeds::of(&work, &translated_state(state))
}

/// Returns what takes away what a failed task has made.
pub(super) fn after_failure(work: &Work, state: &State) -> Vec<Deed> {
    match translated(work, state) {
        Ok(Some(work)) => deeds::after_failure(&work, &translated_state(state)),
        Ok(None) | Err(_) => Vec::new(),
    }
}

/// Returns the container that a machine is.
pub(super) fn container_of(guest: &Guest) -> Guest {
    let snapshots = guest.snapshots.iter().map(|(name, snapshot)| {
        let mut snapshot = snapshot.clone();
        snapshot.config = translated_config(guest.vmid, &snapshot.config);
        (name.clone(), snapshot)
    });
    let mut one = guest.clone();
    crate::state::change::settle(&mut one);
    Guest {
        kind: GuestKind::Lxc,
        config: translated_config(guest.vmid, &one.config),
        snapshots: snapshots.collect(),
        ..one
    }
}

/// The storages, and the machines that are containers.
fn translated_state(state: &State) -> State {
    let guests = state.guests.values().filter(|guest| guest.as_container);
    let mut found = State::default();
    found.name.clone_from(&state.name);
    found.storages.clone_from(&state.storages);
    found.guests = guests.map(|guest| (guest.vmid, container_of(guest))).collect();
    found
}

fn translated(work: &Work, state: &State) -> Result<Option<Work>, String> {
    let mut work = work.clone();
    match &mut work {
        Work::Create { kind, vmid, options, ostemplate, ssh_keys, config, .. } => {
            let root = root_of(config).ok_or_else(|| no_root(*vmid))?;
            let image = options.get(&root).and_then(|value| property(value, "import-from"));
            let image = image.ok_or_else(|| no_root(*vmid))?;
            let name = image.rsplit(['/', ':']).next().unwrap_or(image);
            let family = phoenix_sandbox::machine_family(name).ok_or_else(|| {
                format!(
                    "unable to create VM {vmid} - no container is known that is like the disk image `{name}`"
                )
            })?;
            *ostemplate = family.name.to_owned();
            *ssh_keys =
                config.get("sshkeys").map(|keys| percent_decode_str(keys).decode_utf8_lossy().into_owned());
            *config = translated_config(*vmid, config);
            *kind = GuestKind::Lxc;
        }
        Work::Clone { kind, target, config, .. } => {
            *config = translated_config(*target, config);
            *kind = GuestKind::Lxc;
        }
        Work::Resize { kind, vmid, disk, .. } => {
            let guest = state.guest(GuestKind::Vm, *vmid);
            match guest.and_then(|guest| root_of(&guest.config)) {
                Some(root) if root == *disk => *disk = "rootfs".to_owned(),
                Some(_) | None => return Ok(None),
            }
            *kind = GuestKind::Lxc;
        }
        Work::Start { kind, .. }
        | Work::Stop { kind, .. }
        | Work::Reboot { kind, .. }
        | Work::Destroy { kind, .. }
        | Work::Snapshot { kind, .. }
        | Work::DeleteSnapshot { kind, .. }
        | Work::Rollback { kind, .. }
        | Work::Template { kind, .. }
        | Work::Guest(Job { kind, .. }) => *kind = GuestKind::Lxc,
        Work::Dump(_) | Work::Restore(_) => {
            return Err("the engine `lxc` makes no backups of machines that run as containers".to_owned());
        }
        Work::Configure { .. }
        | Work::Host(_)
        | Work::Storage(_)
        | Work::Bulk { .. }
        | Work::ReloadNetworks => {
            return Ok(None);
        }
    }
    Ok(Some(work))
}

/// Returns the key of the disk that a machine boots from.
fn root_of(config: &BTreeMap<String, String>) -> Option<String> {
    ["scsi", "virtio", "sata", "ide"].iter().find_map(|stem| {
        let mut keys: Vec<(u32, &String)> = config
            .iter()
            .filter(|(_, value)| !value.contains("-cloudinit") && !value.contains("media=cdrom"))
            .filter_map(|(key, _)| match split_index(key) {
                (found, Some(index)) if found == *stem => Some((index, key)),
                _ => None,
            })
            .collect();
        keys.sort_unstable();
        keys.first().map(|(_, key)| (*key).clone())
    })
}

fn translated_config(vmid: u32, from: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut to = BTreeMap::new();
    let mut set = |key: &str, value: String| {
        to.insert(key.to_owned(), value);
    };
    // Docker and its like are why people take machines, and a machine mounts what it is let.
    set("unprivileged", "1".to_owned());
    set("features", "nesting=1,mount=nfs".to_owned());
    set("hostname", from.get("name").cloned().unwrap_or_else(|| format!("VM{vmid}")));
    let guest = Guest { config: from.clone(), ..Guest::reserved(GuestKind::Vm, vmid, "") };
    set("memory", (config_memory(&guest) >> 20).to_string());
    for key in ["cores", "cpulimit", "cpuunits", "nameserver", "searchdomain"] {
        if let Some(value) = from.get(key) {
            set(key, value.clone());
        }
    }
    if let Some(value) = root_of(from).and_then(|root| from.get(&root)) {
        let size = property(value, "size").map(|size| format!(",size={size}")).unwrap_or_default();
        set("rootfs", format!("{}{size}", config::volume_of(value)));
    }
    for (key, value) in from {
        let ("net", Some(index)) = split_index(key) else { continue };
        let mut net = format!("name=eth{index}");
        if let Some(bridge) = property(value, "bridge") {
            net.push_str(&format!(",bridge={bridge}"));
        }
        if let Some(mac) = config::address_of(GuestKind::Vm, value) {
            net.push_str(&format!(",hwaddr={mac}"));
        }
        let wanted = from.get(&format!("ipconfig{index}")).map(String::as_str).unwrap_or_default();
        for part in ["ip", "gw", "ip6", "gw6"] {
            if let Some(text) = property(wanted, part) {
                net.push_str(&format!(",{part}={text}"));
            }
        }
        set(key, net);
    }
    to
}

fn no_root(vmid: u32) -> String {
    format!(
        "unable to create VM {vmid} - as a container it needs a disk that is imported from a cloud image; \
         without `--vm-as-container` QEMU runs it"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_as_a_container_keeps_its_name_its_disk_and_its_addresses() {
        let config = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
        };
        let machine = config(&[
            ("name", "web"),
            ("memory", "2048"),
            ("cores", "2"),
            ("scsi0", "pool:vm-8001-disk-0,size=20G,discard=on"),
            ("ide2", "pool:vm-8001-cloudinit,media=cdrom"),
            ("net0", "virtio=BC:24:11:00:00:01,bridge=vmbr0,firewall=1"),
            ("ipconfig0", "ip=10.0.0.8/24,gw=10.0.0.1"),
        ]);
        let expected = config(&[
            ("cores", "2"),
            ("features", "nesting=1,mount=nfs"),
            ("hostname", "web"),
            ("memory", "2048"),
            ("net0", "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01,ip=10.0.0.8/24,gw=10.0.0.1"),
            ("rootfs", "pool:vm-8001-disk-0,size=20G"),
            ("unprivileged", "1"),
        ]);
        assert_eq!(translated_config(8001, &machine), expected);
    }
}
