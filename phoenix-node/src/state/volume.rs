//! Volumes: what a guest's disks are, how PVE names them on each kind of storage, and what each kind can do.

use phoenix_core::GuestKind;
use serde::{Deserialize, Serialize};

/// A volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Volume {
    /// Its storage.
    pub(crate) storage: String,
    /// What it is: `rootdir`, `images`, `vztmpl`, `import`, `iso`.
    pub(crate) content: String,
    /// Its format: `raw`, `qcow2`, `subvol`, `tzst`, …
    pub(crate) format: String,
    /// Its size in bytes.
    pub(crate) size: u64,
    /// What it really takes, in bytes.
    pub(crate) used: u64,
    /// When it was made.
    pub(crate) ctime: u64,
    /// The volume that it is linked to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) parent: Option<String>,
}

impl Volume {
    /// Returns a file of a storage that belongs to no guest, from its volume name.
    pub(crate) fn file(volid: &str, size: u64) -> Self {
        let (storage, rest) = volid.split_once(':').unwrap_or((volid, ""));
        Self {
            storage: storage.to_owned(),
            content: rest.split('/').next().unwrap_or_default().to_owned(),
            format: format_of(volid).to_owned(),
            size,
            used: size,
            ctime: super::now(),
            parent: None,
        }
    }
}

/// Returns PVE's word for the format of a file.
fn format_of(volid: &str) -> &'static str {
    let endings = [
        (".tar.zst", "tzst"),
        (".tar.xz", "txz"),
        (".tar.gz", "tgz"),
        (".iso", "iso"),
        (".qcow2", "qcow2"),
        (".vmdk", "vmdk"),
        (".ova", "ova+vmdk"),
    ];
    endings.iter().find(|(ending, _)| volid.ends_with(ending)).map_or("raw", |(_, word)| word)
}

/// What a kind of storage can do, and how it names volumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plugin {
    /// Files in a directory, on whatever file system: `dir`, `nfs`, `cifs`, `cephfs`.
    Files,
    /// `btrfs`.
    Btrfs,
    /// `zfspool`.
    Zfs,
    /// `lvmthin`, `rbd`: block devices that can be cloned.
    Thin,
    /// `lvm`: block devices that cannot.
    Thick,
}

impl Plugin {
    pub(crate) fn of(word: &str) -> Self {
        match word {
            "btrfs" => Self::Btrfs,
            "zfspool" | "zfs" => Self::Zfs,
            "lvmthin" | "rbd" => Self::Thin,
            "lvm" | "iscsi" | "iscsidirect" => Self::Thick,
            _ => Self::Files,
        }
    }

    /// Returns the word that PVE has for it in what it says of names.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Files | Self::Btrfs => "directory",
            Self::Zfs => "zfs",
            Self::Thin | Self::Thick => "lvm",
        }
    }

    /// Tells whether a text can be the name of a volume.
    pub(crate) fn is_name(self, name: &str) -> bool {
        let has_format = |file: &str| {
            file.rsplit_once('.').is_some_and(|(_, end)| matches!(end, "raw" | "qcow2" | "vmdk" | "subvol"))
        };
        match self {
            Self::Files | Self::Btrfs => match name.split_once('/') {
                Some(("iso" | "vztmpl" | "backup" | "snippets" | "import" | "rootdir", rest)) => {
                    !rest.is_empty()
                }
                Some((first, rest)) => first.parse::<u32>().is_ok() && has_format(rest),
                None => false,
            },
            Self::Zfs | Self::Thin | Self::Thick => !name.is_empty(),
        }
    }

    /// Tells whether a volume of this format can be snapshotted and linked to.
    pub(crate) fn can_snapshot(self, format: &str) -> bool {
        match self {
            Self::Files => format == "qcow2",
            Self::Btrfs | Self::Zfs | Self::Thin => true,
            Self::Thick => false,
        }
    }

    /// Tells whether the name of a linked clone holds its base, so that PVE knows that the base is in use.
    pub(crate) fn names_base(self) -> bool {
        match self {
            Self::Files | Self::Zfs => true,
            Self::Btrfs | Self::Thin | Self::Thick => false,
        }
    }

    /// Returns the format of a new volume.
    pub(crate) fn format(self, kind: GuestKind, wanted: Option<&str>) -> String {
        match (self, kind) {
            (Self::Files | Self::Btrfs, GuestKind::Lxc) if wanted == Some("subvol") => "subvol".to_owned(),
            (Self::Zfs, GuestKind::Lxc) => "subvol".to_owned(),
            (Self::Files, GuestKind::Vm) => wanted.unwrap_or("raw").to_owned(),
            (Self::Files | Self::Btrfs | Self::Thin | Self::Thick, GuestKind::Lxc)
            | (Self::Btrfs | Self::Zfs | Self::Thin | Self::Thick, GuestKind::Vm) => "raw".to_owned(),
        }
    }

    /// Returns the name of a guest's volume below its storage.
    pub(crate) fn name(self, vmid: u32, stem: &str, format: &str) -> String {
        match self {
            Self::Files | Self::Btrfs => format!("{vmid}/{stem}.{format}"),
            Self::Zfs | Self::Thin | Self::Thick => stem.to_owned(),
        }
    }
}

/// Returns the stem of disk `index`: `subvol-100-disk-0` or `vm-100-disk-0`.
pub(crate) fn stem(plugin: Plugin, kind: GuestKind, vmid: u32, index: u32) -> String {
    let word = if plugin == Plugin::Zfs && kind == GuestKind::Lxc { "subvol" } else { "vm" };
    format!("{word}-{vmid}-disk-{index}")
}

/// Returns the volid that a volume gets when it becomes a base.
pub(crate) fn base_volid(volid: &str) -> String {
    let (head, name) = volid.rsplit_once('/').or_else(|| volid.rsplit_once(':')).unwrap_or(("", volid));
    let separator = if volid.contains('/') { '/' } else { ':' };
    let renamed = match name.strip_prefix("subvol-") {
        Some(rest) => format!("basevol-{rest}"),
        None => name.strip_prefix("vm-").map_or_else(|| name.to_owned(), |rest| format!("base-{rest}")),
    };
    // A linked clone that becomes a base itself is promoted: it no longer carries its own base in its name.
    let head =
        if plainly_linked(volid) { head.split_once(':').map_or(head, |(storage, _)| storage) } else { head };
    let separator = if plainly_linked(volid) { ':' } else { separator };
    format!("{head}{separator}{renamed}")
}

fn plainly_linked(volid: &str) -> bool {
    volid.split_once(':').is_some_and(|(_, name)| name.starts_with("base") && name.contains('/'))
}

/// Returns bytes the way PVE writes a size: `8G`, `512M`, …
pub(crate) fn size_text(bytes: u64) -> String {
    for (unit, shift) in [("T", 40), ("G", 30), ("M", 20), ("K", 10)] {
        if bytes >= 1 << shift && bytes.is_multiple_of(1 << shift) {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    bytes.to_string()
}

/// Reads a size: a number with an optional unit, without one in `default` (a shift).
pub(crate) fn parse_size(text: &str, default: u32) -> Option<u64> {
    let (number, shift) = match text.char_indices().next_back()? {
        (at, 'T') => (&text[..at], 40),
        (at, 'G') => (&text[..at], 30),
        (at, 'M') => (&text[..at], 20),
        (at, 'K') => (&text[..at], 10),
        _ => (text, default),
    };
    let number: f64 = number.parse().ok().filter(|n: &f64| n.is_finite() && *n >= 0.0)?;
    // Sizes are far below 2^53, where this is exact.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    Some((number * (1u64 << shift) as f64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases_are_named_as_each_plugin_names_them() {
        assert_eq!(base_volid("z:subvol-900-disk-0"), "z:basevol-900-disk-0");
        assert_eq!(base_volid("l:vm-900-disk-0"), "l:base-900-disk-0");
        assert_eq!(base_volid("local:900/vm-900-disk-0.qcow2"), "local:900/base-900-disk-0.qcow2");
        assert_eq!(base_volid("z:basevol-900-disk-0/subvol-901-disk-0"), "z:basevol-901-disk-0");
    }

    #[test]
    fn sizes_survive_a_round_trip() {
        assert_eq!(parse_size("8", 30).map(size_text).as_deref(), Some("8G"));
        assert_eq!(parse_size("0.5", 30).map(size_text).as_deref(), Some("512M"));
        assert_eq!(parse_size("huge", 30), None);
    }
}
