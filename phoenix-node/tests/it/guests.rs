//! What is done to guests beyond their making and their life cycle: agents, cloud-init, volumes, pauses, nodes.

use phoenix_node::Node;
use serde_json::json;

use crate::kit::*;

async fn machine(node: &Node, vmid: &str, agent: &str) {
    let url = "https://cloud-images.ubuntu.com/noble/current/noble-server-cloudimg-amd64.img";
    let wanted = [("content", "import"), ("filename", "noble.qcow2"), ("url", url)];
    ok(node, post(node, "/n/storage/local/download-url", &wanted).await).await;
    let options = [
        ("vmid", vmid),
        ("name", "vm1.example.com"),
        ("agent", agent),
        ("scsi0", "local-zfs:0,import-from=local:import/noble.qcow2"),
        ("ide2", "local-zfs:cloudinit"),
        ("net0", "virtio=02:00:00:00:00:0A,bridge=vmbr0"),
        ("ipconfig0", "ip=10.0.0.9/24,gw=10.0.0.1"),
        ("ciuser", "ops"),
        ("cipassword", "wonderful"),
    ];
    ok(node, post(node, "/n/qemu", &options).await).await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_runs_programs_and_keeps_files() {
    let node = node();
    machine(&node, "300", "enabled=1").await;
    let said = post(&node, "/n/qemu/300/agent/ping", &[]).await;
    assert_eq!(said.reason, "VM 300 is not running");
    ok(&node, post(&node, "/n/qemu/300/status/start", &[]).await).await;
    assert_eq!(post(&node, "/n/qemu/300/agent/ping", &[]).await.data(), &json!({ "result": {} }));
    let file = [("file", "/etc/motd"), ("content", "welcome\n")];
    post(&node, "/n/qemu/300/agent/file-write", &file).await.data();
    let said =
        call(&node, phoenix_pve::transport::Method::Get, "/n/qemu/300/agent/file-read", &file[..1]).await;
    assert_eq!(said.data()["content"], "welcome\n");
    let command = [("command", "cat"), ("command", "/etc/motd")];
    let said = post(&node, "/n/qemu/300/agent/exec", &command).await;
    let pid = said.data()["pid"].to_string();
    let path = "/n/qemu/300/agent/exec-status";
    let said = call(&node, phoenix_pve::transport::Method::Get, path, &[("pid", &pid)]).await;
    assert_eq!(said.data(), &json!({ "exited": 1, "exitcode": 0, "out-data": "welcome\n" }));
    let said = get(&node, "/n/qemu/300/agent/network-get-interfaces").await;
    assert_eq!(said.data()["result"][1]["ip-addresses"][0]["ip-address"], "10.0.0.9");
}

#[tokio::test(start_paused = true)]
async fn a_machine_without_a_system_has_no_agent_and_does_not_shut_down() {
    let node = node();
    let options = [("vmid", "300"), ("agent", "1"), ("scsi0", "local-zfs:1")];
    ok(&node, post(&node, "/n/qemu", &options).await).await;
    ok(&node, post(&node, "/n/qemu/300/status/start", &[]).await).await;
    let said = post(&node, "/n/qemu/300/agent/ping", &[]).await;
    assert_eq!(said.reason, "QEMU guest agent is not running");
    let said = post(&node, "/n/qemu/300/status/shutdown", &[("timeout", "3")]).await;
    assert_eq!(done(&node, said).await, "VM quit/powerdown failed - got timeout");
    let forced = [("timeout", "3"), ("forceStop", "1")];
    ok(&node, post(&node, "/n/qemu/300/status/shutdown", &forced).await).await;
    let said = get(&node, "/n/qemu/300/status/current").await;
    assert_eq!(said.data()["status"], "stopped");
}

#[tokio::test(start_paused = true)]
async fn what_cloud_init_is_told_can_be_read() {
    let node = node();
    machine(&node, "300", "0").await;
    let path = "/n/qemu/300/cloudinit/dump";
    let text = call(&node, phoenix_pve::transport::Method::Get, path, &[("type", "user")]).await;
    let text = text.data().as_str().unwrap().to_owned();
    assert!(text.starts_with("#cloud-config\nhostname: vm1\n"), "{text}");
    assert!(text.contains("fqdn: vm1.example.com\nuser: ops\npassword: wonderful\n"), "{text}");
    let text = call(&node, phoenix_pve::transport::Method::Get, path, &[("type", "network")]).await;
    let text = text.data().as_str().unwrap().to_owned();
    assert!(text.contains("mac_address: '02:00:00:00:00:0a'"), "{text}");
    assert!(text.contains("address: '10.0.0.9'\n        netmask: '255.255.255.0'"), "{text}");
    let config = get(&node, "/n/qemu/300/config").await;
    assert_eq!(config.data()["cipassword"], "**********");
}

#[tokio::test(start_paused = true)]
async fn a_machine_is_halted_where_it_stands_and_goes_on() {
    let node = node();
    machine(&node, "300", "1").await;
    let said = post(&node, "/n/qemu/300/status/suspend", &[]).await;
    assert_eq!(said.reason, "VM 300 not running");
    ok(&node, post(&node, "/n/qemu/300/status/start", &[]).await).await;
    ok(&node, post(&node, "/n/qemu/300/status/suspend", &[]).await).await;
    let said = get(&node, "/n/qemu/300/status/current").await;
    assert_eq!((&said.data()["status"], &said.data()["qmpstatus"]), (&json!("running"), &json!("paused")));
    ok(&node, post(&node, "/n/qemu/300/status/resume", &[]).await).await;
    ok(&node, post(&node, "/n/qemu/300/status/suspend", &[("todisk", "1")]).await).await;
    assert_eq!(get(&node, "/n/qemu/300/config").await.data()["lock"], "suspended");
    ok(&node, post(&node, "/n/qemu/300/status/start", &[]).await).await;
    assert!(get(&node, "/n/qemu/300/config").await.data().get("lock").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_volume_moves_to_another_storage_and_to_another_guest() {
    let node = node();
    container(&node, "100").await;
    let wanted = [("volume", "rootfs"), ("storage", "local"), ("delete", "1")];
    ok(&node, post(&node, "/n/lxc/100/move_volume", &wanted).await).await;
    let config = get(&node, "/n/lxc/100/config").await;
    assert_eq!(config.data()["rootfs"], "local:100/vm-100-disk-0.raw,size=8G");
    assert!(config.data().get("lock").is_none() && config.data().get("unused0").is_none());
    container(&node, "101").await;
    put(&node, "/n/lxc/100/config", &[("mp0", "local:1,mp=/data")]).await.data();
    let wanted = [("volume", "mp0"), ("target-vmid", "101"), ("target-volume", "mp3")];
    ok(&node, post(&node, "/n/lxc/100/move_volume", &wanted).await).await;
    let config = get(&node, "/n/lxc/101/config").await;
    assert_eq!(config.data()["mp3"], "local:101/vm-101-disk-0.raw,mp=/data,size=1G");
    assert!(get(&node, "/n/lxc/100/config").await.data().get("mp0").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_guest_moves_to_another_node_of_the_cluster() {
    let node = node();
    node.grow_cluster(3).unwrap();
    container(&node, "100").await;
    let nodes = get(&node, "/nodes").await;
    assert_eq!(nodes.data().as_array().unwrap().len(), 3);
    let said = post(&node, "/n/lxc/100/migrate", &[("target", "phoenix")]).await;
    assert_eq!(said.json["errors"]["target"], "target is local node.");
    let said = post(&node, "/n/lxc/100/migrate", &[("target", "phoenix9")]).await;
    assert_eq!(said.reason, "no such cluster node 'phoenix9'");
    ok(&node, post(&node, "/n/lxc/100/status/start", &[]).await).await;
    let said = post(&node, "/n/lxc/100/migrate", &[("target", "phoenix2")]).await;
    assert_eq!(said.reason, "can't migrate running container without --online or --restart");
    let wanted = [("target", "phoenix2"), ("restart", "1")];
    ok(&node, post(&node, "/n/lxc/100/migrate", &wanted).await).await;
    let said = get(&node, "/n/lxc/100/config").await;
    assert_eq!(said.reason, "Configuration file 'nodes/phoenix/lxc/100.conf' does not exist");
    let said = get(&node, "/nodes/phoenix2/lxc/100/status/current").await;
    assert_eq!(said.data()["status"], "running");
    let rows = get(&node, "/cluster/resources").await;
    let row = rows.data().as_array().unwrap().iter().find(|row| row["vmid"] == 100).unwrap().clone();
    assert_eq!(row["node"], "phoenix2");
    let said = post(&node, "/n/lxc", &[("vmid", "100"), ("ostemplate", UBUNTU)]).await;
    assert_eq!(said.reason, "CT 100 already exists on node 'phoenix2'");
}

#[tokio::test(start_paused = true)]
async fn a_running_machine_moves_with_its_disks_only_if_that_is_wished() {
    let node = node();
    node.grow_cluster(2).unwrap();
    machine(&node, "300", "1").await;
    ok(&node, post(&node, "/n/qemu/300/status/start", &[]).await).await;
    let said = get(&node, "/n/qemu/300/migrate").await;
    assert_eq!(said.data()["allowed_nodes"], json!(["phoenix2"]));
    assert_eq!(said.data()["local_disks"].as_array().unwrap().len(), 2);
    let said = post(&node, "/n/qemu/300/migrate", &[("target", "phoenix2"), ("online", "1")]).await;
    assert_eq!(said.reason, "can't live migrate attached local disks without with-local-disks option");
    let wanted = [("target", "phoenix2"), ("online", "1"), ("with-local-disks", "1")];
    ok(&node, post(&node, "/n/qemu/300/migrate", &wanted).await).await;
    let said = get(&node, "/nodes/phoenix2/qemu/300/status/current").await;
    assert_eq!(said.data()["status"], "running");
    assert!(get(&node, "/nodes/phoenix2/qemu/300/config").await.data().get("lock").is_none());
}

#[tokio::test(start_paused = true)]
async fn what_a_running_container_cannot_take_over_waits_for_its_start() {
    let node = node();
    container(&node, "100").await;
    ok(&node, post(&node, "/n/lxc/100/status/start", &[]).await).await;
    put(&node, "/n/lxc/100/config", &[("features", "nesting=1"), ("hostname", "other")]).await.data();
    let config =
        call(&node, phoenix_pve::transport::Method::Get, "/n/lxc/100/config", &[("current", "1")]).await;
    assert_eq!(config.data()["hostname"], "other");
    assert!(config.data().get("features").is_none());
    let said = put(&node, "/n/lxc/100/config", &[("net1", "name=eth1,bridge=nowhere")]).await;
    assert_eq!(said.json["errors"]["net1"], "unable to hotplug net1: bridge 'nowhere' does not exist\n");
    assert!(get(&node, "/n/lxc/100/config").await.data().get("net1").is_none());
    ok(&node, post(&node, "/n/lxc/100/status/stop", &[]).await).await;
    assert_eq!(get(&node, "/n/lxc/100/config").await.data()["features"], "nesting=1");
}
