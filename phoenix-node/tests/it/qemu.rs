//! Virtual machines.

use phoenix_node::Node;

use crate::kit::*;

async fn machine(node: &Node, vmid: &str) {
    let url = "https://cloud-images.ubuntu.com/noble/current/noble-server-cloudimg-amd64.img";
    let said = post(
        node,
        "/n/storage/local/download-url",
        &[("content", "import"), ("filename", "noble-server.qcow2"), ("url", url)],
    )
    .await;
    ok(node, said).await;
    let said = post(
        node,
        "/n/qemu",
        &[
            ("vmid", vmid),
            ("name", "vm1"),
            ("memory", "2048"),
            ("scsi0", "local-zfs:0,import-from=local:import/noble-server.qcow2,discard=on"),
            ("ide2", "local-zfs:cloudinit"),
            ("net0", "virtio,bridge=vmbr0"),
            ("ciuser", "ops"),
            ("tags", "B;a"),
        ],
    )
    .await;
    ok(node, said).await;
}

#[tokio::test(start_paused = true)]
async fn a_machine_is_made_from_an_image() {
    let node = node();
    machine(&node, "9000").await;
    let config = get(&node, "/n/qemu/9000/config").await;
    let config = config.data();
    assert_eq!(config["memory"], "2048");
    assert_eq!(config["scsi0"], "local-zfs:vm-9000-disk-0,discard=on,size=3584M");
    assert_eq!(config["ide2"], "local-zfs:vm-9000-cloudinit,media=cdrom");
    assert!(config["net0"].as_str().unwrap().starts_with("virtio=BC:24:11:"));
    assert_eq!((&config["tags"], &config["boot"]), (&"a;b".into(), &"order=scsi0;net0".into()));
}

#[tokio::test(start_paused = true)]
async fn refusals_have_the_words_of_machines() {
    let node = node();
    machine(&node, "300").await;
    let said = post(&node, "/n/qemu", &[("vmid", "300")]).await;
    assert_eq!(said.reason, "unable to create VM 300 - VM 300 already exists on node 'phoenix'");
    let said = put(&node, "/n/qemu/300/config", &[("memory", "128"), ("digest", &"0".repeat(40))]).await;
    assert_eq!(said.reason, "checksum mismatch (file change by other user?)");
    let said = get(&node, "/n/qemu/999/config").await;
    assert_eq!(said.reason, "Configuration file 'nodes/phoenix/qemu-server/999.conf' does not exist");
    ok(&node, post(&node, "/n/qemu/300/status/stop", &[]).await).await;
    let said = put(&node, "/n/qemu/300/resize", &[("disk", "scsi0"), ("size", "1G")]).await;
    assert_eq!(done(&node, said).await, "shrinking disks is not supported");
    let said =
        post(&node, "/n/qemu", &[("vmid", "330"), ("scsi0", "local:0,import-from=local:import/x.qcow2")])
            .await;
    assert_eq!(
        done(&node, said).await,
        "unable to create VM 330 - failed to stat '/var/lib/vz/import/x.qcow2'"
    );
}

#[tokio::test(start_paused = true)]
async fn memory_of_a_running_machine_waits_for_the_next_start() {
    let node = node();
    machine(&node, "300").await;
    ok(&node, post(&node, "/n/qemu/300/status/start", &[]).await).await;
    put(&node, "/n/qemu/300/config", &[("memory", "4096"), ("name", "renamed")]).await;
    assert_eq!(get(&node, "/n/qemu/300/config").await.data()["memory"], "4096");
    let current =
        call(&node, phoenix_pve::transport::Method::Get, "/n/qemu/300/config", &[("current", "1")]).await;
    assert_eq!((&current.data()["memory"], &current.data()["name"]), (&"2048".into(), &"renamed".into()));
    let pending = get(&node, "/n/qemu/300/pending").await;
    let row = pending.data().as_array().unwrap().iter().find(|row| row["key"] == "memory").unwrap().clone();
    assert_eq!((&row["value"], &row["pending"]), (&"2048".into(), &"4096".into()));
    ok(&node, post(&node, "/n/qemu/300/status/reboot", &[]).await).await;
    let pending = get(&node, "/n/qemu/300/pending").await;
    assert!(pending.data().as_array().unwrap().iter().all(|row| row.get("pending").is_none()));
}

#[tokio::test(start_paused = true)]
async fn a_template_is_cloned_many_times_at_once() {
    let node = node();
    machine(&node, "9000").await;
    ok(&node, post(&node, "/n/qemu/9000/template", &[]).await).await;
    let refused = post(&node, "/n/qemu/9000/clone", &[("newid", "1001"), ("storage", "local-zfs")]).await;
    assert_eq!(refused.reason, "parameter 'storage' not allowed for linked clones");
    let first = post(&node, "/n/qemu/9000/clone", &[("newid", "1001"), ("name", "one")]).await;
    let second = post(&node, "/n/qemu/9000/clone", &[("newid", "1002"), ("name", "two")]).await;
    assert_eq!(get(&node, "/n/qemu/1002/config").await.data()["lock"], "clone");
    ok(&node, first).await;
    ok(&node, second).await;
    let config = get(&node, "/n/qemu/1002/config").await;
    assert_eq!(config.data()["scsi0"], "local-zfs:base-9000-disk-0/vm-1002-disk-0,discard=on,size=3584M");
    assert_eq!(config.data()["name"], "two");
    let said = delete(&node, "/n/qemu/9000").await;
    assert!(done(&node, said).await.ends_with("is still in use by linked cloned"));
}
