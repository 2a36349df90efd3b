//! Making what a disk's property string asks for: a new volume, a drive for cloud-init, a copy of an image, or nothing
//! where it names what is there.

use phoenix_core::GuestKind;

use crate::{
    sim::base,
    state::{
        State, config,
        storage::folder,
        volume::{Plugin, Volume, parse_size, size_text},
    },
    work::room::{Wanted, add_volume},
};

const MIB: u64 = 1 << 20;
/// The largest file that a directory's file system takes.
const LARGEST_FILE: u64 = 16 << 40;

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
pub(crate) fn make(
    state: &mut State,
    vmid: u32,
    key: &str,
    value: &str,
    used: u64,
    log: &mut Vec<String>,
) -> Result<Disk, String> {
    let kind = state.guests.get(&vmid).ok_or("the guest is gone")?.kind;
    let value = &config::disk_form(kind, key, value);
    let plain = |value: String| Ok(Disk { value, storage: None, image: None });
    let source = config::volume_of(value);
    if source.starts_with('/') {
        return match kind {
            GuestKind::Lxc => plain(value.clone()),
            GuestKind::Vm => Err(format!("volume {source} does not exist")),
        };
    }
    if matches!(source, "none" | "cdrom") {
        let media = if value.contains("media=") { value.clone() } else { format!("{value},media=cdrom") };
        return plain(media);
    }
    let (storage, rest) =
        source.split_once(':').ok_or_else(|| format!("unable to parse volume ID '{source}'"))?;
    let plugin =
        state.storages.get(storage).ok_or_else(|| format!("storage '{storage}' does not exist"))?.kind();
    if rest == "cloudinit" {
        let format = match plugin {
            Plugin::Files => Some(config::property(value, "format").unwrap_or("qcow2")),
            Plugin::Btrfs | Plugin::Zfs | Plugin::Thin | Plugin::Thick => None,
        };
        let stem = Some(format!("vm-{vmid}-cloudinit"));
        let wanted = Wanted { storage, size: 4 * MIB, used: MIB, format, parent: None, stem };
        let volid = add_volume(state, vmid, &wanted, log)?;
        let value = format!("{volid},media=cdrom");
        return Ok(made(kind, key, storage, value, log));
    }
    if let Some(image) = config::property(value, "import-from") {
        return import(state, vmid, storage, image, value, log);
    }
    if !is_size(rest) {
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
    if size > LARGEST_FILE && matches!(plugin, Plugin::Files | Plugin::Btrfs) {
        let format = plugin.format(kind, format);
        return Err(format!(
            "unable to create image: qemu-img: {}/images/{}: The image size is too large for file format '{format}'",
            folder(storage),
            plugin.name(vmid, &format!("vm-{vmid}-disk-{}", next_index(state, vmid)), &format)
        ));
    }
    // A container's disk without a size is a folder that no quota limits.
    let is_folder = kind == GuestKind::Lxc && size == 0 && matches!(plugin, Plugin::Files | Plugin::Btrfs);
    let format = if is_folder { Some("subvol") } else { format };
    let used = if size == 0 { used } else { used.min(size) };
    let wanted = Wanted { storage, size, used, format, parent: None, stem: None };
    let volid = add_volume(state, vmid, &wanted, log)?;
    let text = if is_folder { "0T".to_owned() } else { size_text(size) };
    let value = config::with_volume(value, &volid, Some(&text));
    Ok(made(kind, key, storage, value, log))
}

/// Tells whether what stands after a storage's name is the size of a volume to be made, in GiB.
pub(crate) fn is_size(rest: &str) -> bool {
    rest.starts_with(|c: char| c.is_ascii_digit()) && rest.parse::<f64>().is_ok()
}

/// Returns what PVE's tools say when they make the file of a volume; nothing where there is no file.
pub(crate) fn formatting(plugin: Plugin, volid: &str, volume: &Volume) -> Option<String> {
    if plugin != Plugin::Files {
        return None;
    }
    let (storage, name) = volid.split_once(':')?;
    // A linked clone's name holds its base: the last two parts are its own.
    let own: Vec<&str> = name.rsplit('/').take(2).collect();
    let path = format!("{}/images/{}/{}", folder(storage), own.get(1)?, own.first()?);
    let size = volume.size;
    match (volume.format.as_str(), &volume.parent) {
        ("raw", _) => Some(format!("Formatting '{path}', fmt=raw size={size} preallocation=off")),
        ("qcow2", None) => Some(format!(
            "Formatting '{path}', fmt=qcow2 cluster_size=65536 extended_l2=off preallocation=metadata \
             compression_type=zlib size={size} lazy_refcounts=off refcount_bits=16"
        )),
        ("qcow2", Some(parent)) => Some(format!(
            "Formatting '{path}', fmt=qcow2 cluster_size=131072 extended_l2=on preallocation=metadata \
             compression_type=zlib size={size} backing_file={} backing_fmt=qcow2 lazy_refcounts=off refcount_bits=16",
            beside(parent)
        )),
        _ => None,
    }
}

/// Returns the path of a base as its clone, in the folder beside, names it.
pub(crate) fn beside(base: &str) -> String {
    let name = base.split_once(':').map_or(base, |(_, name)| name);
    let own: Vec<&str> = name.rsplit('/').take(2).collect();
    format!("../{}/{}", own.get(1).unwrap_or(&""), own.first().unwrap_or(&""))
}

fn made(kind: GuestKind, key: &str, storage: &str, value: String, log: &mut Vec<String>) -> Disk {
    if kind == GuestKind::Vm {
        log.push(format!("{key}: successfully created disk '{value}'"));
    }
    Disk { value, storage: Some(storage.to_owned()), image: None }
}

fn import(
    state: &mut State,
    vmid: u32,
    storage: &str,
    image: &str,
    value: &str,
    log: &mut Vec<String>,
) -> Result<Disk, String> {
    let found = state.storages.values().find_map(|storage| storage.volumes.get(image)).cloned();
    let (pool, name) = image.split_once(':').unwrap_or(("local", image));
    let found = found.ok_or_else(|| format!("failed to stat '{}/{name}'", folder(pool)))?;
    let used = base::of(base::family(name)).bytes;
    // Cloud images are small files of larger disks.
    let size = found.size.max(3584 * MIB);
    let format = config::property(value, "format");
    let wanted = Wanted { storage, size, used, format, parent: None, stem: None };
    let volid = add_volume(state, vmid, &wanted, log)?;
    let value = config::with_volume(value, &volid, Some(&size_text(size)));
    Ok(Disk { value, storage: Some(storage.to_owned()), image: Some(name.to_owned()) })
}

fn next_index(state: &State, vmid: u32) -> usize {
    let volumes = state.guests.get(&vmid).map(|guest| guest.volumes.len());
    volumes.unwrap_or(0)
}
