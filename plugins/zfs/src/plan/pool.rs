//! Pools: made on disks that are proven empty, imported where they are exactly what is declared, and never made again.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_core::{Action, Condition, Diagnostic, Draft, Expect, Probe, StepId, draft::Command};

use super::dataset;
use crate::{
    config::{Config, Pool},
    datasets::Datasets,
    disks::{self, Blocks, Disk},
    pools::{self, Found, Group, Importable},
    property::{self, Kind},
};

/// From which share on a pool is nearly full, in percent: ZFS finds free space ever more slowly from there on.
const NEARLY_FULL: u64 = 80;

/// What is known of all disks.
struct Scene<'a> {
    blocks: Option<Blocks>,
    pools: Vec<&'a str>,
    members: Vec<String>,
    may_wipe: &'a BTreeSet<String>,
}

/// How a pool that is not there comes.
pub(super) enum Coming {
    /// It is made, with nothing in it.
    Made(StepId),
    /// It is imported: what it has is known then.
    Imported,
}

/// Has the pools; returns how each comes that is not there yet.
pub(super) fn pools(
    draft: &mut Draft<'_>,
    config: &Config,
    found: &BTreeMap<String, Found>,
    datasets: &Datasets,
) -> BTreeMap<String, Coming> {
    let mut made = BTreeMap::new();
    if config.pools.is_empty() {
        return made;
    }
    let blocks = Blocks::read(draft);
    let members = members(draft, found, blocks.as_ref());
    let names = found.keys().map(String::as_str).collect();
    let scene = Scene { blocks, pools: names, members, may_wipe: &config.wipe_disks };
    // Disks that a pool of this plan is made on: another name of one of them is no second disk.
    let mut taken = BTreeSet::new();
    for (at, pool) in config.pools.iter().enumerate() {
        match found.get(&pool.name) {
            Some(state) => {
                compare(draft, pool, state, &scene);
                let own = datasets.get(&pool.name);
                change(draft, pool, state);
                if let Some(own) = own {
                    dataset::change(draft, &pool.name, own, &pool.properties);
                }
            }
            None => {
                let coming = bring(draft, (at, pool), &scene, &mut taken);
                made.extend(coming.map(|coming| (pool.name.clone(), coming)));
            }
        }
    }
    made
}

/// Returns the disks that imported pools are on.
fn members(draft: &Draft<'_>, found: &BTreeMap<String, Found>, blocks: Option<&Blocks>) -> Vec<String> {
    let leaves = found.values().flat_map(|pool| &pool.groups).flat_map(|group| &group.leaves);
    leaves.map(|leaf| disk_of(draft, leaf, blocks)).collect()
}

/// Returns the disk that a name leads to, or to a partition of which it leads; the name itself if that cannot be told.
fn disk_of(draft: &Draft<'_>, name: &str, blocks: Option<&Blocks>) -> String {
    let path = disks::resolve(draft, name).and_then(Result::ok).unwrap_or(name);
    blocks.and_then(|blocks| blocks.disk_of(path)).unwrap_or(path).to_owned()
}

/// Imports a pool that is exactly what is declared, or makes one.
fn bring(
    draft: &mut Draft<'_>,
    (at, pool): (usize, &Pool),
    scene: &Scene<'_>,
    taken: &mut BTreeSet<String>,
) -> Option<Coming> {
    if pool.disks.is_empty() {
        let message = format!("there is no pool `{}`, and its disks are not declared", pool.name);
        let hint = "name its disks in `zfs.pools`, by their paths under `/dev/disk/by-id`";
        draft.find(Diagnostic::error("zfs-disk-missing", message).with_hint(hint));
        return None;
    }
    let importable = pools::importable(draft)?;
    let named: Vec<&Importable> = importable.iter().filter(|other| other.name == pool.name).collect();
    if let [other] = named[..]
        && other.state == "ONLINE"
        && other.status.is_none()
        && is_same(draft, pool, &other.groups, scene)
    {
        let argv = ["zpool", "import", "-d", "/dev/disk/by-id", &other.guid];
        let reason =
            format!("the pool `{}` (guid {}) is on its disks and not imported", pool.name, other.guid);
        run(draft, &format!("import-{}", pool.name), &argv, &pool.name, reason, Vec::new());
        return Some(Coming::Imported);
    }
    if let Some(other) = named.first() {
        let why = match (&other.status, named.len()) {
            (_, 2..) => "there are several of that name".to_owned(),
            (Some(status), _) => status.clone(),
            (None, _) if other.state != "ONLINE" => format!("it is {}", other.state),
            (None, _) => "its disks are not those that are declared".to_owned(),
        };
        let message = format!("there is a pool `{}` that is not imported: {why}", pool.name);
        let hint = format!(
            "`zpool import` shows it, and `zpool import {}` imports it; nothing is made in its place",
            other.guid
        );
        draft.find(Diagnostic::error("zfs-pool-not-imported", message).with_hint(hint));
        return None;
    }
    make(draft, (at, pool), scene, taken).map(Coming::Made)
}

/// Makes a pool, if each of its disks is proven empty or may be wiped.
fn make(
    draft: &mut Draft<'_>,
    (at, pool): (usize, &Pool),
    scene: &Scene<'_>,
    taken: &mut BTreeSet<String>,
) -> Option<StepId> {
    let members: Vec<&str> = scene.members.iter().map(String::as_str).collect();
    let mut wipes = Vec::new();
    let mut whats = Vec::new();
    let mut is_proven = true;
    for (index, disk) in pool.disks.iter().enumerate() {
        let is_other =
            disks::resolve(draft, disk).and_then(Result::ok).is_none_or(|path| taken.insert(path.to_owned()));
        let looked = disks::look(draft, disk, scene.blocks.as_ref(), (&scene.pools, &members));
        let refusal = match looked {
            Disk::Empty { what } if is_other => {
                whats.push(what);
                continue;
            }
            Disk::Holds { what, found, wipe: Ok(parts) } if is_other && scene.may_wipe.contains(disk) => {
                whats.push(what.clone());
                wipes.push((
                    disk,
                    parts,
                    format!("{what}, named by `--wipe-disks`, holds {}", found.join(", ")),
                ));
                continue;
            }
            Disk::Unasked => {
                is_proven = false;
                continue;
            }
            other => refusal(pool, disk, other, scene),
        };
        is_proven = false;
        draft.find(
            refusal
                .at(phoenix_core::Place { path: format!("/pools/{at}/disks/{index}"), ..Default::default() }),
        );
    }
    if !is_proven {
        return None;
    }
    let wiped: Vec<Option<StepId>> =
        wipes.into_iter().map(|(disk, parts, reason)| Some(wipe(draft, disk, &parts, reason))).collect();
    let argv = creation(pool);
    let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
    let reason =
        format!("the pool `{}` is missing, and its disks are empty: {}", pool.name, whats.join("; "));
    Some(run(draft, &format!("make-{}", pool.name), &argv, &pool.name, reason, wiped))
}

/// Returns why a pool is not made on a disk.
fn refusal(pool: &Pool, disk: &str, looked: Disk, scene: &Scene<'_>) -> Diagnostic {
    let name = &pool.name;
    match looked {
        Disk::Missing => Diagnostic::error(
            "zfs-disk-missing",
            format!("the pool `{name}` cannot be made: there is no disk `{disk}`"),
        )
        .with_hint(
            "`ls -l /dev/disk/by-id` shows those that there are; write the name of one in `zfs.pools`",
        ),
        Disk::Holds { what, found, wipe } => {
            let holds =
                format!("the pool `{name}` is not made: `{disk}` ({what}) holds {}", found.join(", "));
            match (wipe, scene.may_wipe.contains(disk)) {
                (Err(why), true) => Diagnostic::error("zfs-wipe-refused", format!("{holds}; it is not wiped either: {why}"))
                    .with_hint("take it out of use first; a disk that is in use is never wiped"),
                (Err(why), false) => Diagnostic::error("zfs-disk-in-use", format!("{holds}; {why}"))
                    .with_hint("name another disk in `zfs.pools`, or take this one out of use first"),
                (Ok(_), _) => Diagnostic::error("zfs-disk-in-use", holds)
                    .with_hint(format!("name another disk in `zfs.pools`; if all of that may be lost: `phoenix setup --wipe-disks {disk}`")),
            }
        }
        Disk::Unproven(why) => Diagnostic::error(
            "zfs-disk-unproven",
            format!("the pool `{name}` is not made: that `{disk}` is empty is not proven: {why}"),
        )
        .with_hint("`lsblk`, `wipefs --no-act` and `blkid -p` must all be able to read it"),
        // Two names lead to it.
        Disk::Empty { .. } | Disk::Unasked => Diagnostic::error(
            "zfs-disk-in-use",
            format!(
                "the pool `{name}` is not made: `{disk}` is a second name of a disk that is named already"
            ),
        )
        .with_hint("name each disk once"),
    }
}

fn wipe(draft: &mut Draft<'_>, disk: &str, parts: &[String], reason: String) -> StepId {
    let argv = ["wipefs", "--all"]
        .map(str::to_owned)
        .into_iter()
        .chain(parts.iter().cloned())
        .chain([disk.to_owned()]);
    let proof =
        Condition::new(Probe::command(draft.site(), ["blkid", "-p", disk]), Expect::Ends { status: 2 });
    let action = Action::Run { site: draft.site().clone(), argv: argv.collect(), stdin: None, proof };
    let name = disk.rsplit('/').next().unwrap_or(disk);
    draft.add(&format!("wipe-{name}"), action, reason, [])
}

/// Returns the words that make a pool. Without `-f`, `zpool` itself looks once more that nothing is on the disks.
fn creation(pool: &Pool) -> Vec<String> {
    let mut argv =
        vec!["zpool".to_owned(), "create".to_owned(), "-o".to_owned(), format!("ashift={}", pool.ashift)];
    for (name, value) in &pool.properties {
        let (Some(kind), Some(value)) = (property::kind(name), property::canonical(name, value)) else {
            continue;
        };
        let flag = match kind {
            Kind::Pool => "-o",
            Kind::Dataset => "-O",
        };
        argv.extend([flag.to_owned(), format!("{name}={value}")]);
    }
    argv.push(pool.name.clone());
    argv.extend(pool.layout.word().map(str::to_owned));
    argv.extend(pool.disks.iter().cloned());
    argv
}

fn run(
    draft: &mut Draft<'_>,
    verb: &str,
    argv: &[&str],
    pool: &str,
    reason: String,
    after: Vec<Option<StepId>>,
) -> StepId {
    let probe = Probe::command(draft.site(), ["zpool", "list", "-H", "-o", "name", pool]);
    let proof = Condition::new(probe, Expect::SaysLine { line: pool.to_owned() });
    let argv = argv.iter().map(|&word| word.to_owned()).collect();
    let action = Action::Run { site: draft.site().clone(), argv, stdin: None, proof };
    draft.add(verb, action, reason, after)
}

/// Tells how a pool that is there differs from what is declared, and how it is.
fn compare(draft: &mut Draft<'_>, pool: &Pool, state: &Found, scene: &Scene<'_>) {
    let name = &pool.name;
    let column = |column: &str| state.columns.get(column).map_or("", String::as_str);
    let number = |text: &str| text.trim_end_matches('%').parse::<u64>().unwrap_or(0);
    let mut warn = |code: &str, message: String, hint: String| {
        draft.find(Diagnostic::warning(code, message).with_hint(hint))
    };
    let health = column("health");
    if !health.is_empty() && health != "ONLINE" {
        warn(
            "zfs-pool-health",
            format!("the pool `{name}` is {health}"),
            format!("`zpool status {name}` says what is wrong"),
        );
    }
    let full = number(column("capacity"));
    if full >= NEARLY_FULL {
        warn(
            "zfs-pool-full",
            format!("the pool `{name}` is {full} % full"),
            format!(
                "remove something, or add disks: `zfs list -o space -r {name}`; ZFS is slow on a full pool"
            ),
        );
    }
    let (ashift, wanted) = (number(column("ashift")), u64::from(pool.ashift));
    if ashift != 0 && ashift != wanted {
        warn(
            "zfs-pool-differs",
            format!("the pool `{name}` has `ashift` {ashift}, and {wanted} is declared"),
            "it is given once, when a pool is made: write what it is".to_owned(),
        );
    }
    if !pool.disks.is_empty() && !is_same(draft, pool, &state.groups, scene) {
        let groups: Vec<String> = state
            .groups
            .iter()
            .map(|group| format!("{} of {}", group.kind, group.leaves.join(", ")))
            .collect();
        let message = format!(
            "the pool `{name}` stands on other disks, or otherwise, than is declared: {}",
            groups.join("; ")
        );
        let hint = "Phoenix never changes the disks of a pool: write what it is, or use `zpool replace` and `zpool attach`";
        draft.find(Diagnostic::warning("zfs-pool-differs", message).with_hint(hint));
    }
}

/// Tells whether disks stand together as declared.
fn is_same(draft: &Draft<'_>, pool: &Pool, groups: &[Group], scene: &Scene<'_>) -> bool {
    let blocks = scene.blocks.as_ref();
    let kind = pool.layout.word().unwrap_or("disk");
    let is_kind = |group: &Group| group.kind == kind || (kind == "raidz1" && group.kind == "raidz");
    let is_one = pool.layout.word().is_none() || groups.len() == 1;
    let leaves = groups.iter().flat_map(|group| &group.leaves);
    let found: BTreeSet<String> = leaves.map(|leaf| disk_of(draft, leaf, blocks)).collect();
    let wanted: BTreeSet<String> = pool.disks.iter().map(|disk| disk_of(draft, disk, blocks)).collect();
    groups.iter().all(is_kind) && is_one && found == wanted
}

/// Sets what of a pool's own properties differs, one a step.
fn change(draft: &mut Draft<'_>, pool: &Pool, state: &Found) {
    for (name, value) in pool.properties.iter().filter(|(name, _)| property::kind(name) == Some(Kind::Pool)) {
        let Some(value) = property::canonical(name, value) else { continue };
        let now = state.columns.get(name).map_or("-", String::as_str);
        if now == value {
            continue;
        }
        let reason = format!("`{name}` of the pool `{}`: {now} -> {value}", pool.name);
        let probe =
            Probe::command(draft.site(), ["zpool", "get", "-H", "-p", "-o", "value", name, &pool.name]);
        let proof = Condition::new(probe, Expect::SaysLine { line: value.clone() });
        let argv = ["zpool", "set", &format!("{name}={value}"), &pool.name];
        draft.run(&format!("set-{}-{name}", pool.name), Command::new(argv, proof, reason), []);
    }
}
