//! `nvidia-driver` and `vfio` on a host with two simulated cards: what waits for a reboot, what one reboot brings, and what was
//! broken on purpose.

use phoenix_core::{
    Action, Condition, Evidence, Expect, FeatureUse, Plan, Probe, Site,
    engine::{Converged, Verdict},
    planner::{Reboots, Resolved},
};
use phoenix_node::Gpus;
use phoenix_pve::GuestChannel;
use phoenix_tests::{
    lab::Lab,
    world::{World, resolve},
};
use serde_json::json;

use super::{check_laws, first_plan, steps, write};
use crate::block_on;

const CARD: &str = "NVIDIA GeForce RTX 5060 Ti";
const OTHER: &str = "NVIDIA L4";
const VERSION: &str = "580.76.05";
const OLD: &str = "570.86.15";
const QUERY: &str = "nvidia-smi --query-gpu=uuid,driver_version --format=csv,noheader";
const MINE: &str = "cat /proc/cmdline";

fn site() -> Site {
    Site::Host("phoenix".into())
}

fn driver() -> FeatureUse {
    let runfile = json!({
        "name": "nvidia-driver", "version": VERSION, "sha256": "ab".repeat(32),
        "source": {"url": "https://example.com/NVIDIA-Linux-x86_64-580.76.05.run"},
    });
    FeatureUse::new("nvidia-driver", json!({"version": VERSION, "runfile": runfile}))
}

fn vfio() -> FeatureUse {
    FeatureUse::new("vfio", json!({"devices": [{"address": "0000:02:00", "by": ["vm/8001"]}]}))
}

/// Returns a host with a driver and two cards, the second of which is a virtual machine's.
fn host(driver_now: &str, second: &str) -> Lab {
    let cards = Gpus::new(driver_now, [(CARD, 16_311), (second, 23_034)]);
    Lab::new().with_host("phoenix", vec![driver(), vfio()]).with_gpus(cards)
}

fn resolved(lab: &Lab) -> Resolved {
    resolve(lab).unwrap_or_else(|found| panic!("{found}"))
}

/// Returns what a command says on the host.
async fn says(world: &World, line: &str) -> String {
    let probe = Probe::command(&site(), line.split(' '));
    match world.node.ask(&site(), &[probe]).await.into_iter().flatten().next() {
        Some(Evidence::Output { stdout, .. }) => stdout,
        other => panic!("{other:?}"),
    }
}

/// Runs a command on the host as somebody else would.
async fn call(world: &World, line: &str, proof: Condition) {
    let argv = line.split(' ').map(str::to_owned).collect();
    let action = Action::Run { site: site(), argv, stdin: None, proof };
    world.node.act(&site(), &action, None).await.expect("harm is done");
}

async fn remove(world: &World, path: &str) {
    let action = Action::RemoveFile { site: site(), path: path.to_owned() };
    world.node.act(&site(), &action, None).await.expect("harm is done");
}

async fn reboot(world: &World) {
    world.node.act(&site(), &Action::Reboot { site: site(), boot: None }, None).await.expect("it reboots");
}

/// Returns how often the host was started.
async fn boots(world: &World) -> u64 {
    let id = says(world, "cat /proc/sys/kernel/random/boot_id").await;
    u64::from_str_radix(id.trim().rsplit('-').next().expect("a number"), 16).expect("a number")
}

/// Returns who drives the functions of both cards.
async fn drivers(world: &World) -> Vec<String> {
    let text = says(world, "lspci -D -vmm -nn -k").await;
    text.lines().filter_map(|line| Some(line.strip_prefix("Driver:")?.trim().to_owned())).collect()
}

fn held(plan: &Plan) -> Vec<String> {
    plan.held.iter().map(|step| format!("{}:{}", step.id.owner(), step.id.verb())).collect()
}

async fn run(world: &World, lab: &Resolved) -> Converged {
    let run = world.converge(lab).await.unwrap_or_else(|found| panic!("{found}"));
    assert!(matches!(run.verdict, Verdict::Settled), "{:?} {:?}", run.verdict, run.last.failed);
    run
}

/// Insists that nothing is left to do, and nothing waits.
async fn is_settled(world: &World, lab: &Resolved) {
    let plan = world.plan(lab).await.unwrap_or_else(|found| panic!("{found}"));
    assert!(plan.is_empty() && plan.held.is_empty(), "{plan:#?}");
}

#[test]
fn a_driver_is_replaced_and_a_card_given_away_with_the_laws() {
    let lab = host(OLD, CARD);
    insta::assert_json_snapshot!("driver", first_plan(&lab, "nvidia-driver"));
    insta::assert_json_snapshot!("vfio", first_plan(&lab, "vfio"));
    check_laws(&lab);
    check_laws(&lab.with_reboots());
}

#[test]
fn a_card_of_another_sort_is_bound_by_its_numbers_and_the_free_driver_goes_with_the_laws() {
    for lab in [host("", OTHER), host(VERSION, OTHER)] {
        let plan = first_plan(&lab, "vfio").to_string();
        assert!(plan.contains("options vfio-pci ids=10de:") && !plan.contains("0000:02:00.0"), "{plan}");
        // The sound of both cards is of one sort.
        assert!(plan.contains(r#"KERNEL==\"0000:02:00.1\""#), "{plan}");
        assert!(plan.contains("softdep nouveau pre") && plan.contains("softdep nvidia pre"), "{plan}");
        check_laws(&lab);
        check_laws(&lab.with_reboots());
    }
}

#[test]
fn without_leave_all_but_the_reboot_is_done_and_the_next_run_still_tells_of_it() {
    block_on(async {
        let lab = host(OLD, CARD);
        let (world, lab) = (World::of(&lab), resolved(&lab));
        let first = run(&world, &lab).await;
        assert!(first.done > 0 && !first.rebooted);
        let waits = ["host:reboot", "nvidia-driver:start-phoenix-nvidia.service", "nvidia-driver:see-driver"];
        for _ in 0..2 {
            let again = run(&world, &lab).await;
            assert_eq!((again.rounds, again.done, again.rebooted), (0, 0, false));
            let held: Vec<&str> = again.held.iter().map(|step| step.id.verb()).collect();
            assert_eq!(held.len(), 3, "{held:?}");
            assert_eq!(held_of(&again), waits);
        }
        let reason = world.plan(&lab).await.expect("a plan").held[0].reason.clone();
        assert_eq!(
            reason,
            "the kernel runs without `iommu=pt`, `0000:02:00.0` is driven by `nvidia`, `0000:02:00.1` is driven by \
             `snd_hda_intel`; the kernel runs the driver 570.86.15, and 580.76.05 is on the disk"
        );
        // Nothing is in force yet.
        assert_eq!(boots(&world).await, 1);
        assert_eq!(drivers(&world).await, ["nvidia", "snd_hda_intel", "nvidia", "snd_hda_intel"]);
        assert!(!says(&world, MINE).await.contains("iommu"));
        assert!(says(&world, "cat /proc/driver/nvidia/version").await.contains(OLD));
    });
}

fn held_of(run: &Converged) -> Vec<String> {
    run.held.iter().map(|step| format!("{}:{}", step.id.owner(), step.id.verb())).collect()
}

#[test]
fn one_reboot_is_for_both_and_then_each_card_has_its_own_driver() {
    for (now, second) in [(OLD, CARD), (OLD, OTHER), ("", CARD), ("", OTHER), (VERSION, OTHER)] {
        block_on(async {
            let lab = host(now, second).with_reboots();
            let (world, wanted) = (World::of(&lab), resolved(&lab));
            let done = run(&world, &wanted).await;
            assert!(done.rebooted && done.held.is_empty(), "{now} {second}: {:?}", done.held);
            assert_eq!(boots(&world).await, 2, "{now} {second}");
            assert_eq!(drivers(&world).await, ["nvidia", "snd_hda_intel", "vfio-pci", "vfio-pci"]);
            let uuid = &lab.seed.gpus.cards[&0].uuid;
            assert_eq!(says(&world, QUERY).await, format!("{uuid}, {VERSION}\n"));
            assert!(says(&world, MINE).await.contains("iommu=pt"));
            is_settled(&world, &wanted).await;
            // Another reboot changes nothing.
            reboot(&world).await;
            is_settled(&world, &wanted).await;
            assert_eq!(says(&world, QUERY).await, format!("{uuid}, {VERSION}\n"));
        });
    }
}

#[test]
fn a_run_that_was_held_goes_on_with_leave_to_reboot() {
    block_on(async {
        let lab = host(OLD, CARD);
        let (mut world, wanted) = (World::of(&lab), resolved(&lab));
        run(&world, &wanted).await;
        world.reboots = Reboots::Perform;
        let done = run(&world, &wanted).await;
        assert!(done.rebooted && done.held.is_empty());
        assert_eq!((done.rounds, done.done, boots(&world).await), (1, 3, 2));
        is_settled(&world, &wanted).await;
    });
}

#[test]
fn the_words_for_the_kernel_reach_each_boot_loader() {
    let uefi: &[&str] = &["/sys/firmware/efi"];
    for (firmware, expected) in [
        (uefi, "root=ZFS=rpool/ROOT/pve-1 boot=zfs iommu=pt\n"),
        (&[], "BOOT_IMAGE=/boot/vmlinuz root=/dev/mapper/pve-root ro quiet iommu=pt\n"),
    ] {
        block_on(async {
            let lab = host(VERSION, OTHER).with_reboots();
            let (world, wanted) = (World::of(&lab), resolved(&lab));
            write(&world, &site(), "/etc/kernel/cmdline", "root=ZFS=rpool/ROOT/pve-1 boot=zfs\n").await;
            write(&world, &site(), "/etc/kernel/proxmox-boot-uuids", "ABCD-0123\n").await;
            write(&world, &site(), "/etc/default/grub", "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n").await;
            for path in firmware {
                write(&world, &site(), path, "").await;
            }
            run(&world, &wanted).await;
            assert_eq!((says(&world, MINE).await.as_str(), boots(&world).await), (expected, 2));
            is_settled(&world, &wanted).await;
        });
    }
}

#[test]
fn a_processor_of_intel_is_told_to_use_its_iommu() {
    block_on(async {
        let lab = host(VERSION, OTHER).with_reboots();
        let (world, wanted) = (World::of(&lab), resolved(&lab));
        write(&world, &site(), "/proc/cpuinfo", "vendor_id\t: GenuineIntel\n").await;
        run(&world, &wanted).await;
        assert!(says(&world, MINE).await.ends_with("quiet intel_iommu=on iommu=pt\n"));
        is_settled(&world, &wanted).await;
    });
}

/// Something that somebody does to the host.
enum Harm {
    Remove(&'static str),
    /// Another version of the driver is put on the disk.
    Install(&'static str),
    /// The words of the kernel go, up to the next boot.
    Words,
}

impl Harm {
    async fn done(&self, world: &World) {
        match self {
            Self::Remove(path) => remove(world, path).await,
            Self::Install(version) => {
                let asked = Probe::command(&site(), ["modinfo", "-F", "version", "nvidia"]);
                let line = (*version).to_owned();
                let flags = "--silent --allow-installation-with-running-driver --skip-module-load";
                let proof = Condition::new(asked, Expect::SaysLine { line });
                call(world, &format!("sh /root/other.run {flags}"), proof).await;
            }
            Self::Words => {
                remove(world, "/etc/default/grub.d/phoenix-iommu.cfg").await;
                call(world, "update-grub", Condition::new(Probe::file(&site(), "/"), Expect::Present)).await;
            }
        }
    }
}

#[test]
fn what_is_broken_is_mended_and_only_what_needs_it_waits_for_a_reboot() {
    const BINDINGS: &str = "/etc/modprobe.d/phoenix-vfio.conf";
    let words = ["vfio:write-cmdline", "vfio:update-grub"];
    let again = [
        "nvidia-driver:install-nvidia-driver",
        "nvidia-driver:install-driver",
        "nvidia-driver:restart-phoenix-nvidia.service",
        "nvidia-driver:see-driver",
    ];
    let is_late: &[&str] = &["host:reboot"];
    let cases: &[(Harm, bool, &[&str], &[&str])] = &[
        (Harm::Remove(BINDINGS), false, &["vfio:write-bindings", "vfio:make-initramfs"], &[]),
        (Harm::Remove(BINDINGS), true, &["vfio:write-bindings", "vfio:make-initramfs"], is_late),
        (
            Harm::Remove("/etc/modprobe.d/phoenix-nvidia.conf"),
            false,
            &["nvidia-driver:write-options", "nvidia-driver:make-initramfs"],
            &[],
        ),
        (Harm::Remove("/etc/modules-load.d/phoenix-vfio.conf"), false, &["vfio:write-modules"], &[]),
        (Harm::Words, false, &words, &[]),
        (Harm::Words, true, &words, is_late),
        (Harm::Install(OLD), false, &again, &[]),
        (Harm::Install(OLD), true, &again[..2], &["host:reboot", again[2], again[3]]),
    ];
    for (at, (harm, is_rebooted, expected, expected_held)) in cases.iter().enumerate() {
        block_on(async {
            let lab = host(VERSION, OTHER).with_reboots();
            let (mut world, wanted) = (World::of(&lab), resolved(&lab));
            run(&world, &wanted).await;
            harm.done(&world).await;
            if *is_rebooted {
                reboot(&world).await;
            }
            world.reboots = Reboots::Hold;
            assert_eq!(steps(&world, &wanted).await, *expected, "case {at}");
            assert_eq!(held(&world.plan(&wanted).await.expect("a plan")), *expected_held, "case {at}");
            let before = boots(&world).await;
            world.reboots = Reboots::Perform;
            run(&world, &wanted).await;
            let more = u64::from(!expected_held.is_empty());
            assert_eq!(boots(&world).await, before + more, "case {at}");
            is_settled(&world, &wanted).await;
            assert_eq!(
                drivers(&world).await,
                ["nvidia", "snd_hda_intel", "vfio-pci", "vfio-pci"],
                "case {at}"
            );
        });
    }
}
