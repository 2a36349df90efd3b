//! Making guests: containers from OS templates, virtual machines from nothing or from disk images.

use std::collections::BTreeMap;

use phoenix_core::GuestKind;

use crate::{
    durations,
    sim::{base, world::World},
    state::{
        State,
        config::{self, normal},
        guest::Guest,
        now,
        volume::{parse_size, size_text},
    },
    work::{
        Refused, Room, Work, power,
        room::{Wanted, add_volume},
    },
};

const MIB: u64 = 1 << 20;
/// What an empty file system takes.
pub(crate) const EMPTY_DISK: u64 = MIB;

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
    state.put_guest(Guest::reserved(kind, vmid, "create"));
    let mut image = World::default();
    if kind == GuestKind::Lxc {
        let (_, name) =
            ostemplate.split_once(':').ok_or_else(|| failed(format!("can't find file '{ostemplate}'")))?;
        if !state.storages.values().any(|storage| storage.volumes.contains_key(ostemplate.as_str())) {
            return Err(failed(format!("volume '{ostemplate}' does not exist")));
        }
        image = World::of_image(name);
        options.entry("rootfs".to_owned()).or_insert_with(|| format!("{storage}:4"));
        room.log.push(format!("extracting archive '{ostemplate}'"));
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
        let made = disk(state, vmid, key, value, if is_root { image.base().bytes } else { EMPTY_DISK });
        let made = made.map_err(failed)?;
        if let Some(pool) = &made.storage {
            wait = wait.max(room.allocation_lock(state, pool, durations::ALLOCATE).map_err(failed)?);
            room.log.push(format!("allocated volume '{}'", config::volume_of(&made.value)));
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
    let Work::Create { kind, vmid, config, start, .. } = work else { return Ok(()) };
    let Some(guest) = state.guest_mut(*kind, *vmid).filter(|guest| guest.lock() == Some("create")) else {
        return Ok(());
    };
    guest.config.clone_from(config);
    if *kind == GuestKind::Lxc {
        log.push("Detected container architecture: amd64".to_owned());
    }
    if *start {
        let guest = state.guest(*kind, *vmid).ok_or("the guest is gone")?;
        power::check_start(state, guest)?;
        power::start(state, *kind, *vmid)?;
    }
    Ok(())
}

/// A disk of a configuration, made if it had to be.
pub(crate) struct Disk {
    /// Its property string as stored.
    pub(crate) value: String,
    /// The storage that something was allocated on.
    pub(crate) storage: Option<String>,
    /// The image that it was made from.
    pub(crate) image: Option<String>,
}

/// Makes what a disk's property string asks for: `storage:8` a new volume, `storage:cloudinit` a drive, a path a mount.
pub(crate) fn disk(state: &mut State, vmid: u32, key: &str, value: &str, used: u64) -> Result<Disk, String> {
    let kind = state.guests.get(&vmid).ok_or("the guest is gone")?.kind;
    let plain = |value: String| Ok(Disk { value, storage: None, image: None });
    let source = config::volume_of(value);
    if source.starts_with('/') {
        return plain(config::with_volume(value, source, None));
    }
    if matches!(source, "none" | "cdrom") {
        let media = if value.contains("media=") { value.to_owned() } else { format!("{value},media=cdrom") };
        return plain(media);
    }
    let (storage, rest) =
        source.split_once(':').ok_or_else(|| format!("unable to parse volume ID '{source}'"))?;
    let plugin =
        state.storages.get(storage).ok_or_else(|| format!("storage '{storage}' does not exist"))?.kind();
    let made = |value| Disk { value, storage: Some(storage.to_owned()), image: None };
    if rest == "cloudinit" {
        let format = if plugin == crate::state::volume::Plugin::Files { Some("qcow2") } else { None };
        let stem = Some(format!("vm-{vmid}-cloudinit"));
        let wanted = Wanted { storage, size: 4 * MIB, used: MIB, format, parent: None, stem };
        let volid = add_volume(state, vmid, &wanted)?;
        return Ok(made(format!("{volid},media=cdrom")));
    }
    if let Some(image) = config::property(value, "import-from") {
        let found = state.storages.values().find_map(|storage| storage.volumes.get(image)).cloned();
        let name = image.split_once(':').map_or(image, |(_, name)| name);
        let found = found.ok_or_else(|| format!("failed to stat '/var/lib/vz/{name}'"))?;
        let used = base::of(base::family(name)).bytes;
        // Cloud images are small files of larger disks.
        let size = found.size.max(3584 * MIB);
        let format = config::property(value, "format");
        let wanted = Wanted { storage, size, used, format, parent: None, stem: None };
        let volid = add_volume(state, vmid, &wanted)?;
        let value = config::with_volume(value, &volid, Some(&size_text(size)));
        return Ok(Disk { value, storage: Some(storage.to_owned()), image: Some(name.to_owned()) });
    }
    let is_number = rest.starts_with(|c: char| c.is_ascii_digit()) && rest.parse::<f64>().is_ok();
    if !is_number {
        let is_there = state.storages.values().any(|storage| storage.volumes.contains_key(source))
            || state.guests.get(&vmid).is_some_and(|guest| guest.volumes.contains_key(source));
        // PVE takes a missing volume for a container's mount point and finds out at the start.
        if !is_there && kind == GuestKind::Vm {
            return Err(format!("volume '{source}' does not exist"));
        }
        state.adopt(vmid, source);
        return plain(config::with_volume(value, source, None));
    }
    let size = match config::split_index(key).0 {
        "efidisk" => 528 << 10,
        "tpmstate" => 4 * MIB,
        _ => parse_size(rest, 30).unwrap_or(0),
    };
    if used > size && size > 0 && key == "rootfs" {
        return Err(format!("the archive needs {used} bytes, the disk has {size}: No space left on device"));
    }
    let format = config::property(value, "format");
    let wanted = Wanted { storage, size, used: used.min(size), format, parent: None, stem: None };
    let volid = add_volume(state, vmid, &wanted)?;
    Ok(made(config::with_volume(value, &volid, Some(&size_text(size)))))
}

fn defaults(kind: GuestKind, vmid: u32, config: &mut BTreeMap<String, String>, image: &World) {
    let mut set = |key: &str, value: String| {
        config.entry(key.to_owned()).or_insert(value);
    };
    match kind {
        GuestKind::Lxc => {
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
            let boot = first_disk(config).map_or_else(|| " ".to_owned(), |disk| format!("order={disk}"));
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

/// Returns the key of the disk that a virtual machine boots from.
pub(crate) fn first_disk(config: &BTreeMap<String, String>) -> Option<&str> {
    ["scsi0", "virtio0", "sata0", "ide0"].into_iter().find(|key| config.contains_key(*key))
}
