//! Making guests: containers from OS templates, virtual machines from nothing or from disk images.

use std::collections::BTreeMap;

use phoenix_core::GuestKind;

use crate::{
    durations,
    sim::world::World,
    state::{
        State,
        config::{self, normal},
        guest::Guest,
        now,
    },
    work::{Refused, Room, Work, drive, mkfs, power},
};

/// What an empty file system takes.
pub(crate) const EMPTY_DISK: u64 = 1 << 20;

pub(crate) fn begin(work: &mut Work, state: &mut State, room: &mut Room<'_>) -> Result<u64, Refused> {
    let Work::Create { kind, vmid, options, ostemplate, storage, config, ssh_keys, .. } = work else {
        return Ok(0);
    };
    let (kind, vmid) = (*kind, *vmid);
    let noun = match kind {
        GuestKind::Lxc => "CT",
        GuestKind::Vm => "VM",
    };
    let failed = |text: String| Refused::Failed(format!("unable to create {noun} {vmid} - {text}"));
    // A former process may have come this far: start over on the reservation.
    let node = state.guests.get(&vmid).map(|guest| guest.node.clone()).unwrap_or_default();
    state.put_guest(Guest { node, ..Guest::reserved(kind, vmid, "create") });
    let mut image = World::default();
    if kind == GuestKind::Lxc {
        let (_, name) =
            ostemplate.split_once(':').ok_or_else(|| failed(format!("can't find file '{ostemplate}'")))?;
        if !state.storages.values().any(|storage| storage.volumes.contains_key(ostemplate.as_str())) {
            return Err(failed(format!("volume '{ostemplate}' does not exist")));
        }
        image = World::of_image(name);
        options.entry("rootfs".to_owned()).or_insert_with(|| format!("{storage}:4"));
    }
    let mut wait = 0;
    let mut took = match kind {
        GuestKind::Lxc => durations::CREATE_LXC,
        GuestKind::Vm => durations::CREATE_VM,
    };
    *config = BTreeMap::new();
    for (key, value) in options.iter() {
        if !config::is_disk(kind, key) {
            config.insert(key.clone(), normal(kind, key, value));
            continue;
        }
        let is_root = key == "rootfs";
        let bytes = if is_root { image.base().bytes } else { EMPTY_DISK };
        let made = drive::make(state, vmid, key, value, bytes, &mut room.log).map_err(failed)?;
        if let Some(pool) = &made.storage {
            wait = wait.max(room.allocation_lock(state, pool, durations::ALLOCATE).map_err(failed)?);
        }
        if let Some(source) = made.image {
            image = World::of_image(&source);
            took += durations::IMPORT;
            room.log.push(format!("importing disk '{source}' into {key}"));
        }
        config.insert(key.clone(), made.value);
    }
    defaults(kind, vmid, config, &image);
    if let Some(guest) = state.guest_mut(kind, vmid) {
        if let Some(keys) = ssh_keys.as_deref() {
            power::authorize(&mut image, "root", keys);
        }
        guest.world = image;
    }
    Ok(wait + took)
}

pub(crate) fn finish(work: &Work, state: &mut State, log: &mut Vec<String>) -> Result<(), String> {
    let Work::Create { kind, vmid, config, start, ostemplate, .. } = work else { return Ok(()) };
    let Some(guest) = state.guest_mut(*kind, *vmid).filter(|guest| guest.lock() == Some("create")) else {
        return Ok(());
    };
    guest.config.clone_from(config);
    if *kind == GuestKind::Lxc {
        let bytes = guest.world.base().bytes;
        let made = state.guest(*kind, *vmid).map(|guest| mkfs::of_guest(state, guest));
        log.extend(made.unwrap_or_default());
        log.extend(mkfs::of_archive(state, ostemplate, bytes));
        log.push("Detected container architecture: amd64".to_owned());
    }
    if *start {
        let guest = state.guest(*kind, *vmid).ok_or("the guest is gone")?;
        power::check_start(state, guest)?;
        power::start(state, *kind, *vmid)?;
    }
    Ok(())
}

fn defaults(kind: GuestKind, vmid: u32, config: &mut BTreeMap<String, String>, image: &World) {
    let mut set = |key: &str, value: String| {
        config.entry(key.to_owned()).or_insert(value);
    };
    match kind {
        GuestKind::Lxc => {
            set("unprivileged", "1".to_owned());
            set("arch", "amd64".to_owned());
            set("hostname", format!("CT{vmid}"));
            set("memory", "512".to_owned());
            set("swap", "512".to_owned());
            set("ostype", image.base().ostype.to_owned());
            // Off is what PVE leaves out.
            if config.get("unprivileged").is_some_and(|value| value == "0") {
                config.remove("unprivileged");
            }
        }
        GuestKind::Vm => {
            let boot = boot_order(config).unwrap_or_else(|| " ".to_owned());
            let mut set = |key: &str, value: String| {
                config.entry(key.to_owned()).or_insert(value);
            };
            set("boot", boot);
            set("smbios1", format!("uuid={}", config::uuid()));
            set("vmgenid", config::uuid());
            set("meta", format!("creation-qemu=10.1.2,ctime={}", now()));
        }
    }
}

/// Returns the keys of the devices that a virtual machine boots from by itself: its first disk, drive and net.
pub(crate) fn boot_order(config: &BTreeMap<String, String>) -> Option<String> {
    let is_drive = |key: &&str, cdrom: bool| {
        config
            .get(*key)
            .is_some_and(|value| value.contains("media=cdrom") == cdrom && !value.starts_with("none"))
    };
    let disk = ["scsi0", "virtio0", "sata0", "ide0"].into_iter().find(|key| is_drive(key, false));
    let drive = ["ide0", "ide1", "ide2", "ide3", "sata0", "scsi0"]
        .into_iter()
        .find(|key| is_drive(key, true) && !config[*key].contains("cloudinit"));
    let net = config.keys().find(|key| matches!(config::split_index(key), ("net", Some(_))));
    let keys: Vec<&str> = disk.into_iter().chain(drive).chain(net.map(String::as_str)).collect();
    (!keys.is_empty()).then(|| format!("order={}", keys.join(";")))
}
