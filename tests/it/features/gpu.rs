//! `gpu`, on nodes with simulated cards.

use phoenix_core::{Action, Evidence, FeatureUse, GuestId, Probe, Site};
use phoenix_node::{Gpu, Gpus};
use phoenix_pve::GuestChannel;
use phoenix_tests::{
    lab::{Lab, container, machine},
    laws,
    way::Way,
    world::{World, resolve},
};
use serde_json::{Value, json};

use super::{GUEST, Harm, check_laws, findings, first_plan, lab, mends, refusals, steps};
use crate::block_on;

const DRIVER: &str = "580.76.05";

/// Returns a node's two cards.
fn cards() -> Gpus {
    Gpus::new(DRIVER, [("NVIDIA GeForce RTX 5060 Ti", 16_311), ("NVIDIA GeForce RTX 5060 Ti", 16_311)])
}

/// Returns a lab of one container on a node with two cards.
fn with(config: Value) -> Lab {
    lab(&[("gpu", config)]).with_gpus(cards())
}

fn both() -> Value {
    json!({"devices": [0, 1], "docker": true})
}

fn runfile(version: &str) -> Value {
    let source = json!({"url": "https://example.com/NVIDIA.run"});
    let runfile = json!({"name": "nvidia", "version": version, "source": source, "sha256": "ab".repeat(32)});
    json!({"devices": [0], "libraries": "runfile", "runfile": runfile})
}

#[test]
fn the_first_plan_is_complete_and_keeps_the_laws() {
    let lab = with(both());
    insta::assert_json_snapshot!(first_plan(&lab, "gpu"));
    check_laws(&lab);
}

#[test]
fn other_ways_to_cards_and_libraries_keep_the_laws_too() {
    check_laws(&with(runfile(DRIVER)));
    let majors = json!({"nvidia": 195, "nvidia-uvm": 509});
    check_laws(&with(json!({"devices": [1], "passthrough": "raw-keys", "majors": majors})));
}

#[test]
fn what_is_broken_is_mended_and_nothing_else() {
    let lab = with(both());
    let seen = ["gpu:see-driver", "gpu:see-gpu-0", "gpu:see-gpu-1"];
    let again = |first: &[&'static str]| [first, &seen, &["gpu:describe-devices"]].concat();
    mends(&lab, &Harm::Edit("/etc/apt/preferences.d/phoenix-gpu"), &again(&["gpu:hold-version"]));
    let remove = Harm::Run("apt-get -y remove nvidia-utils-580");
    mends(&lab, &remove, &again(&["gpu:install-packages"]));
    let newer = Harm::Run("apt-get -y install libnvidia-compute-580=580.95.05-0ubuntu0.24.04.1");
    mends(&lab, &newer, &again(&["gpu:match-libnvidia-compute-580"]));
    mends(&lab, &Harm::Remove("/etc/cdi/nvidia.yaml"), &["gpu:describe-devices"]);
    let groups = Harm::Run("nvidia-ctk config --set nvidia-container-cli.no-cgroups=false --in-place");
    mends(&lab, &groups, &["gpu:configure-toolkit", "gpu:describe-devices"]);
    // Libraries of NVIDIA's own installer are brought again by it.
    let lab = with(runfile(DRIVER));
    let gone = Harm::Remove("/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.580.76.05");
    mends(&lab, &gone, &["gpu:install-libraries", "gpu:see-driver", "gpu:see-gpu-0"]);
}

#[test]
fn a_card_more_is_there_after_a_restart() {
    block_on(async {
        let lab = with(json!({"devices": [0]}));
        let world = World::seeded(lab.seed.clone());
        world.converge(&resolve(&lab).expect("a good lab")).await.expect("it comes up");
        let more = resolve(&with(json!({"devices": [0, 1]}))).expect("a good lab");
        assert_eq!(steps(&world, &more).await, ["guest:configure", "gpu:see-gpu-1", "guest:seal"]);
        let plan = world.plan(&more).await.expect("a plan");
        let says = "it runs without its cards, which come in at its next start: `phoenix restart lxc/100`";
        assert!(plan.steps.iter().any(|step| step.reason == says), "{}", laws::listing(&plan));
        // Proxmox VE lets no device into a container that runs, and nothing is restarted unasked.
        let run = world.converge(&more).await.expect("a plan");
        let failed: Vec<&str> = run.last.failed.iter().map(|failure| failure.step.verb()).collect();
        assert_eq!(failed, ["see-gpu-1"]);
        world.restart(&more, "lxc/100").await;
        world.converge(&more).await.expect("it comes up");
        assert_eq!(steps(&world, &more).await, Vec::<String>::new());
        assert_eq!(inside(&world, "nvidia-smi -L").await.lines().count(), 2);
    });
}

#[test]
fn a_container_sees_its_own_cards_alone() {
    block_on(async {
        let lab = with(json!({"devices": [1]})).with("lxc", container(101), vec![]);
        let world = World::seeded(lab.seed.clone());
        world.converge(&resolve(&lab).expect("a good lab")).await.expect("it comes up");
        let listed = inside(&world, "nvidia-smi -L").await;
        let uuid = &lab.seed.gpus.cards[&1].uuid;
        assert_eq!(listed, format!("GPU 0: NVIDIA GeForce RTX 5060 Ti (UUID: {uuid})\n"));
        let other = Site::Guest(GuestId::lxc(101));
        let nodes =
            [Probe::file(&other, "/dev/nvidiactl"), Probe::file(&other, "/proc/driver/nvidia/version")];
        let found: Vec<Evidence> = world.node.ask(&other, &nodes).await.into_iter().flatten().collect();
        assert_eq!(found[0], Evidence::Absent);
        assert!(matches!(found[1], Evidence::File(_)), "the kernel is the node's: {:?}", found[1]);
    });
}

/// Returns what a command says in the container.
async fn inside(world: &World, line: &str) -> String {
    let probe = Probe::command(&Site::Guest(GUEST), line.split(' '));
    match world.node.ask(&Site::Guest(GUEST), &[probe]).await.into_iter().flatten().next() {
        Some(Evidence::Output { stdout, .. }) => stdout,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_the_node_cannot_give_is_refused_before_anything_is_done() {
    let one = json!({"devices": [0]});
    let named = |version: &str| json!({"devices": [0], "driver_version": version});
    let raw =
        json!({"devices": [0], "passthrough": "raw-keys", "majors": {"nvidia": 195, "nvidia-uvm": 236}});
    for (lab, code, says) in [
        (with(json!({"devices": [0, 2]})), "gpu-missing", "the node `phoenix` has no GPU 2"),
        (
            lab(&[("gpu", one.clone())]),
            "gpu-driver",
            "`nvidia-smi` of the node `phoenix` ended with status 127",
        ),
        (with(named("570.86.15")), "gpu-driver", "the driver of the node `phoenix` is 580.76.05"),
        (with(runfile("580.95.05")), "gpu-skew", "the installer is of version 580.95.05"),
        (with(raw), "feature-config", "`nvidia-uvm` has the device number 509 on the node"),
    ] {
        let found = findings(&lab);
        assert!(found.iter().any(|(found, text)| found == code && text.contains(says)), "{says}: {found:?}");
    }
}

#[test]
fn a_node_that_lost_a_device_is_told_of() {
    block_on(async {
        let lab = with(json!({"devices": [0]}));
        let world = World::seeded(lab.seed.clone());
        let host = Site::Host(world.node.name().as_str().into());
        let gone = Action::RemoveFile { site: host.clone(), path: "/dev/nvidia-uvm".to_owned() };
        world.node.act(&host, &gone, None).await.expect("it is removed");
        let found = world.plan(&resolve(&lab).expect("a good lab")).await.expect_err("a refusal");
        let told: Vec<String> = found.iter().map(|one| format!("{}: {}", one.code, one.message)).collect();
        assert_eq!(told, ["gpu-device: the node `phoenix` has no `/dev/nvidia-uvm`"]);
    });
}

#[test]
fn libraries_that_nothing_here_can_match_are_refused() {
    block_on(async {
        // The layer below brought its own; then somebody has updated them.
        let lab = with(json!({"devices": [0]}));
        let world = World::seeded(lab.seed.clone());
        world.converge(&resolve(&lab).expect("a good lab")).await.expect("it comes up");
        let none = resolve(&with(json!({"devices": [0], "libraries": "none"}))).expect("a good lab");
        assert_eq!(steps(&world, &none).await, ["guest:seal"]);
        let newer = Harm::Run("apt-get -y install libnvidia-compute-580=580.95.05-0ubuntu0.24.04.1");
        newer.done(&world).await.expect("harm is done");
        let found = world.plan(&none).await.expect_err("a refusal");
        let told: Vec<String> = found.iter().map(|one| format!("{}: {}", one.code, one.message)).collect();
        let says = "gpu-skew: the guest's libraries do not match the driver 580.76.05: Failed to initialize NVML: \
                    Driver/library version mismatch NVML library version: 580.95";
        assert_eq!(told, [says]);
        // Packages of another branch never come in the driver's version.
        let other = json!({"devices": [0], "packages": ["libnvidia-compute-570", "nvidia-utils-570"]});
        let found = world.plan(&resolve(&with(other)).expect("a good lab")).await.expect_err("a refusal");
        let says = "the driver is 580.76.05, and the guest can have `nvidia-utils-570` only as 570.195.03";
        assert!(found.iter().any(|one| &*one.code == "gpu-skew" && one.message.contains(says)), "{found}");
    });
}

#[test]
fn no_card_is_given_away_more_than_once() {
    let engine = |percent: u32| json!({"gpus": [0], "gpu_memory_percent": percent});
    let two = |first: u32, second: u32| {
        let uses = |percent| vec![FeatureUse::new("ollama", engine(percent))];
        Lab::new().with_gpus(cards()).with("lxc", container(100), uses(first)).with(
            "lxc",
            container(101),
            uses(second),
        )
    };
    assert_eq!(refusals(&two(40, 60)), Vec::<String>::new());
    let says = "101 % of the memory of GPU 0 are taken: `lxc/100` 41 %, `lxc/101` 60 %";
    assert_eq!(findings(&two(41, 60)), [("gpu-memory".to_owned(), says.to_owned())]);
}

#[test]
fn a_machine_has_a_card_and_a_driver_of_its_own() {
    let config = json!({"pci": ["0000:02:00.0"], "driver_version": "580"});
    let lab = Lab::new().with_gpus(cards()).with("vm", machine(100), vec![FeatureUse::new("gpu", config)]);
    block_on(laws::check_all(Way::InProcess, &lab));
    block_on(async {
        let world = World::seeded(lab.seed.clone());
        let resolved = resolve(&lab).expect("a good lab");
        world.converge(&resolved).await.expect("it comes up");
        let site = Site::Guest(GuestId::vm(100));
        let probe =
            Probe::command(&site, ["nvidia-smi", "--query-gpu=uuid,driver_version", "--format=csv,noheader"]);
        let said = world.node.ask(&site, &[probe]).await.into_iter().flatten().next();
        let uuid = Gpu::new(1, "", 0).uuid;
        let expected =
            Evidence::Output { status: 0, stdout: format!("{uuid}, 580.95.05\n"), stderr: String::new() };
        assert_eq!(said, Some(expected));
    });
}
