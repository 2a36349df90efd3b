//! What an unprivileged container cannot see, read or change.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
};

use phoenix_sandbox::{ContainerSpec, Containers, Mount, MountSource};

use crate::live::live;

/// What fails in it. Each is told from a mere typing error by `works`, which says that its shell is well.
const REFUSED: [&str; 15] = [
    "cat /mnt/given/secret",
    "touch /mnt/given/new",
    "echo more >> /mnt/given/open",
    "chown 0 /mnt/given/open",
    "chmod 777 /mnt/given",
    "echo 1 > /proc/sys/kernel/sysrq",
    "echo 1 > /proc/sys/vm/drop_caches",
    ": > /proc/sysrq-trigger",
    "cat /sys/kernel/mm/transparent_hugepage/enabled && echo madvise > /sys/kernel/mm/transparent_hugepage/enabled",
    "mknod /tmp/disk b 254 0",
    "mknod /tmp/memory c 1 1",
    "mount -t ext4 /dev/vda /mnt",
    "mkdir -p /tmp/p; mount -t proc proc /tmp/p; echo 1 > /tmp/p/sys/kernel/sysrq",
    "dmesg --clear",
    "date -s \"$(date)\"",
];

#[tokio::test]
async fn an_unprivileged_container_has_its_own_and_nothing_else() {
    let Some((_alone, live)) = live().await else { return };
    let node = live.node();
    let given = node.join("given");
    fs::create_dir_all(&given).expect("is made");
    for (name, mode) in [("secret", 0o600), ("open", 0o644)] {
        fs::write(given.join(name), name).expect("is written");
        fs::set_permissions(given.join(name), fs::Permissions::from_mode(mode)).expect("is set");
    }
    let mount = |target: &str, source| Mount { target: target.to_owned(), source, read_only: false };
    let mounts = vec![
        mount("/mnt/given", MountSource::Path(given.display().to_string())),
        mount("/mnt/volume", MountSource::Volume { id: "local_101-disk-1".to_owned(), size: 1 << 30 }),
    ];
    let spec = ContainerSpec { mounts, ..live.make(101).await };
    live.containers.start(&spec).await.expect("starts");
    let other = live.make(102).await;
    live.containers.start(&other).await.expect("starts");
    live.says(102, "hostname > /root/of-102; systemd-run -q --unit=mark sleep 424242").await;

    assert_eq!(live.says(101, "cat /mnt/given/open; id -u").await, "open0");
    for script in REFUSED {
        let said =
            live.says(101, &format!("( {script} ) >/dev/null 2>&1 && echo done || echo refused")).await;
        assert_eq!(said, "refused", "`{script}`");
    }
    assert_eq!(fs::read_to_string(given.join("open")).expect("is there"), "open");
    assert!(!given.join("new").exists());

    // The bits of its own namespace; to the machine its root is nobody.
    assert_eq!(live.says(101, "tr -s ' ' < /proc/self/uid_map").await, "0 100000 65536");
    let init = live.inits(101);
    let status = fs::read_to_string(format!("/proc/{}/status", init[0])).expect("it runs");
    assert!(status.lines().any(|line| line == "Uid:\t100000\t100000\t100000\t100000"), "{status}");
    assert_eq!(init.len(), 1);

    let seen = live.says(101, "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '").await;
    for foreign in ["lxc monitor", "lxc-start", "sleep infinity", "424242"] {
        assert!(!seen.contains(foreign), "`{foreign}` in {seen}");
    }
    assert_eq!(
        live.says(101, "ls /proc/1/root/etc/hostname && cat /etc/hostname").await,
        "/proc/1/root/etc/hostname\nct101"
    );
    let elsewhere =
        format!("ls -d /run/phoenix {} /c 2>/dev/null; find / -xdev -name of-102; true", node.display());
    assert_eq!(live.says(101, &elsewhere).await, "");
    assert!(!live.says(101, "cat /proc/self/mountinfo").await.contains("roots/102"));

    live.says(101, "touch /root/own /mnt/volume/own").await;
    let owner =
        |path: std::path::PathBuf| fs::metadata(path).map(|meta| (meta.uid(), meta.gid())).expect("is there");
    let disks = live.containers.disks().await.expect("are there");
    let (top, volume) =
        (disks.data(&spec.root).expect("a name"), disks.data("local_101-disk-1").expect("a name"));
    for path in [top.join("root/own"), volume.join("own"), volume] {
        assert_eq!(owner(path), (100_000, 100_000));
    }
    assert_eq!(live.says(101, "stat -c %U:%G /mnt/volume /root/own").await, "root:root\nroot:root");
    Containers::halt(&node).await.expect("halts");
}
