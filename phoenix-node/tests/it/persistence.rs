//! The node directory: what survives, who may have it, what is never touched.

use std::{fs, sync::Arc, time::Duration};

use phoenix_node::{Node, NodeError, Options, StorageSeed};

use crate::kit::*;

fn fast() -> Options {
    Options { speed: 20.0, ..Options::default() }
}

async fn let_go(node: Arc<Node>) {
    drop(node);
    tokio::task::yield_now().await;
}

#[tokio::test]
async fn a_task_goes_on_in_the_next_process() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), Options { speed: 5.0, ..Options::default() }).await.unwrap();
    fetch(&node).await;
    let said = post(&node, "/n/lxc", &[("vmid", "100"), ("ostemplate", UBUNTU), ("hostname", "kept")]).await;
    let upid = said.data().as_str().unwrap().to_owned();
    tokio::time::sleep(Duration::from_millis(20)).await;
    let_go(node).await;
    assert_eq!(Node::status(dir.path()).unwrap().unwrap().tasks, 1);
    let node = Node::open(dir.path(), fast()).await.unwrap();
    assert_eq!(get(&node, "/n/lxc/100/config").await.data()["lock"], "create");
    loop {
        let status = get(&node, &format!("/n/tasks/{upid}/status")).await;
        if let Some(exit) = status.data()["exitstatus"].as_str() {
            assert_eq!(exit, "OK");
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(get(&node, "/n/lxc/100/config").await.data()["hostname"], "kept");
}

#[tokio::test]
async fn everything_survives_a_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), fast()).await.unwrap();
    template(&node, "900").await;
    ok(&node, post(&node, "/n/lxc/900/clone", &[("newid", "101")]).await).await;
    ok(&node, post(&node, "/n/lxc/101/status/start", &[]).await).await;
    let before = (get(&node, "/n/lxc/900/config").await.json, get(&node, "/n/lxc/101/config").await.json);
    let used = get(&node, "/n/storage/local-zfs/status").await.data()["used"].clone();
    let_go(node).await;
    let mut options = fast();
    options.seed.storages = vec![StorageSeed::new("more", "dir", &["iso"], 1 << 30)];
    let node = Node::open(dir.path(), options).await.unwrap();
    let after = (get(&node, "/n/lxc/900/config").await.json, get(&node, "/n/lxc/101/config").await.json);
    assert_eq!(before, after);
    assert_eq!(get(&node, "/n/lxc/101/status/current").await.data()["status"], "running");
    assert_eq!(get(&node, "/n/storage/local-zfs/status").await.data()["used"], used);
    assert_eq!(get(&node, "/n/storage").await.data().as_array().unwrap().len(), 3);
    let status = Node::status(dir.path()).unwrap().unwrap();
    assert_eq!((status.guests, status.running, status.templates), (2, 1, 1));
    assert_eq!(status.used_by, Some(std::process::id().to_string()));
}

#[tokio::test(start_paused = true)]
async fn a_second_process_is_told_who_has_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let _node = Node::open(dir.path(), fast()).await.unwrap();
    let error = Node::open(dir.path(), fast()).await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, NodeError::InUse { .. }));
    assert!(text.contains(&format!("is in use by process {}", std::process::id())), "{text}");
}

#[tokio::test]
async fn a_directory_that_was_hardly_begun_is_gone_on_with() {
    let dir = tempfile::tempdir().unwrap();
    // What a process leaves that is killed before its first file is whole.
    fs::write(dir.path().join("lock"), "1").unwrap();
    fs::write(dir.path().join("phoenix-node.json.new"), "{").unwrap();
    drop(Node::open(dir.path(), fast()).await.unwrap());
    let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name != "phoenix-node.json.new"), "{left:?}");
    assert!(Node::reset(dir.path()).await.unwrap());
}

#[tokio::test]
async fn reset_removes_a_node_directory_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let ours = dir.path().join("node");
    drop(Node::open(&ours, fast()).await.unwrap());
    fs::write(ours.join("mine.txt"), "keep").unwrap();
    assert!(Node::reset(&ours).await.unwrap());
    assert_eq!(fs::read_dir(&ours).unwrap().count(), 1);
    let error = Node::reset(&ours).await.unwrap_err();
    assert!(error.to_string().contains("is not a node directory of Phoenix"), "{error}");
    assert!(matches!(Node::open(&ours, fast()).await.unwrap_err(), NodeError::Foreign { .. }));
    assert!(!Node::reset(&dir.path().join("nowhere")).await.unwrap());
}

#[tokio::test]
async fn a_reservation_without_a_task_is_taken_back() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), fast()).await.unwrap();
    container(&node, "100").await;
    let_go(node).await;
    // What a process leaves that dies between its guest's file and its task's file.
    let guest = dir.path().join("guests/lxc-100.json");
    let mut json: serde_json::Value = serde_json::from_slice(&fs::read(&guest).unwrap()).unwrap();
    json["vmid"] = 101.into();
    json["config"] = serde_json::json!({ "lock": "create" });
    fs::write(dir.path().join("guests/lxc-101.json"), json.to_string()).unwrap();
    let node = Node::open(dir.path(), fast()).await.unwrap();
    assert_eq!(get(&node, "/n/lxc").await.data().as_array().unwrap().len(), 1);
    assert!(!dir.path().join("guests/lxc-101.json").exists());
}
