//! A virtual machine from an image, a clone that is linked to it, what cloud-init made of it, and its agent.

#![allow(clippy::print_stdout, reason = "a test that is skipped says why")]

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use phoenix_sandbox::{AgentError, Card, Drive, MachineSpec, Machines, Seed, lacking_for_machines};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{live::live, machine::Machine};

const GIB: u64 = 1 << 30;

fn spec(vmid: u32) -> MachineSpec {
    let address = format!("10.86.0.{}", vmid - 100);
    let mac = format!("bc:24:11:00:00:{:02x}", vmid - 100);
    let files = BTreeMap::from([
        ("meta-data", format!("instance-id: machine-{vmid}\n")),
        ("user-data", format!("#cloud-config\nhostname: machine{vmid}\nmanage_etc_hosts: true\n")),
        (
            "network-config",
            format!(
                "version: 1\nconfig:\n    - type: physical\n      name: eth0\n      mac_address: '{mac}'\n      subnets:\n      - type: static\n        address: '{address}'\n        netmask: '255.255.255.0'\n"
            ),
        ),
    ]);
    MachineSpec {
        vmid,
        name: format!("machine{vmid}"),
        memory: 512 << 20,
        cores: 1,
        drives: vec![Drive { slot: "scsi0".to_owned(), id: format!("local_{vmid}-disk-0"), size: 4 * GIB }],
        cards: vec![Card { index: 0, mac: Some(mac), bridge: Some("vmbr0".to_owned()) }],
        seed: Some(Seed { files }),
    }
}

/// Asks until there is an answer: an emulated processor may take minutes to begin.
async fn ask(machines: &Machines, vmid: u32, command: &str, arguments: Value) -> Value {
    let until = Instant::now() + Duration::from_secs(400);
    loop {
        match machines.ask_agent(vmid, command, arguments.clone()).await {
            Ok(value) => return value,
            Err(AgentError::Silent) if Instant::now() < until => sleep(Duration::from_millis(500)).await,
            Err(error) => panic!("{command}: {error:?}"),
        }
    }
}

/// Runs a script in a machine and returns what it says.
async fn says(machines: &Machines, vmid: u32, script: &str) -> String {
    let words = json!({ "path": "/bin/sh", "arg": ["-c", script], "capture-output": true });
    let pid = ask(machines, vmid, "exec", words).await["pid"].clone();
    for _ in 0..600 {
        let status = ask(machines, vmid, "exec-status", json!({ "pid": pid })).await;
        if status["exited"] == true {
            let text = status["out-data"].as_str().unwrap_or_default();
            return String::from_utf8(STANDARD.decode(text).expect("is base64")).expect("is text");
        }
        sleep(Duration::from_millis(200)).await;
    }
    panic!("`{script}` does not end");
}

#[tokio::test]
async fn a_machine_is_cloned_configured_by_cloud_init_and_reached_by_its_agent() {
    if let Some(error) = lacking_for_machines().first() {
        println!("skipped: {error}");
        return;
    }
    let Some((_alone, live)) = live().await else { return };
    let before = Machine::look(live.dir.path());
    let machines = Machines::new(live.containers.clone());
    let made = machines.create_disk("local_100-disk-0", 3 * GIB, Some("debian-12"), |_| ()).await;
    if let Err(error) = made {
        println!("skipped: {error}");
        return;
    }
    let spec = spec(101);
    let drive = &spec.drives[0];
    machines.link_disk("local_100-disk-0", &drive.id).await.expect("is linked");
    machines.resize_disk(101, drive).await.expect("grows");
    machines.start(&spec).await.expect("starts");
    assert_eq!(machines.running().expect("is known").into_iter().collect::<Vec<_>>(), [101]);
    ask(&machines, 101, "ping", json!({})).await;
    let script =
        "cloud-init status --wait >/dev/null; hostname; ip -4 -o addr show eth0 | grep -o 'inet [^ ]*'
        [ $(df -k --output=size / | tail -n 1) -gt 3500000 ] && echo grown";
    assert_eq!(says(&machines, 101, script).await, "machine101\ninet 10.86.0.1/24\ngrown\n");
    let refused = machines.remove_disks(&["local_100-disk-0".to_owned()]).await.expect_err("is in use");
    assert!(refused.to_string().contains("stands on"), "{refused}");
    machines.stop(101, Some(120)).await.expect("shuts down");
    assert!(machines.running().expect("is known").is_empty());
    machines.destroy(101, std::slice::from_ref(&drive.id)).await.expect("is destroyed");
    machines.remove_disks(&["local_100-disk-0".to_owned()]).await.expect("nobody stands on it");
    live.sandbox().stop().await.expect("ends");
    assert_eq!(Machine::look(live.dir.path()), before);
}
