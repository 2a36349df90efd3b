//! What making a container's file system says: the lines of `mke2fs`, and of the archive that fills it.

use crate::state::{State, config, guest::Guest, volname, volume::Plugin};

/// Bytes of a block, and of the part of a disk that gets one inode.
const BLOCK: u64 = 4096;
const PER_INODE: u64 = 16_384;
/// Blocks of a group.
const GROUP: u64 = 32_768;

/// Returns what is said of the file systems of a container's own disks, in the order of their keys.
pub(super) fn of_guest(state: &State, guest: &Guest) -> Vec<String> {
    let mut lines = Vec::new();
    for (_, volid) in guest.disks() {
        let Some(volume) = guest.volumes.get(&volid) else { continue };
        let kind = state.storages.get(&volume.storage).map(crate::state::storage::Storage::kind);
        // A file system of the storage itself needs none of its own.
        if kind != Some(Plugin::Zfs) && volume.format == "raw" && volume.size > 0 {
            lines.extend(of_disk(volume.size));
        }
    }
    lines
}

fn of_disk(size: u64) -> Vec<String> {
    let blocks = size / BLOCK;
    let copies: Vec<String> =
        copies(blocks.div_ceil(GROUP)).iter().map(|group| (group * GROUP).to_string()).collect();
    let mut lines = vec![
        format!("Creating filesystem with {blocks} 4k blocks and {} inodes", size / PER_INODE),
        format!("Filesystem UUID: {}", config::uuid()),
    ];
    if !copies.is_empty() {
        lines.push("Superblock backups stored on blocks: ".to_owned());
        lines.push(format!("\t{}", copies.join(", ")));
    }
    lines
}

/// Returns the groups that hold a copy of the superblock: the first, and the powers of 3, 5 and 7.
fn copies(groups: u64) -> Vec<u64> {
    let mut found = Vec::new();
    for base in [3_u64, 5, 7] {
        let powers = std::iter::successors(Some(1), |power: &u64| power.checked_mul(base));
        found.extend(powers.take_while(|power| *power < groups));
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Returns what unpacking an archive says.
pub(super) fn of_archive(state: &State, volid: &str, bytes: u64) -> Vec<String> {
    let (storage, name) = volid.split_once(':').unwrap_or_default();
    let named = state.storages.get(storage).and_then(|storage| volname::read(storage, name).ok());
    let path = named.map_or_else(|| volid.to_owned(), |named| named.path);
    let whole = bytes >> 20;
    vec![format!("extracting archive '{path}'"), format!("Total bytes read: {bytes} ({whole}MiB, 200MiB/s)")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_is_told_of_as_mke2fs_does() {
        let lines = of_disk(2 << 30);
        assert_eq!(lines[0], "Creating filesystem with 524288 4k blocks and 131072 inodes");
        assert_eq!(lines[3], "\t32768, 98304, 163840, 229376, 294912");
        assert_eq!(copies(8), [1, 3, 5, 7]);
    }
}
