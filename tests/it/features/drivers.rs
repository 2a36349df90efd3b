//! Disks and drivers of hosts that have them, from recorded facts: what a plan says, and what no plan ever does.

use phoenix_core::Evidence;
use serde_json::{Value, json};

use super::recorded::{Recorded, site};

const DISK: &str = "/dev/disk/by-id/nvme-Samsung_SSD_990_PRO_2TB_S7KHNU0X10000";

fn zfs() -> (&'static str, Value) {
    let config = json!({
        "arc_max_gb": 16,
        "pools": [{"name": "tank", "layout": "mirror", "disks": [format!("{DISK}1"), format!("{DISK}2")],
                   "properties": {"autotrim": "on", "compression": "lz4"}}],
        "datasets": [
            {"pool": "tank", "name": "vm-disks", "properties": {"recordsize": "128K", "compression": "lz4", "quota": "600G"}},
            {"pool": "tank", "name": "lxc-disks", "properties": {"recordsize": "16K", "compression": "lz4", "quota": "300G"}},
        ],
    });
    ("zfs", config)
}

fn driver() -> (&'static str, Value) {
    let runfile = json!({
        "name": "nvidia-driver", "version": "580.76.05", "sha256": "ab".repeat(32),
        "source": {"url": "https://example.com/NVIDIA-Linux-x86_64-580.76.05.run"},
    });
    ("nvidia-driver", json!({"version": "580.76.05", "runfile": runfile}))
}

fn vfio(shared: Value) -> (&'static str, Value) {
    ("vfio", json!({"devices": [{"address": "0000:02:00", "by": ["vm/8001"]}], "shared": shared}))
}

#[test]
fn pools_are_planned_from_what_a_host_says() {
    for name in ["empty", "half-done", "converged", "full", "foreign"] {
        insta::assert_snapshot!(name, Recorded::read(name).shown(&[zfs()]));
    }
}

#[test]
fn a_driver_is_replaced_and_waits_for_a_reboot() {
    for name in ["driver-none", "driver-wrong", "driver-half-done", "driver-converged"] {
        insta::assert_snapshot!(name, Recorded::read(name).shown(&[driver()]));
    }
}

#[test]
fn a_card_is_the_drivers_or_a_machines_and_equal_ones_are_told_apart_by_their_addresses() {
    let host = Recorded::read("driver-converged");
    insta::assert_snapshot!("shared-ids", host.shown(&[driver(), vfio(json!({"0": ["lxc/950"]}))]));
    let both = host.plan(&[driver(), vfio(json!({"1": ["lxc/950"]}))]).expect_err("a refusal");
    let says = "GPU 1 is used by `lxc/950` through the host's driver, which has 1 left: `0000:02:00.0` (GB206 [GeForce RTX 5060 Ti]), which `vm/8001` has, is not the driver's";
    assert_eq!(both.0[0].message, says);
}

#[test]
fn all_features_share_one_reboot_that_comes_last() {
    let plan = Recorded::read("driver-wrong").plan(&[driver(), vfio(json!({}))]).expect("a plan");
    let held: Vec<&str> = plan.held.iter().map(|step| step.id.verb()).collect();
    assert_eq!(held[0], "reboot");
    assert_eq!(held.iter().filter(|verb| **verb == "reboot").count(), 1, "{held:?}");
    assert!(plan.steps.iter().any(|step| step.id.verb() == "install-driver"));
    assert!(plan.steps.iter().any(|step| step.id.verb() == "update-grub"));
}

#[test]
fn a_host_without_zfs_is_left_without_it_and_told_so() {
    let mut host = Recorded::read("empty");
    for line in ["test -d /sys/module/zfs", "modprobe --dry-run --quiet zfs"] {
        let failed = Evidence::Output { status: 1, stdout: String::new(), stderr: String::new() };
        host.0.insert(phoenix_core::Probe::command(&site(), line.split(' ')), failed);
    }
    let plan = host.plan(&[zfs()]).expect("a plan");
    assert!(plan.is_empty() && plan.notes.iter().all(|note| &*note.code == "zfs-unavailable"), "{plan:?}");
}
