//! `phoenix setup` where something needs a reboot: what it does without leave, what it tells, and how it goes on with it.

use serde_json::{Value, json};
use snapbox::{assert_data_eq, str};

use crate::lab::{HYPERVISOR, LXC, Lab, pretty, text};

const VM: &str = "phoenix_vm_configs.json";
const REBOOT: &str = "host/pve1/setup:host:reboot";

/// Returns a lab whose host has NVIDIA's driver in an older version than is wanted since, a container that uses its first card
/// and starts with the host, one that does not, and a virtual machine that shall have the second card.
fn lab() -> Lab {
    let lab = Lab::new();
    lab.set(LXC, "/lxc_configs/101/gpu_assignment", json!("0"));
    lab.set(LXC, "/lxc_configs/101/features", json!(["gpu"]));
    lab.set(LXC, "/lxc_configs/101/start_at_boot", json!(true));
    let machine = json!({
        "vmid": 8001, "name": "player", "cores": 2, "memory_mb": 2048, "storage_pool": "tank", "disk_size_gb": 16,
        "start_at_boot": true, "pci": ["0000:02:00"], "template_image": "noble-server-cloudimg-amd64.img",
        "networks": [{ "ip": "10.0.0.201/24" }],
        "cloud_init": { "user": "phoenix", "ssh_keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample a@b"] },
    });
    lab.write(VM, &pretty(&json!({ "vms": [machine] })));
    driver(&lab, "570.86.15");
    lab.does(&["converge", "101", "102"]);
    driver(&lab, "580.76.05");
    lab
}

fn driver(lab: &Lab, version: &str) {
    let driver = json!({
        "install": true, "version": version, "runfile_sha256": "ab".repeat(32),
        "runfile_url": format!("https://example.com/NVIDIA-Linux-x86_64-{version}.run"),
    });
    lab.set(HYPERVISOR, "/nvidia_driver", driver);
}

/// Runs the program, and returns the status it ended with and what it said on standard output.
fn said(lab: &Lab, args: &[&str]) -> String {
    let output = lab.output(args);
    let transcript = lab.transcript(&output);
    transcript.split("--- stderr").next().expect("there is always one").to_owned()
}

/// Returns the guests with their power.
fn power(lab: &Lab) -> Vec<String> {
    // While the host has another driver on its disk than it runs, it also complains.
    let rows = text(&lab.output(&["--json", "status"]).stdout);
    let rows = rows.lines().map(|line| serde_json::from_str::<Value>(line).expect("a record"));
    rows.map(|row| format!("{} {}", row["id"].as_str().unwrap(), row["power"].as_str().unwrap_or("-")))
        .collect()
}

fn documents(text: &str) -> Vec<Value> {
    serde_json::Deserializer::from_str(text).into_iter().map(|found| found.expect("JSON")).collect()
}

#[test]
fn what_needs_a_reboot_waits_for_leave_and_then_all_is_done() {
    let lab = lab();
    let first = said(&lab, &["setup"]);
    let (done, waits) = first.split_once("a reboot is needed").expect("it says so");
    assert!(
        done.starts_with("exit: 0\n--- stdout\ndone: ") && done.ends_with(" in 1 round, [TIME] s\n"),
        "{done}"
    );
    assert!(waits.contains("why: the kernel runs without `iommu=pt`"), "{waits}");
    assert_data_eq!(
        said(&lab, &["setup"]),
        str![[r#"
exit: 0
--- stdout
nothing to do
a reboot is needed: phoenix setup --reboot (2 steps behind it)
  why: the kernel runs without `iommu=pt`, `0000:02:00.0` is driven by `nvidia`, `0000:02:00.1` is driven by `snd_hda_intel`; the kernel runs the driver 570.86.15, and 580.76.05 is on the disk

"#]]
    );
    let waiting = said(&lab, &["setup", "--dry-run"]);
    assert!(
        waiting.contains("nothing to do\n\nWaits for a reboot:\n> host/pve1/setup:host:reboot  ("),
        "{waiting}"
    );
    let complaint = lab.transcript(&lab.output(&["status"]));
    let hint =
        "its disk has another version than its kernel runs, until it is rebooted: `phoenix setup --reboot`";
    assert!(complaint.contains("Driver/library version mismatch") && complaint.contains(hint), "{complaint}");
    // Guests are none of its business until the host goes down.
    assert_eq!(power(&lab), ["lxc/900 template", "lxc/101 running", "lxc/102 running", "vm/8001 -"]);

    assert_data_eq!(
        said(&lab, &["setup", "--reboot"]),
        str![[r#"
exit: 0
--- stdout
done: 3 steps in 1 round, [TIME] s

"#]]
    );
    for args in [&["setup"][..], &["setup", "--reboot"]] {
        assert_eq!(said(&lab, args), "exit: 0\n--- stdout\nnothing to do\n", "{args:?}");
    }
    // Those that start with the host are there again, the others come with the next run for guests.
    assert_eq!(power(&lab), ["lxc/900 template", "lxc/101 running", "lxc/102 stopped", "vm/8001 -"]);
    lab.does(&["letsgo"]);
    assert_eq!(power(&lab), ["lxc/900 template", "lxc/101 running", "lxc/102 running", "vm/8001 running"]);
    assert_eq!(lab.output(&["plan", "--detailed-exitcode"]).status.code(), Some(0));
    assert_eq!(said(&lab, &["setup"]), "exit: 0\n--- stdout\nnothing to do\n");
}

#[test]
fn machines_read_one_document_of_what_would_be_done_and_records_of_what_is() {
    let lab = lab();
    let forecast = |lab: &Lab| -> Value {
        let output = lab.output(&["--json", "setup", "--dry-run"]);
        assert_eq!(output.status.code(), Some(0), "{}", lab.transcript(&output));
        let found = documents(&text(&output.stdout));
        let [one] = &found[..] else { panic!("{found:#?}") };
        one.clone()
    };
    let plan = forecast(&lab);
    let steps = plan["steps"].as_array().expect("steps").len();
    assert!(steps > 10 && plan["summary"]["steps"] == steps, "{plan:#}");
    assert_eq!(plan["held"][0]["id"], REBOOT);
    assert_eq!(forecast(&lab)["steps"], plan["steps"], "nothing was done");

    let records = documents(&lab.does(&["--json", "setup"]));
    let last = records.last().expect("a record");
    assert_eq!((&last["event"], &last["done"]), (&json!("settled"), &json!(steps)));
    assert_eq!(last["held"][0], REBOOT);
    let waiting = forecast(&lab);
    assert_eq!(waiting["steps"], json!([]));
    assert_eq!(waiting["held"].as_array().map(Vec::len), last["held"].as_array().map(Vec::len));

    let records = documents(&lab.does(&["--json", "setup", "--reboot"]));
    let last = records.last().expect("a record");
    assert_eq!((&last["event"], last.get("held")), (&json!("settled"), None));
    let end = forecast(&lab);
    assert_eq!((&end["steps"], end.get("held"), &end["summary"]["steps"]), (&json!([]), None, &json!(0)));
}
