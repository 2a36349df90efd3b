//! Backups hold what a guest was, and restores bring it back.

use phoenix_node::Node;
use phoenix_pve::transport::Method;

use crate::kit::*;

async fn backups(node: &Node) -> Vec<serde_json::Value> {
    let said = call(node, Method::Get, "/n/storage/local/content", &[("content", "backup")]).await;
    said.data().as_array().expect("a list").clone()
}

fn volid(row: &serde_json::Value) -> String {
    row["volid"].as_str().expect("a volid").to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_restore_brings_the_configuration_back() {
    let node = node();
    container(&node, "100").await;
    let said = post(
        &node,
        "/n/vzdump",
        &[
            ("vmid", "100"),
            ("storage", "local"),
            ("compress", "zstd"),
            ("notes-template", "{{guestname}} {{vmid}}"),
        ],
    )
    .await;
    ok(&node, said).await;
    let all = backups(&node).await;
    assert_eq!((&all[0]["notes"], &all[0]["vmid"]), (&"base 100".into(), &100.into()));
    assert_eq!(all[0]["format"], "tar.zst");
    let archive = volid(&all[0]);
    let text = call(&node, Method::Get, "/n/vzdump/extractconfig", &[("volume", &archive)]).await;
    assert!(text.data().as_str().expect("a text").contains("\nhostname: base\n"), "{text:?}");

    ok(&node, delete(&node, "/n/lxc/100").await).await;
    let wish = [("ostemplate", archive.as_str()), ("restore", "1"), ("vmid", "100")];
    ok(&node, post(&node, "/n/lxc", &wish).await).await;
    let config = get(&node, "/n/lxc/100/config").await;
    assert_eq!((&config.data()["hostname"], &config.data()["tags"]), (&"base".into(), &"phoenix;web".into()));
    assert!(config.data().get("lock").is_none());
    assert_eq!(post(&node, "/n/lxc", &wish).await.reason, "CT 100 already exists on node 'phoenix'");

    // Over itself: new disks first, then the old ones go.
    let forced = [wish[0], wish[1], wish[2], ("force", "1"), ("unique", "1")];
    let net = config.data()["net0"].clone();
    ok(&node, post(&node, "/n/lxc", &forced).await).await;
    let config = get(&node, "/n/lxc/100/config").await;
    assert!(config.data()["rootfs"].as_str().expect("a disk").contains("-disk-1"), "{config:?}");
    assert_ne!(config.data()["net0"], net);
    let disks = call(&node, Method::Get, "/n/storage/local-zfs/content", &[("vmid", "100")]).await;
    assert_eq!(disks.data().as_array().map(Vec::len), Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_protected_backup_stays_and_a_rule_removes_the_others() {
    let node = node();
    container(&node, "100").await;
    for _ in 0..3 {
        ok(&node, post(&node, "/n/vzdump", &[("vmid", "100"), ("storage", "local")]).await).await;
    }
    let all = backups(&node).await;
    assert_eq!(all.len(), 3);
    let path = format!("/n/storage/local/content/{}", volid(&all[0]));
    assert_eq!(put(&node, &path, &[("protected", "1"), ("notes", "keep")]).await.status, 200);
    let end = done(&node, delete(&node, &path).await).await;
    assert!(end.starts_with("cannot remove protected volume 'backup/vzdump-lxc-100-"), "{end}");
    let rule = [("prune-backups", "keep-last=1")];
    let marks = call(&node, Method::Get, "/n/storage/local/prunebackups", &rule).await;
    let mut words: Vec<&str> =
        marks.data().as_array().expect("a list").iter().filter_map(|row| row["mark"].as_str()).collect();
    words.sort_unstable();
    assert_eq!(words, ["keep", "protected", "remove"]);
    ok(&node, call(&node, Method::Delete, "/n/storage/local/prunebackups", &rule).await).await;
    assert_eq!(backups(&node).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_backed_up_fails_the_job_and_no_other_guest() {
    let node = node();
    container(&node, "100").await;
    let said = post(&node, "/n/vzdump", &[("vmid", "100,999"), ("storage", "local")]).await;
    assert_eq!(done(&node, said).await, "job errors");
    assert_eq!(backups(&node).await.len(), 1);
    assert!(get(&node, "/n/lxc/100/config").await.data().get("lock").is_none());
    let said = post(&node, "/n/vzdump", &[]).await;
    assert_eq!((said.status, &said.json["errors"]["vmid"]), (400, &"property is missing".into()));
}
