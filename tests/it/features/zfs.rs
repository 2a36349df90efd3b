//! `zfs` on a node with simulated disks.

use phoenix_core::{Action, Condition, Expect, FeatureUse, Probe, Site};
use phoenix_node::{Disk, Disks, Part, Zpool};
use phoenix_pve::GuestChannel;
use phoenix_tests::{
    lab::Lab,
    world::{World, resolve},
};
use serde_json::{Value, json};

use super::{check_laws, findings, first_plan, steps};
use crate::block_on;

const BY_ID: &str = "/dev/disk/by-id/";
const SIZE: u64 = 2_000_398_934_016;

fn config() -> Value {
    json!({
        "arc_max_gb": 16,
        "pools": [
            {"name": "tank", "layout": "mirror", "disks": [format!("{BY_ID}nvme-Disk_A"), format!("{BY_ID}nvme-Disk_B")],
             "properties": {"autotrim": "on", "atime": "off"}},
            {"name": "fast", "layout": "single", "disks": [format!("{BY_ID}nvme-Disk_C")]},
        ],
        "datasets": [
            {"pool": "tank", "name": "vm/inner", "properties": {"quota": "100G"}},
            {"pool": "tank", "name": "vm", "properties": {"recordsize": "16K", "compression": "lz4"}},
            {"pool": "fast", "name": "bulk"},
        ],
    })
}

fn empty() -> Disks {
    ["nvme-Disk_A", "nvme-Disk_B", "nvme-Disk_C"]
        .into_iter()
        .fold(Disks::default(), |disks, name| disks.with_disk(name, Disk::empty(SIZE)))
}

/// Returns the disks with something on the first.
fn holding(change: impl FnOnce(&mut Disk)) -> Disks {
    let mut disks = empty();
    change(disks.disks.get_mut("nvme-Disk_A").expect("a disk"));
    disks
}

fn with(config: Value, disks: Disks) -> Lab {
    let mut lab = Lab::new().with_host("phoenix", vec![FeatureUse::new("zfs", config)]);
    lab.seed.disks = disks;
    lab
}

fn wiping() -> Value {
    let mut config = config();
    config["wipe_disks"] = json!([format!("{BY_ID}nvme-Disk_A")]);
    config
}

fn partitioned(mount: Option<&str>) -> Disks {
    holding(|disk| {
        disk.table = Some("gpt".to_owned());
        let mount = mount.map(str::to_owned);
        disk.parts = vec![Part { bytes: SIZE, holds: Some("ext4".to_owned()), label: None, mount }];
    })
}

#[test]
fn pools_are_made_on_empty_disks_and_keep_the_laws() {
    let lab = with(config(), empty());
    insta::assert_json_snapshot!(first_plan(&lab, "zfs"));
    check_laws(&lab);
}

#[test]
fn a_disk_that_is_named_is_wiped_and_no_other() {
    let lab = with(wiping(), partitioned(None));
    let plan = first_plan(&lab, "zfs").to_string();
    assert!(
        plan.contains(&format!(r#"["wipefs","--all","{BY_ID}nvme-Disk_A-part1","{BY_ID}nvme-Disk_A"]"#)),
        "{plan}"
    );
    assert_eq!(plan.matches("\"wipefs\"").count(), 1, "{plan}");
    check_laws(&lab);
}

#[test]
fn what_is_on_a_disk_is_told_and_nothing_is_made_there() {
    let found = |disks: Disks| findings(&with(config(), disks));
    let says = |found: &[(String, String)], code: &str, text: &str| {
        assert!(
            found.iter().any(|(other, message)| other == code && message.contains(text)),
            "{code} {text}: {found:?}"
        );
    };
    says(
        &found(partitioned(None)),
        "zfs-disk-in-use",
        "holds a partition table (gpt), partition `nvme0n1p1` (ext4, 2.0 TB)",
    );
    says(
        &found(holding(|disk| disk.holds = Some("LVM2_member".into()))),
        "zfs-disk-in-use",
        "a signature (LVM2_member)",
    );
    let other = empty().with_pool("other", "", &["nvme-Disk_C"]);
    says(&found(other), "zfs-disk-in-use", "a pool that is imported");
    let mut gone = empty();
    gone.disks.remove("nvme-Disk_B");
    says(&found(gone), "zfs-disk-missing", "there is no disk `/dev/disk/by-id/nvme-Disk_B`");
    // A disk that is in use is not wiped, whoever says so.
    let found = |disks: Disks| findings(&with(wiping(), disks));
    says(&found(partitioned(Some("/"))), "zfs-wipe-refused", "it is mounted at `/`: the system stands on it");
    says(&found(partitioned(Some("[SWAP]"))), "zfs-wipe-refused", "it is mounted at `[SWAP]`");
    says(
        &found(empty().with_pool("other", "", &["nvme-Disk_A"])),
        "zfs-wipe-refused",
        "part of the pool `other`",
    );
}

#[test]
fn a_pool_that_is_not_imported_is_imported_only_if_it_is_the_one() {
    let exported = |disks: &[&str]| {
        let mut all = empty().with_pool("tank", "mirror", disks);
        all.pools.values_mut().for_each(|pool| pool.is_exported = true);
        all
    };
    let lab = with(config(), exported(&["nvme-Disk_A", "nvme-Disk_B"]));
    let plan = first_plan(&lab, "zfs").to_string();
    assert!(plan.contains(r#""zpool","import""#) && plan.matches("create").count() == 2, "{plan}");
    block_on(async {
        // What it has is known once it is there.
        let world = World::seeded(lab.seed.clone());
        let resolved = resolve(&lab).expect("a good lab");
        world.converge(&resolved).await.expect("it comes up");
        assert_eq!(steps(&world, &resolved).await, Vec::<String>::new());
    });
    let found = findings(&with(config(), exported(&["nvme-Disk_A", "nvme-Disk_C"])));
    assert!(found.iter().any(|(code, _)| code == "zfs-pool-not-imported"), "{found:?}");
}

#[test]
fn what_differs_is_set_step_by_step_and_a_pool_is_never_made_again() {
    block_on(async {
        let lab = with(config(), empty());
        let resolved = resolve(&lab).expect("a good lab");
        let world = World::seeded(lab.seed.clone());
        world.converge(&resolved).await.expect("it comes up");
        assert_eq!(steps(&world, &resolved).await, Vec::<String>::new());
        let site = Site::Host("phoenix".into());
        for line in [
            "zfs set recordsize=131072 tank/vm",
            "zpool set autotrim=off tank",
            "tee /sys/module/zfs/parameters/zfs_arc_max",
        ] {
            let action = Action::Run {
                site: site.clone(),
                argv: line.split(' ').map(str::to_owned).collect(),
                stdin: None,
                proof: Condition::new(Probe::file(&site, "/"), Expect::Present),
            };
            world.node.act(&site, &action, None).await.expect("harm is done");
        }
        assert_eq!(
            steps(&world, &resolved).await,
            ["zfs:limit-memory-now", "zfs:set-tank-autotrim", "zfs:set-tank-vm-recordsize"]
        );
        let plan = world.plan(&resolved).await.expect("a plan");
        assert!(plan.steps.iter().any(|step| step.reason == "`recordsize` of `tank/vm`: 128K -> 16K"));
        world.converge(&resolved).await.expect("it is mended");
        assert_eq!(steps(&world, &resolved).await, Vec::<String>::new());
    });
}

#[test]
fn a_pool_on_other_disks_or_nearly_full_is_told_of_and_left() {
    block_on(async {
        let mut disks =
            empty().with_pool("tank", "", &["nvme-Disk_A"]).with_pool("fast", "", &["nvme-Disk_C"]);
        let tank = disks.pools.get_mut("tank").expect("a pool");
        *tank = Zpool { capacity: 91, ..tank.clone() };
        let lab = with(config(), disks);
        let world = World::seeded(lab.seed.clone());
        let plan = world.plan(&resolve(&lab).expect("a good lab")).await.expect("a plan");
        let codes: Vec<&str> = plan.notes.iter().map(|note| &*note.code).collect();
        assert_eq!(codes, ["zfs-pool-full", "zfs-pool-differs"], "{}", plan.notes);
        assert!(
            plan.steps
                .iter()
                .all(|step| !format!("{:?}", step.action).contains("\"create\", \"-o\", \"ashift"))
        );
    });
}

#[test]
fn a_quota_below_what_is_used_is_refused() {
    let mut disks = empty().with_pool("tank", "mirror", &["nvme-Disk_A", "nvme-Disk_B"]);
    let tank = disks.pools.get_mut("tank").expect("a pool");
    let used = [("used".to_owned(), (200u64 << 30).to_string())].into();
    tank.datasets.insert("tank/vm".to_owned(), Default::default());
    tank.datasets.insert("tank/vm/inner".to_owned(), used);
    let found = findings(&with(config(), disks));
    let says = "`tank/vm/inner` holds 200G already, more than its `quota` of 100G shall be";
    assert_eq!(found, [("zfs-quota".to_owned(), says.to_owned())]);
}
