//! The feature from outside: whole plans as goldens, no plan where the facts agree, one step for each thing broken, and
//! what is refused.

#[path = "../../../tests/settled.rs"]
mod settled;

use std::collections::BTreeMap;

use phoenix_core::{Claim, Evidence, Facts, GuestId, Probe, Site, evidence::GuestRow};
use phoenix_gpu::feature;
use serde_json::{Value, json};
use settled::{failed, file, refused, said, settled, verbs};

const CARDS: &str = "0, NVIDIA RTX 5060 Ti, GPU-5f1c0f4a-0000-4a7e-8a11-000000000000, 16311, 580.76.05\n\
                     1, NVIDIA RTX 5060 Ti, GPU-5f1c0f4a-1111-4a7e-8a11-111111111111, 16311, 580.76.05\n";
const KERNEL: &str = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.76.05  Release Build  (dvs-builder@U22)\n\
                      GCC version:  gcc version 14.2.0 (Debian 14.2.0-19)\n";
const DEVICES: &str =
    "Character devices:\n  1 mem\n195 nvidia\n195 nvidiactl\n509 nvidia-uvm\n\nBlock devices:\n  7 loop\n";
const PACKAGES: [&str; 2] = ["libnvidia-compute-580", "nvidia-utils-580"];

fn site() -> Site {
    Site::Guest(GuestId::lxc(950))
}

fn host() -> Site {
    Site::Host("pve".into())
}

fn query() -> Probe {
    let query = "--query-gpu=index,name,uuid,memory.total,driver_version";
    Probe::command(&host(), ["nvidia-smi", query, "--format=csv,noheader,nounits"])
}

/// What a node with two cards says, and a guest on it that has nothing yet.
fn node() -> Facts {
    let guest = GuestId::lxc(950);
    let row = GuestRow {
        guest,
        node: "pve".to_owned(),
        name: None,
        running: true,
        template: false,
        lock: None,
        tags: std::collections::BTreeSet::new(),
        task: None,
    };
    let mut facts = Facts::new();
    facts.insert(Probe::Guests, Evidence::Guests { rows: BTreeMap::from([(guest.vmid, row)]) });
    facts.insert(query(), said(CARDS));
    facts.insert(Probe::file(&host(), "/proc/driver/nvidia/version"), file(KERNEL, 0o444, "root"));
    facts.insert(Probe::file(&host(), "/proc/devices"), file(DEVICES, 0o444, "root"));
    for node in ["nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "nvidia-uvm-tools"] {
        facts.insert(Probe::file(&host(), format!("/dev/{node}")), file("", 0o666, "root"));
    }
    facts
}

fn at_version(facts: &mut Facts, version: &str) {
    for name in PACKAGES {
        facts.insert(Probe::package(&site(), name), Evidence::Package { version: version.to_owned() });
    }
}

/// What is there when everything is.
fn healthy(config: &Value) -> Facts {
    let mut facts = node();
    at_version(&mut facts, "580.76.05-0ubuntu0.24.04.1");
    settled(&*feature(), &site(), config, &facts)
}

fn both() -> Value {
    json!({"devices": [0, 1], "docker": true})
}

fn finds(config: &Value, facts: &Facts) -> String {
    refused(&*feature(), &site(), config, facts).join("\n")
}

#[test]
fn the_first_plan_on_a_node_with_two_cards_is_complete() {
    insta::assert_json_snapshot!(feature().plan(&site(), &both(), &node()).expect("a plan"));
}

#[test]
fn where_nobody_can_be_asked_the_named_version_is_installed() {
    let config = json!({"devices": [0], "driver_version": "580.76.05"});
    assert_eq!(
        verbs(&*feature(), &site(), &config, &Facts::new()),
        ["hold-version", "install-packages", "see-driver"]
    );
    // Without one, the container itself will say it.
    let open = json!({"devices": [0]});
    assert_eq!(verbs(&*feature(), &site(), &open, &Facts::new()), ["find-driver"]);
    let seen = Facts::from_iter([(
        Probe::file(&site(), "/proc/driver/nvidia/version"),
        file(KERNEL, 0o444, "root"),
    )]);
    assert_eq!(verbs(&*feature(), &site(), &open, &seen), ["hold-version", "install-packages", "see-driver"]);
}

#[test]
fn nothing_is_planned_where_the_facts_agree() {
    for config in [both(), json!({"devices": [1], "libraries": "none"})] {
        let facts = healthy(&config);
        assert_eq!(verbs(&*feature(), &site(), &config, &facts), Vec::<String>::new());
    }
}

#[test]
fn a_container_gets_the_devices_that_every_user_of_it_can_open() {
    let claims = feature().claims(&json!({"devices": [1], "capabilities": [2]})).expect("claims");
    let paths: Vec<String> = claims
        .into_iter()
        .map(|claim| match claim {
            Claim::Device { path, mode: Some(0o666) } => path,
            other => panic!("{other:?}"),
        })
        .collect();
    let wanted = ["nvidia1", "nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-caps/nvidia-cap2"]
        .map(|name| format!("/dev/{name}"));
    assert_eq!(paths, wanted);
}

#[test]
fn raw_keys_come_with_the_numbers_that_the_node_has() {
    let config =
        json!({"devices": [0], "passthrough": "raw-keys", "majors": {"nvidia": 195, "nvidia-uvm": 509}});
    insta::assert_json_snapshot!(feature().claims(&config).expect("claims"));
    assert_eq!(finds(&config, &node()), "");
    let other =
        json!({"devices": [0], "passthrough": "raw-keys", "majors": {"nvidia": 195, "nvidia-uvm": 236}});
    let says = "`nvidia-uvm` has the device number 509 on the node, and 236 is written";
    assert!(finds(&other, &node()).contains(says), "{}", finds(&other, &node()));
    let none = json!({"devices": [0], "passthrough": "raw-keys"});
    assert!(finds(&none, &Facts::new()).contains("raw keys need the device number of `nvidia`"));
}

#[test]
fn libraries_of_another_version_are_brought_to_the_drivers_and_nothing_else_is_done() {
    let config = both();
    let mut facts = healthy(&config);
    at_version(&mut facts, "580.95.05-0ubuntu0.24.04.2");
    let madison = |name: &str| Probe::command(&site(), ["apt-cache", "madison", name]);
    for name in PACKAGES {
        facts.insert(
            madison(name),
            said(&format!("{name} | 580.76.05-0ubuntu0.24.04.1 | http://archive noble\n")),
        );
    }
    let mended = [
        "match-libnvidia-compute-580",
        "match-nvidia-utils-580",
        "see-driver",
        "see-gpu-0",
        "see-gpu-1",
        "configure-toolkit",
        "describe-devices",
    ];
    let planned = verbs(&*feature(), &site(), &config, &facts);
    let wanted: Vec<&str> = mended.into_iter().filter(|verb| *verb != "configure-toolkit").collect();
    assert_eq!(planned, wanted);
    // The same where the only version to be had is another one: then nothing would help.
    for name in PACKAGES {
        facts.insert(
            madison(name),
            said(&format!("{name} | 580.95.05-0ubuntu0.24.04.2 | http://archive noble\n")),
        );
    }
    let found = finds(&config, &facts);
    assert!(found.contains("gpu-skew: the driver is 580.76.05, and the guest can have `nvidia-utils-580` only as 580.95.05-0ubuntu0.24.04.2"), "{found}");
}

#[test]
fn what_is_broken_is_mended_and_nothing_else() {
    let config = both();
    let pin = Probe::file(&site(), "/etc/apt/preferences.d/phoenix-gpu");
    let broken: [(Probe, Evidence, &[&str]); 4] = [
        (pin, file("", 0o644, "root"), &["hold-version"]),
        (Probe::package(&site(), PACKAGES[1]), Evidence::Absent, &["install-packages"]),
        (Probe::command(&site(), ["nvidia-smi", "-L"]), failed(9, "NVIDIA-SMI has failed"), &["see-driver"]),
        (
            Probe::command(&site(), ["nvidia-ctk", "config"]),
            said("no-cgroups = false\n"),
            &["configure-toolkit"],
        ),
    ];
    for (probe, evidence, first) in broken {
        let mut facts = healthy(&config);
        facts.insert(probe, evidence);
        let planned = verbs(&*feature(), &site(), &config, &facts);
        assert_eq!(planned[..first.len()], *first, "{planned:?}");
        let is_proof = |verb: &str| verb.starts_with("see-") || verb == "describe-devices";
        assert!(planned[first.len()..].iter().all(|verb| is_proof(verb)), "{planned:?}");
    }
}

#[test]
fn what_the_node_cannot_give_is_refused_before_anything_is_done() {
    let one = json!({"devices": [0]});
    let mut facts = node();
    facts.insert(Probe::file(&host(), "/dev/nvidia-uvm"), Evidence::Absent);
    assert_eq!(finds(&one, &facts), "gpu-device: the node `pve` has no `/dev/nvidia-uvm`");
    assert_eq!(finds(&json!({"devices": [0, 2]}), &node()), "gpu-missing: the node `pve` has no GPU 2");
    let other = json!({"devices": [0], "driver_version": "570.86.15"});
    assert_eq!(
        finds(&other, &node()),
        "gpu-driver: the driver of the node `pve` is 580.76.05, and 570.86.15 is named"
    );
    let mut facts = node();
    facts.insert(query(), failed(127, "nvidia-smi: not found"));
    let says = "gpu-driver: `nvidia-smi` of the node `pve` ended with status 127: nvidia-smi: not found";
    assert_eq!(finds(&one, &facts), says);
    let mut facts = node();
    let mismatch = "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 580.95";
    facts.insert(Probe::command(&site(), ["nvidia-smi", "-L"]), failed(18, mismatch));
    let found = finds(&json!({"devices": [0], "libraries": "none"}), &facts);
    assert!(
        found.starts_with("gpu-skew: the guest's libraries do not match the driver 580.76.05"),
        "{found}"
    );
}

#[test]
fn the_installer_is_taken_only_in_the_drivers_version() {
    let with = |version: &str| {
        let source = json!({"file": "/srv/NVIDIA.run"});
        let runfile = json!({"name": "nvidia-libraries", "version": version, "source": source, "sha256": "ab".repeat(32)});
        json!({"devices": [0], "libraries": "runfile", "runfile": runfile})
    };
    insta::assert_json_snapshot!(feature().plan(&site(), &with("580.76.05"), &node()).expect("a plan"));
    let facts = settled(&*feature(), &site(), &with("580.76.05"), &node());
    assert_eq!(verbs(&*feature(), &site(), &with("580.76.05"), &facts), Vec::<String>::new());
    let found = finds(&with("580.95.05"), &node());
    assert_eq!(found, "gpu-skew: the installer is of version 580.95.05, and the driver is 580.76.05");
    let found = finds(&json!({"devices": [0], "libraries": "runfile"}), &node());
    assert!(found.contains("needs NVIDIA's installer"), "{found}");
}

#[test]
fn a_machine_has_the_card_and_a_driver_of_its_own() {
    let machine = Site::Guest(GuestId::vm(951));
    let config = json!({"pci": ["nvidia-0"], "driver_version": "580"});
    assert_eq!(feature().claims(&config).expect("claims"), [Claim::Pci { device: "nvidia-0".to_owned() }]);
    let probes = feature().probes(&machine, &config, &Facts::new()).expect("probes");
    assert!(probes.iter().all(|probe| probe.site() == Some(&machine)), "the node is not asked: {probes:?}");
    assert_eq!(
        verbs(&*feature(), &machine, &config, &Facts::new()),
        ["install-packages", "load-driver", "see-driver"]
    );
    let facts = settled(&*feature(), &machine, &config, &Facts::new());
    assert_eq!(verbs(&*feature(), &machine, &config, &facts), Vec::<String>::new());
    for (wrong, says) in [
        (json!({"pci": ["nvidia-0"]}), "a virtual machine has a driver of its own, and none is named"),
        (json!({"devices": [0], "driver_version": "580"}), "cannot share the node's driver"),
        (json!({"driver_version": "580"}), "no card is named"),
    ] {
        let found = refused(&*feature(), &machine, &wrong, &Facts::new()).join("\n");
        assert!(found.contains(says), "{found}");
    }
}
