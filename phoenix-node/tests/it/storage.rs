//! Storages fill.

use phoenix_node::{Node, NodeSeed, Options, StorageSeed};
use phoenix_pve::transport::Method;

use crate::kit::*;

#[tokio::test(start_paused = true)]
async fn a_full_storage_fails_the_task_and_leaves_nothing() {
    let storages = vec![
        StorageSeed::new("local", "dir", &["vztmpl", "import"], 1 << 30),
        StorageSeed::new("local-zfs", "zfspool", &["rootdir", "images"], 1200 << 20),
    ];
    let node =
        Node::in_memory(Options { seed: NodeSeed { storages, ..NodeSeed::default() }, ..Options::default() });
    container(&node, "100").await;
    ok(&node, post(&node, "/n/lxc/100/clone", &[("newid", "101")]).await).await;
    let before = get(&node, "/n/storage/local-zfs/status").await.data()["used"].clone();
    let said = post(&node, "/n/lxc/100/clone", &[("newid", "102")]).await;
    let exit = done(&node, said).await;
    assert!(exit.contains("out of space on storage 'local-zfs'"), "{exit}");
    assert!(exit.contains("No space left on device"), "{exit}");
    assert_eq!(get(&node, "/n/lxc/102/config").await.status, 500);
    assert!(get(&node, "/n/lxc/100/config").await.data().get("lock").is_none());
    assert_eq!(get(&node, "/n/storage/local-zfs/status").await.data()["used"], before);
    ok(&node, delete(&node, "/n/lxc/101").await).await;
    ok(&node, post(&node, "/n/lxc/100/clone", &[("newid", "102")]).await).await;
}

#[tokio::test(start_paused = true)]
async fn storages_are_asked_and_refused_as_in_pve() {
    let node = node();
    let said = get(&node, "/n/storage/nope/status").await;
    assert_eq!((said.status, &said.json["errors"]["storage"]), (400, &"No such storage.".into()));
    assert_eq!(get(&node, "/n/storage/nope/content").await.reason, "storage 'nope' does not exist");
    let said =
        post(&node, "/n/lxc", &[("vmid", "100"), ("ostemplate", UBUNTU), ("rootfs", "nosuch:1")]).await;
    assert_eq!(said.reason, "storage 'nosuch' does not exist");
    let said = post(
        &node,
        "/n/storage/local/download-url",
        &[("content", "iso"), ("filename", "x.txt"), ("url", "http://127.0.0.1:1/x.txt")],
    )
    .await;
    assert_eq!(said.json["errors"]["filename"], "wrong file extension");
}

#[tokio::test(start_paused = true)]
async fn templates_are_fetched_listed_and_removed() {
    let node = node();
    fetch(&node).await;
    let list = call(&node, Method::Get, "/n/storage/local/content", &[("content", "vztmpl")]).await;
    assert_eq!(list.data()[0]["volid"], UBUNTU);
    ok(&node, delete(&node, &format!("/n/storage/local/content/{UBUNTU}")).await).await;
    ok(&node, delete(&node, &format!("/n/storage/local/content/{UBUNTU}")).await).await;
    let list = get(&node, "/n/storage/local/content").await;
    assert_eq!(list.data(), &serde_json::json!([]));
}

#[tokio::test(start_paused = true)]
async fn a_storage_is_defined_changed_and_forgotten() {
    let node = node();
    let wish =
        [("storage", "d1"), ("type", "dir"), ("path", "/srv/d1"), ("content", "images,iso"), ("mkdir", "1")];
    assert_eq!(post(&node, "/storage", &wish).await.data()["storage"], "d1");
    assert_eq!(
        post(&node, "/storage", &wish).await.reason,
        "create storage failed: storage ID 'd1' already defined"
    );
    let said = post(&node, "/storage", &[("storage", "d2"), ("type", "dir")]).await;
    assert_eq!(said.reason, "missing value for required option 'path'");
    let said = put(&node, "/storage/d1", &[("delete", "path")]).await;
    assert_eq!(said.reason, "update storage failed: unable to delete required option 'path'");
    let digest = get(&node, "/storage/d1").await.data()["digest"].clone();
    let digest = digest.as_str().expect("a digest").to_owned();
    assert_eq!(put(&node, "/storage/d1", &[("disable", "1"), ("digest", &digest)]).await.status, 200);
    let said = put(&node, "/storage/d1", &[("disable", "0"), ("digest", &digest)]).await;
    assert!(said.reason.contains("file changed by other user"), "{said:?}");
    let shown = get(&node, "/storage/d1").await;
    assert_eq!((&shown.data()["mkdir"], &shown.data()["disable"]), (&1.into(), &1.into()));
    assert_eq!(get(&node, "/n/storage/d1/status").await.data()["active"], 0);
    assert_eq!(delete(&node, "/storage/d1").await.status, 200);
    assert_eq!(get(&node, "/storage/d1").await.reason, "storage 'd1' does not exist");
}

#[tokio::test(start_paused = true)]
async fn a_volume_that_was_allocated_by_hand_is_in_the_way_of_its_number() {
    let node = node();
    let wish = [("vmid", "900"), ("filename", "vm-900-disk-0.qcow2"), ("size", "1G")];
    let volid = "local:900/vm-900-disk-0.qcow2";
    assert_eq!(post(&node, "/n/storage/local/content", &wish).await.data(), volid);
    assert_eq!(
        post(&node, "/n/storage/local/content", &wish).await.reason,
        "disk image '/var/lib/vz/images/900/vm-900-disk-0.qcow2' already exists"
    );
    let one = get(&node, &format!("/n/storage/local/content/{volid}")).await;
    assert_eq!((&one.data()["size"], &one.data()["format"]), (&(1_u64 << 30).into(), &"qcow2".into()));
    ok(&node, post(&node, "/n/qemu", &[("vmid", "900"), ("scsi0", "local:1")]).await).await;
    let config = get(&node, "/n/qemu/900/config").await;
    assert!(config.data()["scsi0"].as_str().expect("a disk").contains("disk-1"), "{config:?}");
}
