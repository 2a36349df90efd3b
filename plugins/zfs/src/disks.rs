//! Disks: what is on each, from several programs that must agree. A disk counts as empty only if all of them were asked and none
//! of them found anything.

use phoenix_core::{Draft, Evidence, Probe};
use serde::Deserialize;

use crate::{pools::said, property::size};

/// What is asked of every disk of the host at once.
const COLUMNS: &str = "NAME,PATH,TYPE,SIZE,RO,FSTYPE,LABEL,PTTYPE,MOUNTPOINTS,SERIAL,MODEL";

/// What is known of a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Disk {
    /// Nobody has been asked yet.
    Unasked,
    /// There is no disk of that name.
    Missing,
    /// Somebody could not be asked, or the answer makes no sense.
    Unproven(String),
    /// Nothing is on it.
    Empty {
        /// What it is, for a reader.
        what: String,
    },
    /// Something is on it.
    Holds {
        /// What it is, for a reader.
        what: String,
        /// What is on it, each with its place.
        found: Vec<String>,
        /// Its partitions, by names that stay, to be wiped before it; or why it may not be wiped, whoever says so.
        wipe: Result<Vec<String>, String>,
    },
}

/// What `lsblk` says of all disks.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Blocks {
    #[serde(rename = "blockdevices")]
    disks: Vec<Block>,
}

/// A disk, a partition, or what stands on one.
#[derive(Clone, Debug, Deserialize)]
struct Block {
    name: String,
    path: String,
    #[serde(rename = "type")]
    kind: String,
    size: u64,
    #[serde(default)]
    ro: bool,
    fstype: Option<String>,
    label: Option<String>,
    pttype: Option<String>,
    #[serde(default)]
    mountpoints: Vec<Option<String>>,
    serial: Option<String>,
    model: Option<String>,
    #[serde(default)]
    children: Vec<Block>,
}

#[derive(Deserialize)]
struct Signatures {
    signatures: Vec<Signature>,
}

#[derive(Deserialize)]
struct Signature {
    #[serde(rename = "type")]
    kind: String,
}

impl Blocks {
    /// Returns all disks; none if they cannot be read.
    pub(crate) fn read(draft: &Draft<'_>) -> Option<Self> {
        let text = said(draft, &["lsblk", "-J", "-b", "-o", COLUMNS])?.ok()?;
        serde_json::from_str(text).ok()
    }

    /// Returns the path of the disk that a disk or partition is, or is of.
    pub(crate) fn disk_of(&self, path: &str) -> Option<&str> {
        self.disks.iter().find(|disk| disk.has(path)).map(|disk| disk.path.as_str())
    }
}

impl Block {
    fn has(&self, path: &str) -> bool {
        self.path == path || self.children.iter().any(|child| child.has(path))
    }

    fn mounts(&self) -> Vec<&str> {
        let own = self.mountpoints.iter().flatten().map(String::as_str);
        own.chain(self.children.iter().flat_map(Block::mounts)).collect()
    }

    fn labels(&self) -> Vec<&str> {
        let own = self.label.as_deref().filter(|_| self.fstype.as_deref() == Some("zfs_member"));
        own.into_iter().chain(self.children.iter().flat_map(Block::labels)).collect()
    }

    /// Returns those below that are no partitions: what holds the disk.
    fn holders(&self) -> Vec<&Block> {
        let below = self.children.iter().flat_map(|child| child.holders());
        let own = self.children.iter().filter(|child| child.kind != "part");
        own.chain(below).collect()
    }

    fn describe(&self) -> String {
        let kind = if self.kind == "part" { "partition" } else { self.kind.as_str() };
        let holding = self.fstype.as_deref().or(self.pttype.as_deref()).unwrap_or("unknown");
        let mounts = self.mountpoints.iter().flatten().map(|at| format!(", mounted at `{at}`"));
        format!("{kind} `{}` ({holding}, {}{})", self.name, bytes(self.size), mounts.collect::<String>())
    }

    fn what(&self) -> String {
        let known = [self.model.as_deref(), self.serial.as_deref().map(str::trim)];
        let words: Vec<String> =
            known.into_iter().flatten().map(|word| format!("{}, ", word.trim())).collect();
        format!("{}{}", words.concat(), bytes(self.size))
    }
}

/// Returns what a name leads to; none while it has not been asked, `Err` if it leads nowhere.
pub(crate) fn resolve<'a>(draft: &Draft<'a>, path: &str) -> Option<Result<&'a str, ()>> {
    let said = said(draft, &["readlink", "-e", path])?;
    Some(said.map(str::trim).and_then(|path| if path.starts_with("/dev/") { Ok(path) } else { Err(()) }))
}

/// Looks at a disk. `pools` are the names of the pools that are imported, and `members` the disks that those are on.
pub(crate) fn look(
    draft: &Draft<'_>,
    name: &str,
    blocks: Option<&Blocks>,
    (pools, members): (&[&str], &[&str]),
) -> Disk {
    let path = match resolve(draft, name) {
        None => return Disk::Unasked,
        Some(Err(())) => return Disk::Missing,
        Some(Ok(path)) => path,
    };
    let signatures = signatures(draft, path);
    let is_clean = is_clean(draft, path);
    let Some(blocks) = blocks else { return Disk::Unproven("`lsblk` does not tell the disks".to_owned()) };
    let Some(disk) = blocks.disks.iter().find(|disk| disk.path == path) else {
        let why = match blocks.disk_of(path) {
            Some(whole) => format!("`{path}` is part of `{whole}`"),
            None => format!("`lsblk` does not know `{path}`"),
        };
        return Disk::Unproven(why);
    };
    if disk.kind != "disk" || disk.ro {
        let kind = if disk.ro { "read-only" } else { disk.kind.as_str() };
        return Disk::Unproven(format!("`{path}` is no disk that can be written: {kind}"));
    }
    let (signatures, is_clean) = match (signatures, is_clean) {
        (Some(Ok(signatures)), Some(Ok(is_clean))) => (signatures, is_clean),
        (Some(Err(())), _) => return Disk::Unproven(format!("`wipefs` cannot read `{path}`")),
        (_, Some(Err(()))) => return Disk::Unproven(format!("`blkid` cannot read `{path}`")),
        (None, _) | (_, None) => return Disk::Unasked,
    };
    let what = disk.what();
    let found = found(disk, &signatures, is_clean, members.contains(&path));
    if found.is_empty() {
        return Disk::Empty { what };
    }
    Disk::Holds { what, found, wipe: wipe(disk, name, pools, members.contains(&path)) }
}

/// Returns everything that is on a disk.
fn found(disk: &Block, signatures: &[String], is_clean: bool, is_member: bool) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    if is_member {
        found.push("a pool that is imported".to_owned());
    }
    found.extend(disk.mountpoints.iter().flatten().map(|at| format!("it is mounted at `{at}`")));
    found.extend(disk.pttype.iter().map(|kind| format!("a partition table ({kind})")));
    found.extend(disk.fstype.iter().map(|kind| format!("a signature ({kind})")));
    found.extend(disk.children.iter().map(Block::describe));
    found.extend(
        disk.holders()
            .into_iter()
            .filter(|holder| !disk.children.iter().any(|child| child.path == holder.path))
            .map(Block::describe),
    );
    let known = [disk.pttype.as_deref(), disk.fstype.as_deref()];
    let others = signatures.iter().filter(|kind| !known.contains(&Some(kind.as_str())) && *kind != "PMBR");
    found.extend(others.map(|kind| format!("a signature ({kind})")));
    if found.is_empty() && (!is_clean || !signatures.is_empty()) {
        found.push("something that `blkid` knows".to_owned());
    }
    found
}

/// Returns the partitions to wipe before a disk, or why it may not be wiped.
fn wipe(disk: &Block, name: &str, pools: &[&str], is_member: bool) -> Result<Vec<String>, String> {
    if let Some(at) = disk.mounts().first() {
        let root = if matches!(*at, "/" | "/boot" | "/boot/efi") { ": the system stands on it" } else { "" };
        return Err(format!("it is mounted at `{at}`{root}"));
    }
    if let Some(pool) = disk.labels().into_iter().find(|label| pools.contains(label)) {
        return Err(format!("it is part of the pool `{pool}`, which is imported"));
    }
    if is_member {
        return Err("it is part of a pool that is imported".to_owned());
    }
    if let Some(holder) = disk.holders().first() {
        return Err(format!("it is held by {}", holder.describe()));
    }
    disk.children
        .iter()
        .map(|part| {
            // `sda1`, and `nvme0n1p1` where the disk's own name ends with a number.
            let number = part.name.strip_prefix(disk.name.as_str()).map(|rest| rest.trim_start_matches('p'));
            let number = number.and_then(|number| number.parse::<u32>().ok());
            number
                .map(|number| format!("{name}-part{number}"))
                .ok_or_else(|| format!("its partition `{}` has no number", part.name))
        })
        .collect()
}

/// Returns the signatures on a disk itself; `Err` if they cannot be read.
fn signatures(draft: &Draft<'_>, path: &str) -> Option<Result<Vec<String>, ()>> {
    let said = said(draft, &["wipefs", "-J", "-n", path])?;
    Some(said.and_then(|text| {
        if text.trim().is_empty() {
            return Ok(Vec::new());
        }
        let found: Signatures = serde_json::from_str(text).map_err(|_| ())?;
        Ok(found.signatures.into_iter().map(|one| one.kind).collect())
    }))
}

/// Tells whether `blkid`, which looks at the disk itself, finds nothing; `Err` if it cannot tell.
fn is_clean(draft: &Draft<'_>, path: &str) -> Option<Result<bool, ()>> {
    match draft.ask(Probe::command(draft.site(), ["blkid", "-p", path]))? {
        Evidence::Output { status: 2, stdout, .. } if stdout.trim().is_empty() => Some(Ok(true)),
        Evidence::Output { status: 0, .. } => Some(Ok(false)),
        _ => Some(Err(())),
    }
}

/// Returns a size as makers of disks write it.
fn bytes(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => size(bytes),
        1_000_000..1_000_000_000 => format!("{} MB", bytes / 1_000_000),
        1_000_000_000..1_000_000_000_000 => format!("{} GB", bytes / 1_000_000_000),
        1_000_000_000_000.. => format!("{}.{} TB", bytes / 1_000_000_000_000, bytes / 100_000_000_000 % 10),
    }
}
