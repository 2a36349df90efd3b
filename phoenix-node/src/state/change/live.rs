//! Which options of a running guest change at once.

use phoenix_core::GuestKind;

use crate::state::config;

/// Parts of a virtual machine's drive that only the next start takes over.
const FIXED: &[&str] = &[
    "aio",
    "cache",
    "detect_zeroes",
    "discard",
    "iothread",
    "product",
    "queues",
    "ro",
    "scsiblock",
    "serial",
    "ssd",
    "wwn",
];

/// Tells whether an option of a running guest changes at once, be it set or removed.
pub(super) fn is_live(kind: GuestKind, key: &str) -> bool {
    let (stem, index) = config::split_index(key);
    match kind {
        GuestKind::Lxc => match stem {
            "net" | "unused" => index.is_some(),
            _ => matches!(
                key,
                "cores"
                    | "cpulimit"
                    | "cpuunits"
                    | "description"
                    | "hookscript"
                    | "hostname"
                    | "lock"
                    | "memory"
                    | "onboot"
                    | "protection"
                    | "startup"
                    | "swap"
                    | "tags"
                    | "template"
            ),
        },
        GuestKind::Vm => match stem {
            "net" | "unused" | "ipconfig" | "scsi" | "virtio" | "usb" => index.is_some(),
            _ => matches!(
                key,
                "affinity"
                    | "balloon"
                    | "cicustom"
                    | "cipassword"
                    | "citype"
                    | "ciupgrade"
                    | "ciuser"
                    | "cpulimit"
                    | "cpuunits"
                    | "description"
                    | "hookscript"
                    | "lock"
                    | "migrate_downtime"
                    | "migrate_speed"
                    | "name"
                    | "nameserver"
                    | "onboot"
                    | "protection"
                    | "searchdomain"
                    | "shares"
                    | "sshkeys"
                    | "startup"
                    | "tablet"
                    | "tags"
                    | "template"
                    | "vcpus"
                    | "vmstatestorage"
            ),
        },
    }
}

/// Tells whether a running virtual machine takes over the difference between two property strings of one drive.
pub(super) fn is_live_difference(before: &str, after: &str) -> bool {
    FIXED.iter().all(|part| config::property(before, part) == config::property(after, part))
}
