//! Disks that are copied, snapshotted and cut off in the middle.

use super::*;
use crate::trees::names;

async fn disks() -> Option<(tempfile::TempDir, Disks, PathBuf)> {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("image");
    fs::create_dir(&image).unwrap();
    // Only root may give files away.
    if !rustix::process::geteuid().is_root() {
        println!("skipped: needs root");
        return None;
    }
    let disks = Disks::new(dir.path());
    Some((dir, disks, image))
}

fn new(owners: Owners) -> NewDisk {
    NewDisk { kind: DiskKind::Layers, owners, size: 0 }
}

fn copy_of(snapshot: Option<&str>, in_use: bool) -> CopyOf {
    let snapshot = snapshot.map(str::to_owned);
    CopyOf { from: "a".to_owned(), snapshot, in_use, kind: DiskKind::Layers, size: 0 }
}

#[tokio::test]
async fn a_copy_keeps_what_was_there_and_not_what_comes_later() {
    let Some((_dir, disks, image)) = disks().await else { return };
    disks.create_root("a", &image, &new(Owners::Plain)).await.unwrap();
    let top = disks.data("a").unwrap();
    fs::write(top.join("one"), "1").unwrap();
    disks.copy("b", &copy_of(None, false)).await.unwrap();
    fs::write(top.join("two"), "2").unwrap();
    let stack = disks.stack("b").await.unwrap();
    assert_eq!(stack.lowers.len(), 2);
    assert_eq!(stack.lowers[1], image);
    assert!(stack.lowers[0].join("one").exists() && !stack.lowers[0].join("two").exists());
    disks.copy("c", &copy_of(None, true)).await.unwrap();
    assert!(top.join("two").exists(), "a container that runs keeps its top");
    assert_eq!(disks.stack("c").await.unwrap().lowers.len(), 3);
}

#[tokio::test]
async fn a_rollback_brings_back_a_snapshot_and_layers_go_with_their_last_user() {
    let Some((dir, disks, image)) = disks().await else { return };
    disks.create_root("a", &image, &new(Owners::Plain)).await.unwrap();
    disks.create_volume("v", &new(Owners::Shifted)).await.unwrap();
    fs::write(disks.data("a").unwrap().join("old"), "1").unwrap();
    fs::write(disks.data("v").unwrap().join("old"), "1").unwrap();
    for id in ["a", "v"] {
        disks.snapshot(id, "s", false).await.unwrap();
        fs::write(disks.data(id).unwrap().join("new"), "2").unwrap();
        disks.rollback(id, "s").await.unwrap();
        assert!(!disks.data(id).unwrap().join("new").exists());
    }
    assert!(disks.stack("a").await.unwrap().lowers[0].join("old").exists());
    assert!(disks.data("v").unwrap().join("old").exists());
    disks.copy("b", &copy_of(Some("s"), false)).await.unwrap();
    disks.remove(&["a".to_owned(), "v".to_owned()]).await.unwrap();
    assert_eq!(names(&dir.path().join("layers")).unwrap().len(), 1, "`b` stands on it");
    disks.remove(&["b".to_owned()]).await.unwrap();
    assert!(names(&dir.path().join("layers")).unwrap().is_empty());
}

#[tokio::test]
async fn a_freeze_that_was_cut_off_is_finished_by_whoever_looks_next() {
    let Some((_dir, disks, image)) = disks().await else { return };
    for (id, renamed) in [("a", false), ("b", true)] {
        disks.create_root(id, &image, &new(Owners::Plain)).await.unwrap();
        let top = disks.data(id).unwrap();
        fs::write(top.join("file"), "1").unwrap();
        let mut disk = disks.known(id).unwrap();
        disk.freezing = Some(format!("layer-of-{id}"));
        disks.write(id, &disk).unwrap();
        if renamed {
            make(&disks.dir.join("layers")).unwrap();
            fs::rename(&top, disks.layer("layer-of-b")).unwrap();
        }
        let stack = disks.stack(id).await.unwrap();
        let found = stack.lowers.iter().chain([&stack.upper]).filter(|dir| dir.join("file").exists()).count();
        assert_eq!(found, 1, "`{id}` has its file");
        assert!(stack.upper.exists());
    }
}

#[test]
fn a_name_that_leads_elsewhere_is_refused() {
    let disks = Disks::new("/nonexistent");
    for id in ["", "..", "a/b", ".hidden"] {
        assert!(disks.data(id).is_err(), "`{id}`");
    }
}
