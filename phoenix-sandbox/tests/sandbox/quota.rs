//! Disks hold no more than their size, by what holds them here; a copy, a snapshot and a kill change nothing of that.

use phoenix_sandbox::{
    ContainerSpec, Containers, CopyOf, DiskKind, Disks, Mount, MountSource, NewDisk, Owners,
};

use crate::{
    holder::{is_gone, kill, spaces},
    live::{IMAGE, Live, live},
    machine::Machine,
};

const MIB: u64 = 1 << 20;

/// Returns a node whose sandbox has a pool, or says why there is none.
#[expect(clippy::print_stderr, reason = "says why a test did nothing")]
async fn pooled() -> Option<(std::fs::File, Live, Disks)> {
    let (alone, live) = live().await?;
    let disks = live.containers.disks().await.expect("a sandbox begins");
    if !disks.hold_sizes() {
        eprintln!("skipped: no size is held: {}", live.containers.no_limits().unwrap_or_default());
        Containers::halt(&live.node()).await.expect("halts");
        return None;
    }
    Some((alone, live, disks))
}

/// What a container does that writes so many MiB to a file: `ok`, or what the system says.
fn write(file: &str, mib: u64) -> String {
    format!(
        "dd if=/dev/zero of={file} bs=1M count={mib} 2>&1 | grep -o 'Disk quota exceeded\\|No space left on device' || echo ok"
    )
}

fn copy(from: &str, kind: DiskKind, snapshot: Option<&str>, in_use: bool, size: u64) -> CopyOf {
    CopyOf { from: from.to_owned(), snapshot: snapshot.map(str::to_owned), in_use, kind, size }
}

/// Returns the bytes that a disk of this kind needs beside the image for so many MiB of a container's own.
async fn room(live: &Live, mib: u64) -> u64 {
    let tree = live.containers.images().unpack(IMAGE, Owners::Shifted).await.expect("is unpacked");
    let said = std::process::Command::new("du").args(["-s", "-B1"]).arg(tree).output().expect("counts");
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    said.split_whitespace().next().and_then(|count| count.parse::<u64>().ok()).expect("a number") + mib * MIB
}

fn spec(vmid: u32, root: &str, mounts: Vec<Mount>) -> ContainerSpec {
    ContainerSpec {
        vmid,
        hostname: format!("ct{vmid}"),
        unprivileged: true,
        root: root.to_owned(),
        memory: 256 << 20,
        mounts,
        ..ContainerSpec::default()
    }
}

#[tokio::test]
async fn a_full_disk_says_so_grows_while_its_container_runs_and_stays_full_after_a_kill() {
    let Some((_alone, live, disks)) = pooled().await else { return };
    let size = room(&live, 60).await;
    let new = NewDisk { kind: DiskKind::Layers, owners: Owners::Shifted, size };
    live.containers.create_root("z_101-disk-0", IMAGE, &new).await.expect("is made");
    let source = MountSource::Volume { id: "z_101-disk-1".to_owned(), size: 30 * MIB };
    let mount = Mount { target: "/data".to_owned(), source, read_only: false };
    let spec = spec(101, "z_101-disk-0", vec![mount]);
    live.containers.start(&spec).await.expect("starts");
    let before = live.says(101, &write("/root/first", 10)).await;
    assert_eq!(before, "ok");
    for (file, mib) in [("/root/big", 100), ("/data/big", 100)] {
        assert_eq!(live.says(101, &write(file, mib)).await, "Disk quota exceeded", "{file}");
    }
    // What is full can be emptied, and others are not full with it.
    assert_eq!(live.says(101, &format!("rm /data/big; {}", write("/data/small", 10))).await, "ok");
    assert_eq!(live.says(101, "stat -c %s /root/first").await, (10 * MIB).to_string());

    assert!(disks.resize("z_101-disk-0", size + 100 * MIB).await.expect("grows"));
    assert_eq!(live.says(101, &write("/root/more", 60)).await, "ok", "it grew while it runs");

    // A killed sandbox comes back with its disks, their contents and their limits.
    let old = spaces(&live.sandbox());
    live.says(101, "sync").await;
    kill(&live.sandbox());
    is_gone(&old, live.dir.path()).await;
    live.containers.start(&spec).await.expect("starts in a new sandbox");
    assert_eq!(live.says(101, "stat -c %s /root/more /data/small").await, "62914560\n10485760");
    assert_eq!(live.says(101, &write("/root/again", 100)).await, "Disk quota exceeded");
    let small = NewDisk { size: 10 * MIB, ..new };
    let said = live.containers.create_root("z_102-disk-0", IMAGE, &small).await.unwrap_err().to_string();
    assert!(said.starts_with("No space left on device"), "{said}");
    Containers::halt(&live.node()).await.expect("halts");
}

#[tokio::test]
async fn each_kind_of_storage_copies_snapshots_and_returns_with_its_own_size() {
    let Some((_alone, live, disks)) = pooled().await else { return };
    for (at, kind) in [DiskKind::Layers, DiskKind::Directory, DiskKind::Btrfs].into_iter().enumerate() {
        let root = |number: usize| format!("s{at}_{number}-disk-0");
        let size = room(&live, 40).await;
        let new = NewDisk { kind, owners: Owners::Shifted, size };
        live.containers.create_root(&root(1), IMAGE, &new).await.expect("is made");
        live.containers.start(&spec(101, &root(1), Vec::new())).await.expect("starts");
        live.says(101, "echo one > /root/file; rm /etc/motd; sync").await;
        if kind != DiskKind::Directory {
            disks.snapshot(&root(1), "s", true).await.expect("is taken while it runs");
            live.says(101, "echo two > /root/file; sync").await;
        }
        live.containers.stop(101, None).await.expect("stops");
        disks.copy(&root(2), &copy(&root(1), kind, None, false, size + 200 * MIB)).await.expect("is copied");
        // To a storage of another kind, all that can be seen comes along, and nothing of what was removed.
        let other = copy(&root(2), DiskKind::Directory, None, false, size + 50 * MIB);
        disks.copy(&root(3), &other).await.expect("is copied in full");
        let whole = disks.data(&root(3)).expect("is there");
        assert!(whole.join("usr/bin").is_dir() && !whole.join("etc/motd").exists(), "{kind:?}");
        live.containers.start(&spec(102, &root(2), Vec::new())).await.expect("the copy starts");
        let word = if kind == DiskKind::Directory { "one" } else { "two" };
        assert_eq!(live.says(102, "cat /root/file; ls /etc/motd 2>/dev/null; true").await, word);
        assert_eq!(live.says(102, &write("/root/big", 150)).await, "ok", "{kind:?}: it has its own size");
        assert_eq!(std::fs::read_to_string(whole.join("root/file")).expect("is there").trim(), word);
        if kind == DiskKind::Directory {
            live.containers.start(&spec(103, &root(3), Vec::new())).await.expect("the full copy starts");
            assert_eq!(live.says(103, &write("/root/big", 200)).await, "Disk quota exceeded");
        }
        if kind != DiskKind::Directory {
            disks.rollback(&root(1), "s").await.expect("goes back");
            live.containers.start(&spec(101, &root(1), Vec::new())).await.expect("starts");
            assert_eq!(live.says(101, "cat /root/file").await, "one");
            assert_eq!(live.says(101, &write("/root/big", 300)).await, "Disk quota exceeded", "{kind:?}");
            disks.copy(&root(4), &copy(&root(1), kind, Some("s"), true, size)).await.expect("is copied");
            disks.delete_snapshot(&root(1), "s").await.expect("goes");
        }
        for vmid in [101, 102, 103] {
            let ids = [root(usize::try_from(vmid - 100).expect("is small"))];
            live.containers.destroy(vmid, &ids).await.expect("is destroyed");
        }
        disks.remove(&[root(4)]).await.expect("goes");
    }
    let pool = format!("/proc/{}/root{}/pool", live.sandbox().status().pid, live.node().display());
    let left = |dir: &str| std::fs::read_dir(dir).expect("is there").count();
    for dir in ["disks", "snapshots", "next", "new", "old"] {
        assert_eq!(left(&format!("{pool}/{dir}")), 0, "nothing is left in `{dir}`");
    }
    assert_eq!(left(&live.node().join("disks").display().to_string()), 0);
    Containers::halt(&live.node()).await.expect("halts");
}

#[tokio::test]
async fn a_pool_that_is_cut_off_at_any_moment_is_whole_and_leaves_no_loop() {
    let Some((_alone, live, disks)) = pooled().await else { return };
    let new = NewDisk { kind: DiskKind::Layers, owners: Owners::Plain, size: 50 * MIB };
    for moment in [0, 2, 5, 8, 12, 18, 25, 40, 60, 90] {
        let limit = std::time::Duration::from_millis(moment);
        disks.create_volume("a", &new).await.expect("is made");
        std::fs::write(disks.data("a").expect("is there").join("file"), "old").expect("is written");
        let what = copy("a", DiskKind::Layers, None, false, 10 * MIB);
        let _ = tokio::time::timeout(limit, disks.copy("b", &what)).await;
        let _ = tokio::time::timeout(limit, disks.snapshot("a", "s", true)).await;
        disks.copy("b", &what).await.expect("is copied");
        disks.snapshot("a", "s", true).await.expect("is taken");
        std::fs::write(disks.data("a").expect("is there").join("file"), "new").expect("is written");
        let _ = tokio::time::timeout(limit, disks.rollback("a", "s")).await;
        disks.stack("a").await.expect("is mended");
        let file = |id: &str| std::fs::read_to_string(disks.data(id).expect("is there").join("file"));
        let found = file("a").expect("is whole");
        assert!(found == "old" || found == "new", "after {moment} ms: {found}");
        disks.rollback("a", "s").await.expect("goes back");
        assert_eq!((file("a").ok(), file("b").ok()), (Some("old".into()), Some("old".into())));
        let _ = tokio::time::timeout(limit, disks.remove(&["b".to_owned()])).await;
        disks.remove(&["a".to_owned(), "b".to_owned()]).await.expect("go");
    }
    Containers::halt(&live.node()).await.expect("halts");
    assert!(Machine::look(live.dir.path()).loops.is_empty());
}

#[tokio::test]
async fn a_sandbox_whose_pool_is_damaged_begins_says_why_and_never_shows_empty_disks_for_full_ones() {
    let Some((_alone, live, disks)) = pooled().await else { return };
    let new = NewDisk { kind: DiskKind::Layers, owners: Owners::Plain, size: 50 * MIB };
    disks.create_volume("a", &new).await.expect("is made");
    Containers::halt(&live.node()).await.expect("halts");
    let pool = live.node().join("pool.btrfs");
    let whole = live.node().join("whole");
    std::fs::rename(&pool, &whole).expect("is renamed");
    std::fs::write(&pool, vec![0; 1 << 20]).expect("is written");
    let disks = live.containers.disks().await.expect("a sandbox begins all the same");
    let why = live.containers.no_limits().expect("says why");
    assert!(!disks.hold_sizes() && why.contains("cannot be mounted"), "{why}");
    let said = disks.source("a").unwrap_err().to_string();
    assert!(said.contains("the node's pool") && said.contains("cannot be mounted"), "{said}");
    disks.create_volume("b", &new).await.expect("is made without a limit");
    assert!(!disks.resize("b", 60 * MIB).await.expect("is no error"), "and says that nothing holds it");
    // What can be mounted again is there again.
    Containers::halt(&live.node()).await.expect("halts");
    std::fs::rename(&whole, &pool).expect("is renamed");
    let disks = live.containers.disks().await.expect("begins");
    assert!(disks.data("a").expect("is there").is_dir() && disks.data("b").expect("is there").is_dir());
    assert!(live.containers.no_limits().is_none());
    Containers::halt(&live.node()).await.expect("halts");
    assert!(Machine::look(live.dir.path()).loops.is_empty());
}
