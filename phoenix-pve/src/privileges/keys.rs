//! What the keys of a guest's configuration need: a privilege a sort of key, the storages and bridges that their values
//! name, and those that Proxmox VE takes from nobody but `root@pam`.

use phoenix_core::{GuestId, GuestKind, Vmid, property::PropertyString};

use super::{Demanded, Need, RootOnly};

const CPU: [&str; 9] =
    ["cores", "cpu", "cpulimit", "cpuunits", "sockets", "vcpus", "numa", "affinity", "smp"];
const MEMORY: [&str; 6] = ["memory", "swap", "balloon", "shares", "hugepages", "keephugepages"];
const HARDWARE: [&str; 12] = [
    "acpi", "audio", "hotplug", "kvm", "machine", "rng", "scsihw", "smbios", "tablet", "vga", "vmgenid",
    "watchdog",
];
const CLOUD_INIT: [&str; 7] =
    ["cicustom", "cipassword", "citype", "ciuser", "ciupgrade", "sshkeys", "ipconfig"];
const LXC_NETWORK: [&str; 4] = ["net", "nameserver", "searchdomain", "hostname"];
/// What a create call takes beside the configuration, and asks no privilege for.
const OF_CREATE: [&str; 8] =
    ["vmid", "ostemplate", "unprivileged", "password", "ssh-public-keys", "start", "unique", "digest"];

/// Returns what it needs to set a key to a value, or to take it away.
pub(super) fn of_key(guest: GuestId, key: &str, value: Option<&str>) -> Demanded {
    let mut demanded = Demanded::default();
    if OF_CREATE.contains(&key) {
        return demanded;
    }
    let stem = key.trim_end_matches(|c: char| c.is_ascii_digit());
    if let Some(value) = value {
        of_value(guest, key, stem, value, &mut demanded);
    }
    demanded.needs.insert(match guest.kind {
        GuestKind::Lxc => of_container(guest.vmid, stem),
        GuestKind::Vm => of_machine(guest.vmid, key, stem, value),
    });
    demanded
}

/// Returns what it needs to use a volume or a bridge that a configuration names.
fn of_value(guest: GuestId, key: &str, stem: &str, value: &str, demanded: &mut Demanded) {
    let parts = PropertyString::parse(value, "volume");
    let root_only = |what: String| RootOnly { what, instead: Some(instead(guest, key, value)) };
    let is_disk = match guest.kind {
        GuestKind::Lxc => matches!(stem, "rootfs" | "mp"),
        GuestKind::Vm => is_drive(stem),
    };
    if is_disk {
        for volume in [parts.get("volume").or(parts.get("file")), parts.get("import-from")] {
            match volume {
                Some(path) if path.starts_with('/') => {
                    let what = if guest.kind == GuestKind::Lxc { "the bind mount" } else { "the path in" };
                    demanded.root.insert(root_only(format!("{what} `{key}`")));
                }
                Some(volume) => demanded.needs.extend(of_volume(volume)),
                None => {}
            }
        }
    }
    match (guest.kind, stem) {
        (GuestKind::Lxc, "net") | (GuestKind::Vm, "net") => {
            let tag = parts.get("tag").map_or_else(String::new, |tag| format!("/{tag}"));
            let bridge = parts.get("bridge");
            demanded.needs.extend(bridge.map(|bridge| of_bridge(&format!("{bridge}{tag}"))));
        }
        (GuestKind::Lxc, "dev") => {
            demanded.root.insert(root_only(format!("the device `{key}`")));
        }
        (GuestKind::Lxc, "features") => {
            let beyond: Vec<_> =
                parts.iter().map(|(name, _)| name).filter(|name| *name != "nesting").collect();
            if beyond.is_empty() {
                demanded.needs.insert(Need::all(vm(guest.vmid), &["VM.Allocate"]));
            } else {
                let names: Vec<_> = beyond.iter().map(|name| format!("`{name}`")).collect();
                let noun = if names.len() == 1 { "the feature" } else { "the features" };
                demanded.root.insert(root_only(format!("{noun} {}", names.join(" and "))));
            }
        }
        (_, "hookscript" | "args" | "ivshmem" | "parallel") => {
            demanded.root.insert(root_only(format!("`{key}`")));
        }
        (GuestKind::Vm, "serial") if value != "socket" => {
            demanded.root.insert(root_only(format!("the device `{key}`")));
        }
        (GuestKind::Vm, "rng") if value.contains("/dev/hwrng") => {
            demanded.root.insert(root_only(format!("the hardware source of `{key}`")));
        }
        (GuestKind::Vm, "hostpci" | "usb" | "virtiofs") => match (parts.get("mapping"), stem) {
            (Some(name), _) => {
                let sort = match stem {
                    "hostpci" => "pci",
                    "usb" => "usb",
                    _ => "dir",
                };
                demanded.needs.insert(Need::all(format!("/mapping/{sort}/{name}"), &["Mapping.Use"]));
            }
            (None, "virtiofs") => {
                let name = value.split(',').next().unwrap_or_default().trim_start_matches("dirid=");
                demanded.needs.insert(Need::all(format!("/mapping/dir/{name}"), &["Mapping.Use"]));
            }
            (None, "usb") if value.starts_with("spice") || value.starts_with("host=spice") => {}
            (None, _) => {
                demanded.root.insert(root_only(format!("the unmapped device `{key}`")));
            }
        },
        (GuestKind::Lxc | GuestKind::Vm, _) => {}
    }
}

fn of_container(vmid: Vmid, stem: &str) -> Need {
    let privilege = match stem {
        "rootfs" | "mp" | "unused" => "VM.Config.Disk",
        _ if LXC_NETWORK.contains(&stem) => "VM.Config.Network",
        _ if CPU.contains(&stem) => "VM.Config.CPU",
        _ if MEMORY.contains(&stem) => "VM.Config.Memory",
        _ => "VM.Config.Options",
    };
    Need::all(vm(vmid), &[privilege])
}

fn of_machine(vmid: Vmid, key: &str, stem: &str, value: Option<&str>) -> Need {
    let is_disc = value.is_some_and(|value| value.contains("media=cdrom") || value.contains(":cloudinit"));
    let privilege = match stem {
        _ if is_drive(stem) && is_disc => "VM.Config.CDROM",
        "boot" | "bootdisk" | "vmstatestorage" | "unused" | "virtiofs" => "VM.Config.Disk",
        _ if is_drive(stem) => "VM.Config.Disk",
        "net" => "VM.Config.Network",
        "hostpci" | "usb" | "serial" | "parallel" => "VM.Config.HWType",
        _ if CPU.contains(&stem) => "VM.Config.CPU",
        _ if MEMORY.contains(&stem) => "VM.Config.Memory",
        _ if HARDWARE.contains(&stem) || key == "smbios1" => "VM.Config.HWType",
        // Either will do for what cloud-init writes inside.
        _ if CLOUD_INIT.contains(&stem) || matches!(stem, "nameserver" | "searchdomain") => {
            return Need::any(&vm(vmid), &["VM.Config.Cloudinit", "VM.Config.Network"]);
        }
        _ => "VM.Config.Options",
    };
    Need::all(vm(vmid), &[privilege])
}

fn is_drive(stem: &str) -> bool {
    matches!(stem, "ide" | "sata" | "scsi" | "virtio" | "efidisk" | "tpmstate")
}

/// Returns what it needs to use a volume: to read what guests are made from, to allocate anything else.
fn of_volume(volume: &str) -> Option<Need> {
    let (storage, name) = volume.split_once(':')?;
    let path = format!("/storage/{storage}");
    let is_source = ["import/", "iso/", "vztmpl/"].iter().any(|sort| name.starts_with(sort));
    Some(match is_source {
        true => Need::any(&path, &["Datastore.Audit", "Datastore.AllocateSpace"]),
        false => Need::all(path, &["Datastore.AllocateSpace"]),
    })
}

/// Returns what it needs to plug into a bridge: one that is not of SDN belongs to the zone of the node's own.
pub(super) fn of_bridge(bridge: &str) -> Need {
    Need::all(format!("/sdn/zones/localnetwork/{bridge}"), &["SDN.Use"])
}

fn vm(vmid: Vmid) -> String {
    format!("/vms/{vmid}")
}

fn instead(guest: GuestId, key: &str, value: &str) -> String {
    let tool = match guest.kind {
        GuestKind::Lxc => "pct",
        GuestKind::Vm => "qm",
    };
    // In single quotes, which end and begin again around one.
    format!("{tool} set {} --{key} '{}'", guest.vmid, value.replace('\'', r"'\''"))
}
