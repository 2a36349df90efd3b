//! Graphics cards of the embedded node: declared by the configuration, or given on the command line.

use serde_json::{Value, json};
use snapbox::{assert_data_eq, str};

use crate::lab::{HYPERVISOR, LXC, Lab};

/// Returns the lab with a language model in `web`.
fn lab() -> Lab {
    let lab = Lab::new();
    lab.set(LXC, "/lxc_configs/102/gpu_assignment", json!("1"));
    let ollama = json!({ "name": "ollama", "models": ["llama3.2:3b"], "gpu_memory_percent": 50 });
    lab.set(LXC, "/lxc_configs/102/features", json!(["gpu", ollama]));
    lab
}

fn driver(version: &str) -> Value {
    json!({ "install": true, "version": version })
}

#[test]
fn a_declared_driver_is_enough_to_try_guests_with_cards() {
    let lab = lab();
    lab.set(HYPERVISOR, "/nvidia_driver", driver("580.76.05"));
    lab.does(&["letsgo"]);
    let plan = lab.command(&["plan", "--detailed-exitcode"]).output().expect("it runs");
    assert_eq!(plan.status.code(), Some(0), "{}", String::from_utf8_lossy(&plan.stdout));
    let listed = lab.command(&["node", "api", "get", "/nodes/pve1/hardware/pci"]).output().expect("it runs");
    let rows: Value = serde_json::from_slice(&listed.stdout).expect("rows");
    let is_card = |row: &&Value| row["vendor"] == json!("0x10de");
    assert_eq!(rows.as_array().expect("rows").iter().filter(is_card).count(), 2, "cards 0 and 1");
}

#[test]
fn a_node_whose_driver_is_another_one_is_followed() {
    let lab = lab();
    lab.set(HYPERVISOR, "/nvidia_driver", driver("580.76.05"));
    lab.does(&["letsgo"]);
    lab.set(HYPERVISOR, "/nvidia_driver", driver("580.95.05"));
    let plan = lab.command(&["--json", "plan"]).output().expect("it runs");
    let text = String::from_utf8_lossy(&plan.stdout);
    for verb in ["hold-version", "match-libnvidia-compute-580", "match-nvidia-utils-580", "see-driver"] {
        assert!(text.contains(&format!("lxc/102:gpu:{verb}")), "{verb}: {text}");
    }
    assert!(!text.contains(":ollama:"), "{text}");
    lab.does(&["letsgo"]);
    let plan = lab.command(&["plan", "--detailed-exitcode"]).output().expect("it runs");
    assert_eq!(plan.status.code(), Some(0), "{}", String::from_utf8_lossy(&plan.stdout));
}

#[test]
fn without_a_word_of_cards_there_are_none() {
    assert_data_eq!(
        lab().says(&["plan"]),
        str![[r#"
exit: 1
--- stdout
--- stderr
error[gpu-driver]: `nvidia-smi` of the node `pve1` ended with status 127: nvidia-smi: command not found
  --> phoenix_lxc_configs.json:15:5
   |
15 |     "102": {
   |     ^^^^^
   |
   = help: the driver must be installed and loaded there before a container can have a card

1 error

"#]]
    );
}

#[test]
fn cards_are_given_on_the_command_line() {
    let lab = lab();
    assert_data_eq!(
        lab.says(&["--node-gpus", "NVIDIA GeForce RTX 4090:24564", "plan"]),
        str![[r#"
exit: 1
--- stdout
--- stderr
error[gpu-missing]: the node `pve1` has no GPU 1
  --> phoenix_lxc_configs.json:15:5
   |
15 |     "102": {
   |     ^^^^^
   |
   = help: it has: 0 (NVIDIA GeForce RTX 4090)

1 error

"#]]
    );
    let two = "NVIDIA GeForce RTX 4090:24564,NVIDIA L4:23034";
    lab.does(&["--node-gpus", two, "letsgo"]);
    lab.does(&["letsgo"]);
    assert_data_eq!(
        lab.says(&["--node-gpus", "NVIDIA L4", "plan"]),
        str![[r#"
exit: 1
--- stdout
--- stderr
error: invalid value 'NVIDIA L4' for '--node-gpus <NAME:MIB>': a card is a name and its memory in MiB, such as `NVIDIA GeForce RTX 4090:24564`

For more information, try '--help'.

"#]]
    );
}
