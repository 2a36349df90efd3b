//! Whatever a host has and whatever is declared: no plan destroys what is on a disk, unless the user has named that disk and it
//! is not in use.

use std::collections::BTreeMap;

use phoenix_core::{Action, Evidence, Probe};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::recorded::{Recorded, site};

const BY_ID: &str = "/dev/disk/by-id/";
const DISKS: usize = 4;

/// A disk of a generated host.
#[derive(Clone, Debug)]
struct Disk {
    is_there: bool,
    table: Option<&'static str>,
    holds: Option<&'static str>,
    parts: Vec<(Option<&'static str>, Option<&'static str>)>,
    mount: Option<&'static str>,
    has_holder: bool,
    /// Only `wipefs` or only `blkid` sees it.
    hidden: Option<bool>,
    /// Which of the programs cannot read it.
    unreadable: Option<u8>,
    in_pool: Option<bool>,
    is_read_only: bool,
}

impl Disk {
    fn is_empty(&self) -> bool {
        self.table.is_none()
            && self.holds.is_none()
            && self.parts.is_empty()
            && self.mount.is_none()
            && !self.has_holder
            && self.hidden.is_none()
            && self.in_pool.is_none()
            && self.unreadable.is_none()
            && !self.is_read_only
    }

    fn is_in_use(&self) -> bool {
        self.mount.is_some()
            || self.has_holder
            || self.in_pool == Some(true)
            || self.parts.iter().any(|(_, mount)| mount.is_some())
    }
}

fn rarely<T: Clone + std::fmt::Debug + 'static>(values: &'static [T]) -> impl Strategy<Value = Option<T>> {
    prop_oneof![3 => Just(None), 1 => prop::sample::select(values).prop_map(Some)]
}

fn disk() -> impl Strategy<Value = Disk> {
    let parts =
        prop::collection::vec((rarely(&["ext4", "zfs_member"]), rarely(&["/", "/srv", "[SWAP]"])), 0..3);
    let parts = prop_oneof![3 => Just(Vec::new()), 1 => parts];
    (
        (
            prop::bool::weighted(0.9),
            rarely(&["gpt", "dos"]),
            rarely(&["ext4", "LVM2_member", "linux_raid_member"]),
            parts,
        ),
        (prop::bool::weighted(0.05), prop::bool::weighted(0.1), prop::bool::weighted(0.1)),
        (rarely(&[true, false]), rarely(&[0u8, 1, 2]), rarely(&[true, false])),
    )
        .prop_map(
            |(
                (is_there, table, holds, parts),
                (is_mounted, has_holder, is_read_only),
                (hidden, unreadable, in_pool),
            )| Disk {
                is_there,
                table,
                holds,
                parts,
                mount: is_mounted.then_some("/mnt/x"),
                has_holder,
                hidden,
                unreadable,
                in_pool,
                is_read_only,
            },
        )
}

fn name(at: usize) -> String {
    format!("{BY_ID}disk-{at}")
}

fn node(at: usize) -> String {
    format!("/dev/sd{}", char::from(b'a' + u8::try_from(at).expect("few disks")))
}

fn host(disks: &[Disk], alias: bool) -> Recorded {
    let mut host = Recorded::default();
    let mut say = |argv: &[&str], status: i32, stdout: String| {
        let probe = Probe::command(&site(), argv.iter().copied());
        host.0.insert(probe, Evidence::Output { status, stdout, stderr: String::new() });
    };
    say(&["test", "-d", "/sys/module/zfs"], 0, String::new());
    let mut rows = Vec::new();
    let mut leaves = BTreeMap::new();
    for (at, disk) in disks.iter().enumerate().filter(|(_, disk)| disk.is_there) {
        let (name, node) = (name(at), node(at));
        // A second name of the first disk.
        let target = if alias && at == 1 { self::node(0) } else { node.clone() };
        say(&["readlink", "-e", &name], 0, format!("{target}\n"));
        let short = node.trim_start_matches("/dev/").to_owned();
        let mut children: Vec<Value> = disk.parts.iter().enumerate().map(|(part, (holds, mount))| {
            json!({"name": format!("{short}{}", part + 1), "path": format!("{node}{}", part + 1), "type": "part", "size": 1000, "ro": false,
                   "fstype": holds, "label": "old", "pttype": "gpt", "mountpoints": [mount]})
        }).collect();
        if disk.has_holder {
            children.push(json!({"name": "dm-0", "path": "/dev/mapper/x", "type": "crypt", "size": 1000, "ro": false, "mountpoints": [null]}));
        }
        if disk.unreadable != Some(0) {
            rows.push(json!({"name": short, "path": node, "type": "disk", "size": 2_000_000_000_000u64, "ro": disk.is_read_only,
                             "fstype": disk.holds, "label": null, "pttype": disk.table, "mountpoints": [disk.mount], "children": children}));
        }
        let mut found: Vec<&str> = disk.holds.iter().chain(&disk.table).copied().collect();
        let mut clean = found.is_empty();
        match disk.hidden {
            Some(true) => found.push("zfs_member"),
            Some(false) => clean = false,
            None => {}
        }
        let found: Vec<Value> =
            found.iter().map(|kind| json!({"device": short, "offset": "0x0", "type": kind})).collect();
        let wipefs = if disk.unreadable == Some(1) {
            (1, String::new())
        } else {
            (0, json!({"signatures": found}).to_string())
        };
        say(&["wipefs", "-J", "-n", &node], wipefs.0, wipefs.1);
        let blkid = match (disk.unreadable, clean) {
            (Some(2), _) => 8,
            (_, true) => 2,
            (_, false) => 0,
        };
        say(&["blkid", "-p", &node], blkid, String::new());
        if disk.in_pool == Some(true) {
            leaves.insert(name.clone(), json!({"name": name, "vdev_type": "disk", "path": name}));
        }
    }
    let columns = "name,size,allocated,capacity,health,guid,ashift";
    let pools =
        if leaves.is_empty() { json!({}) } else { json!({"other": {"name": "other", "properties": {}}}) };
    let status = if leaves.is_empty() {
        json!({})
    } else {
        json!({"other": {"vdevs": {"other": {"vdev_type": "root", "vdevs": leaves}}}})
    };
    say(&["zpool", "list", "-j", "-p", "-o", columns], 0, json!({"pools": pools}).to_string());
    say(&["zpool", "status", "-j", "-P"], 0, json!({"pools": status}).to_string());
    say(
        &["zfs", "list", "-j", "-p", "-t", "filesystem", "-o", "name,used,referenced"],
        0,
        json!({"datasets": {}}).to_string(),
    );
    say(
        &["lsblk", "-J", "-b", "-o", "NAME,PATH,TYPE,SIZE,RO,FSTYPE,LABEL,PTTYPE,MOUNTPOINTS,SERIAL,MODEL"],
        0,
        json!({"blockdevices": rows}).to_string(),
    );
    let exported: String = disks
        .iter()
        .enumerate()
        .filter(|(_, disk)| disk.in_pool == Some(false))
        .map(|(at, _)| format!("\t  {}  ONLINE\n", name(at)))
        .collect();
    let text = if exported.is_empty() {
        String::new()
    } else {
        format!("   pool: p0\n     id: 7\n  state: ONLINE\nconfig:\n\n\tp0  ONLINE\n{exported}")
    };
    say(&["zpool", "import", "-d", "/dev/disk/by-id"], 0, text);
    host.0.insert(Probe::package(&site(), "zfsutils-linux"), Evidence::Package { version: "2.3".into() });
    host
}

fn config(layouts: &[(u8, Vec<usize>)], wipe: &[usize]) -> Value {
    let pools: Vec<Value> = layouts.iter().enumerate().map(|(at, (layout, disks))| {
        let layout = ["single", "stripe", "mirror", "raidz1"][usize::from(*layout)];
        json!({"name": format!("p{at}"), "layout": layout, "disks": disks.iter().map(|at| name(*at)).collect::<Vec<_>>()})
    }).collect();
    let named: Vec<usize> = layouts.iter().flat_map(|(_, disks)| disks.iter().copied()).collect();
    let wipe: Vec<String> = wipe.iter().filter(|at| named.contains(at)).map(|at| name(*at)).collect();
    json!({"pools": pools, "wipe_disks": wipe, "allow_destructive_operations": true, "datasets": [{"pool": "p0", "name": "a"}]})
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn nothing_is_destroyed_that_is_not_proven_empty_or_named(
        disks in prop::collection::vec(disk(), DISKS),
        layouts in prop::collection::vec((0u8..4, prop::sample::subsequence((0..DISKS).collect::<Vec<_>>(), 1..=3)), 1..3),
        wipe in prop::sample::subsequence((0..DISKS).collect::<Vec<_>>(), 0..=DISKS),
        alias in prop::bool::weighted(0.1),
    ) {
        let host = host(&disks, alias);
        let Ok(plan) = host.plan(&[("zfs", config(&layouts, &wipe))]) else { return Ok(()) };
        let mut created: Vec<String> = Vec::new();
        for step in plan.steps.iter().chain(&plan.held) {
            let Action::Run { argv, .. } = &step.action else { continue };
            let words: Vec<&str> = argv.iter().map(String::as_str).collect();
            let on = |at: usize| words.iter().any(|word| *word == name(at) || word.starts_with(&format!("{}-part", name(at))));
            match words[..2] {
                ["zpool", "create"] => {
                    prop_assert!(!words.contains(&"-f"));
                    for at in (0..DISKS).filter(|at| on(*at)) {
                        let disk = &disks[at];
                        let is_wiped = wipe.contains(&at) && !disk.is_in_use();
                        prop_assert!(disk.is_there && (disk.is_empty() || is_wiped), "{at} {disk:?}: {words:?}");
                        created.push(if alias && at == 1 { node(0) } else { node(at) });
                    }
                }
                ["wipefs", "--all"] => {
                    for at in (0..DISKS).filter(|at| on(*at)) {
                        let disk = &disks[at];
                        prop_assert!(wipe.contains(&at) && !disk.is_in_use() && !disk.is_read_only, "{at} {disk:?}: {words:?}");
                    }
                }
                ["zpool", "import" | "set"] | ["zfs", "create" | "set"] | ["tee", _] => {}
                _ => prop_assert!(false, "an unknown command: {words:?}"),
            }
        }
        let count = created.len();
        created.sort();
        created.dedup();
        prop_assert_eq!(created.len(), count, "one disk in two places");
    }
}
