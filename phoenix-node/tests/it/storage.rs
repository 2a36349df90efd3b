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
