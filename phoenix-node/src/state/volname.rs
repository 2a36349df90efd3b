//! Names of volumes as each kind of storage writes them: what a name stands for, whose it is, and where it lies.

use std::sync::LazyLock;

use regex_lite::Regex;

use crate::state::{storage::Storage, volume::Plugin};

/// What a volume's name says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Named {
    /// The kind of content: `images`, `iso`, `vztmpl`, `backup`, …
    pub(crate) content: &'static str,
    /// The guest that it belongs to.
    pub(crate) owner: Option<u32>,
    /// Where it lies on the node.
    pub(crate) path: String,
}

/// The kinds of files beside images: the word, what names look like, and the folder.
const FILES: &[(&str, &str, &str)] = &[
    ("iso", r"^iso/([^/]+\.(?i:iso|img))$", "template/iso"),
    ("vztmpl", r"^vztmpl/([^/]+\.tar(?:\.(?:gz|xz|zst|bz2))?)$", "template/cache"),
    ("backup", r"^backup/([^/]+\.(?:tgz|(?:tar|vma)(?:\.(?:gz|lzo|zst|bz2))?))$", "dump"),
    ("snippets", r"^snippets/([^/]+)$", "snippets"),
    ("import", r"^import/([^/]+\.(?:ova|ovf|qcow2|raw|vmdk|img))$", "import"),
    ("rootdir", r"^rootdir/(\d+)$", "private"),
];

static FILE_NAMES: LazyLock<Vec<(&str, Regex, &str)>> = LazyLock::new(|| {
    let read = |text: &str| Regex::new(text).expect("the patterns are our own");
    FILES.iter().map(|&(content, pattern, folder)| (content, read(pattern), folder)).collect()
});
static BACKUP: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^backup/vzdump-(?:openvz|lxc|qemu)-(\d+)-").expect("the pattern is our own")
});
static DISK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:(?:vm|base|subvol|basevol)-(\d+)-\S+)$").expect("the pattern is our own")
});

/// Returns the folder below a storage's path in which a kind of content lies.
pub(crate) fn folder(content: &str) -> Option<&'static str> {
    FILES.iter().find(|(word, _, _)| *word == content).map(|(_, _, folder)| *folder)
}

/// Reads a volume's name, without the storage; fails in PVE's words.
pub(crate) fn read(storage: &Storage, name: &str) -> Result<Named, String> {
    match storage.kind() {
        Plugin::Files | Plugin::Btrfs => file(storage, name),
        Plugin::Zfs => {
            let owner =
                device_owner(name).ok_or_else(|| format!("unable to parse zfs volume name '{name}'"))?;
            let last = name.rsplit('/').next().unwrap_or(name);
            let pool = storage.option("pool").unwrap_or("rpool");
            let mount = storage.option("mountpoint").map_or_else(|| format!("/{pool}"), str::to_owned);
            let is_folder = last.starts_with("subvol-") || last.starts_with("basevol-");
            let path = if is_folder { format!("{mount}/{last}") } else { format!("/dev/zvol/{pool}/{last}") };
            Ok(Named { content: "images", owner: Some(owner), path })
        }
        Plugin::Thin | Plugin::Thick => {
            let word = if storage.plugin == "rbd" { "rbd" } else { "lvm" };
            let owner =
                device_owner(name).ok_or_else(|| format!("unable to parse {word} volume name '{name}'"))?;
            let path = match word {
                "rbd" => format!("rbd:{}/{name}", storage.option("pool").unwrap_or("rbd")),
                _ => format!("/dev/{}/{name}", storage.option("vgname").unwrap_or("pve")),
            };
            Ok(Named { content: "images", owner: Some(owner), path })
        }
    }
}

fn file(storage: &Storage, name: &str) -> Result<Named, String> {
    let root = storage.option("path").unwrap_or("/var/lib/vz");
    for (content, pattern, folder) in FILE_NAMES.iter() {
        let Some(found) = pattern.captures(name) else { continue };
        let owner =
            BACKUP.captures(name).or_else(|| pattern.captures(name).filter(|_| *content == "rootdir"));
        let owner = owner.and_then(|found| found.get(1)).and_then(|digits| digits.as_str().parse().ok());
        return Ok(Named { content, owner, path: format!("{root}/{folder}/{}", &found[1]) });
    }
    let parts: Vec<&str> = name.split('/').collect();
    // A linked clone has its base before it.
    let (Some((owner, image)), true) = (
        match parts[..] {
            [owner, image] | [_, _, owner, image] => Some((owner, image)),
            _ => None,
        },
        parts[0].bytes().all(|byte| byte.is_ascii_digit()),
    ) else {
        return Err(format!("unable to parse directory volume name '{name}'"));
    };
    let owner: u32 = owner.parse().map_err(|_| format!("unable to parse directory volume name '{name}'"))?;
    let format = format(image).ok_or_else(|| format!("unable to parse volume filename '{image}'"))?;
    let path = match (storage.kind(), format) {
        (Plugin::Btrfs, "raw") => {
            format!("{root}/images/{owner}/{}/disk.raw", image.trim_end_matches(".raw"))
        }
        (Plugin::Btrfs, "subvol") => format!("{root}/images/{owner}/{}", image.trim_end_matches(".subvol")),
        _ => format!("{root}/images/{owner}/{image}"),
    };
    Ok(Named { content: "images", owner: Some(owner), path })
}

/// Returns the format that the ending of an image's file name says.
pub(crate) fn format(image: &str) -> Option<&'static str> {
    let (stem, ending) = image.rsplit_once('.')?;
    let known = ["raw", "qcow2", "vmdk", "subvol"].into_iter().find(|word| *word == ending)?;
    (!stem.is_empty() && !image.contains(char::is_whitespace)).then_some(known)
}

fn device_owner(name: &str) -> Option<u32> {
    let last = name.rsplit('/').next().unwrap_or(name);
    DISK.captures(last)?.get(1)?.as_str().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn storage(plugin: &str, options: &[(&str, &str)]) -> Storage {
        let options: BTreeMap<String, String> =
            options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Storage::new("s", plugin, 1 << 30, options)
    }

    #[test]
    fn every_kind_of_storage_has_its_paths() {
        let path = |storage: &Storage, name: &str| read(storage, name).map(|named| named.path);
        let dir = storage("dir", &[("path", "/srv")]);
        assert_eq!(path(&dir, "100/vm-100-disk-0.raw").as_deref(), Ok("/srv/images/100/vm-100-disk-0.raw"));
        assert_eq!(path(&dir, "iso/a.iso").as_deref(), Ok("/srv/template/iso/a.iso"));
        assert_eq!(
            path(&dir, "9/base-9-disk-0.qcow2/10/vm-10-disk-0.qcow2").as_deref(),
            Ok("/srv/images/10/vm-10-disk-0.qcow2")
        );
        let btrfs = storage("btrfs", &[("path", "/b")]);
        assert_eq!(
            path(&btrfs, "100/vm-100-disk-0.raw").as_deref(),
            Ok("/b/images/100/vm-100-disk-0/disk.raw")
        );
        let zfs = storage("zfspool", &[("pool", "tank/vm")]);
        assert_eq!(path(&zfs, "subvol-100-disk-0").as_deref(), Ok("/tank/vm/subvol-100-disk-0"));
        assert_eq!(path(&zfs, "vm-100-disk-0").as_deref(), Ok("/dev/zvol/tank/vm/vm-100-disk-0"));
        let thin = storage("lvmthin", &[("vgname", "pve"), ("thinpool", "data")]);
        assert_eq!(path(&thin, "vm-100-disk-0").as_deref(), Ok("/dev/pve/vm-100-disk-0"));
    }

    #[test]
    fn names_tell_their_owner_and_nonsense_is_refused() {
        let dir = storage("dir", &[("path", "/srv")]);
        let backup = read(&dir, "backup/vzdump-lxc-500-2026_11_21-20_28_15.tar.zst").expect("a backup");
        assert_eq!((backup.content, backup.owner), ("backup", Some(500)));
        assert_eq!(read(&dir, "iso/a.iso").expect("an image").owner, None);
        let wrong = read(&dir, "nothing").unwrap_err();
        assert_eq!(wrong, "unable to parse directory volume name 'nothing'");
        assert_eq!(read(&dir, "100/disk").unwrap_err(), "unable to parse volume filename 'disk'");
    }
}
