//! Work on disks that is dropped at any moment, as if its process had died, and what the next process finds.

use std::{fs, path::Path, time::Duration};

use phoenix_sandbox::{CopyOf, DiskKind, Disks, NewDisk, Owners};

use crate::{holder::alone, live::place};

/// Moments in thousandths of a second.
const MOMENTS: [u64; 10] = [0, 1, 2, 3, 5, 8, 12, 20, 40, 80];
const FILES: usize = 400;

fn fill(dir: &Path, word: &str) {
    for at in 0..FILES {
        fs::write(dir.join(format!("{at}")), word).expect("is written");
    }
}

/// Returns what a directory's files say, if they are all there and say the same.
fn whole(dir: &Path) -> Option<String> {
    let all: Vec<String> =
        (0..FILES).filter_map(|at| fs::read_to_string(dir.join(format!("{at}"))).ok()).collect();
    let first = all.first()?;
    (all.len() == FILES && all.iter().all(|text| text == first)).then(|| first.clone())
}

fn new(owners: Owners) -> NewDisk {
    NewDisk { kind: DiskKind::Layers, owners, size: 0 }
}

fn copy() -> CopyOf {
    CopyOf { from: "a".to_owned(), snapshot: None, in_use: false, kind: DiskKind::Layers, size: 0 }
}

async fn drop_after(moment: u64, work: impl Future) {
    let _ = tokio::time::timeout(Duration::from_millis(moment), work).await;
}

#[tokio::test]
async fn a_volume_is_whole_whenever_its_copy_snapshot_or_rollback_is_cut_off() {
    let Some(_alone) = alone() else { return };
    let dir = place();
    for moment in MOMENTS {
        let disks = Disks::new(dir.path());
        disks.create_volume("a", &new(Owners::Plain)).await.expect("is made");
        fill(&disks.data("a").expect("is a name"), "old");
        drop_after(moment, disks.copy("b", &copy())).await;
        drop_after(moment, disks.snapshot("a", "s", false)).await;

        let disks = Disks::new(dir.path());
        let top = |id: &str| whole(&disks.data(id).expect("is a name"));
        if disks.read("b").expect("is read").is_some() {
            assert_eq!(top("b").as_deref(), Some("old"), "a copy is whole, after {moment} ms");
        }
        disks.copy("b", &copy()).await.expect("is copied");
        disks.snapshot("a", "s", false).await.expect("is taken");
        assert_eq!((top("a"), top("b")), (Some("old".into()), Some("old".into())), "after {moment} ms");

        fill(&disks.data("a").expect("is a name"), "new");
        drop_after(moment, disks.rollback("a", "s")).await;
        let disks = Disks::new(dir.path());
        disks.read("a").expect("is read").expect("is there");
        let found = whole(&disks.data("a").expect("is a name"));
        assert!(found.is_some(), "old or new, never a part of one, after {moment} ms");
        disks.rollback("a", "s").await.expect("goes back");
        assert_eq!(whole(&disks.data("a").expect("is a name")).as_deref(), Some("old"));

        drop_after(moment, disks.remove(&["b".into()])).await;
        let disks = Disks::new(dir.path());
        if disks.read("b").expect("is read").is_some() {
            assert_eq!(whole(&disks.data("b").expect("is a name")).as_deref(), Some("old"));
        }
        disks.remove(&["a".into(), "b".into()]).await.expect("are removed");
        let left = |name: &str| fs::read_dir(dir.path().join(name)).map_or(0, Iterator::count);
        assert_eq!((left("disks"), left("layers")), (0, 0), "nothing is left, after {moment} ms");
    }
}

#[tokio::test]
async fn a_root_loses_nothing_whenever_its_snapshot_or_rollback_is_cut_off() {
    let Some(_alone) = alone() else { return };
    let dir = place();
    let image = dir.path().join("image");
    fs::create_dir(&image).expect("is made");
    // What a container sees is the topmost that has the file.
    let seen = async |disks: &Disks| {
        let stack = disks.stack("a").await.expect("is there");
        assert!(stack.upper.is_dir() && stack.work.is_dir());
        std::iter::once(&stack.upper).chain(&stack.lowers).find_map(|layer| whole(layer))
    };
    for moment in MOMENTS {
        let disks = Disks::new(dir.path());
        disks.create_root("a", &image, &new(Owners::Shifted)).await.expect("is made");
        fill(&disks.data("a").expect("is a name"), "old");
        drop_after(moment, disks.snapshot("a", "s", moment % 2 == 1)).await;
        let disks = Disks::new(dir.path());
        assert_eq!(seen(&disks).await.as_deref(), Some("old"), "after {moment} ms");
        disks.snapshot("a", "s", false).await.expect("is taken");

        fill(&disks.data("a").expect("is a name"), "new");
        drop_after(moment, disks.rollback("a", "s")).await;
        let disks = Disks::new(dir.path());
        assert!(seen(&disks).await.is_some(), "old or new, after {moment} ms");
        disks.rollback("a", "s").await.expect("goes back");
        assert_eq!(seen(&disks).await.as_deref(), Some("old"), "after {moment} ms");
        disks.remove(&["a".into()]).await.expect("is removed");
        let left = |name: &str| fs::read_dir(dir.path().join(name)).map_or(0, Iterator::count);
        assert_eq!((left("disks"), left("layers")), (0, 0), "nothing is left, after {moment} ms");
    }
}
