//! The engine of real containers from outside: sizes of disks that hold, by calls of the API alone.

#![allow(clippy::print_stdout, reason = "a test that is skipped says why")]

use std::{path::PathBuf, sync::Arc, time::Duration};

use phoenix_node::{Node, Options};
use phoenix_sandbox::{Bridge, Containers, Sandbox, SandboxSpec};
use tempfile::TempDir;

use crate::kit::{UBUNTU, call, delete, fetch, get, ok, post, put};
use phoenix_pve::transport::Method;

/// A node of real containers, which go with it.
pub(crate) struct Own {
    pub(crate) node: Arc<Node>,
    pub(crate) containers: Containers,
    dir: TempDir,
}

impl Own {
    /// Returns a node that has an OS template, or says why there can be none here.
    pub(crate) async fn new() -> Option<Self> {
        Self::on(Vec::new()).await
    }

    /// The same with bridges.
    pub(crate) async fn on(bridges: Vec<Bridge>) -> Option<Self> {
        let memory = std::path::Path::new("/dev/shm");
        let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let dir = dir.expect("a directory");
        let spec = SandboxSpec {
            dir: Node::sandbox_dir(dir.path()),
            hostname: "phoenix".to_owned(),
            bridges,
            uplink: false,
        };
        let cache = std::env::var_os("PHOENIX_TEMPLATE_CACHE");
        let cache = cache.map_or_else(|| PathBuf::from("/var/cache/phoenix/templates"), PathBuf::from);
        let containers = match Containers::new(spec, cache) {
            Ok(containers) => containers,
            Err(lacking) => {
                println!("skipped: {lacking:?}");
                return None;
            }
        };
        if let Err(error) = containers.images().tarball("ubuntu-24.04-standard", |_| ()).await {
            println!("skipped: {error}");
            return None;
        }
        let node = Node::open_real(dir.path(), Options::default(), containers.clone()).await;
        let own = Self { node: node.expect("a node"), containers, dir };
        fetch(&own.node).await;
        Some(own)
    }

    /// Runs a script in a container and returns what it says, on both of its outputs.
    pub(crate) async fn inside(&self, vmid: &str, script: &str) -> String {
        let sandbox = Sandbox::find(&self.place()).expect("is read").expect("runs");
        let script = format!("{{ {script}; }} 2>&1; true");
        let words = ["/usr/local/sbin/pct", "exec", vmid, "--", "/bin/sh", "-c", &script];
        let said = sandbox.run(&words, b"", Duration::from_secs(60)).await;
        said.expect("runs in the container").text.trim().to_owned()
    }

    /// Returns the directory of the sandbox.
    pub(crate) fn place(&self) -> PathBuf {
        Node::sandbox_dir(self.dir.path())
    }

    /// Tells whether sizes are held here, and says why if not.
    pub(crate) async fn holds_sizes(&self) -> bool {
        let holds = self.containers.disks().await.expect("a sandbox begins").hold_sizes();
        if !holds {
            println!("skipped: no size is held: {}", self.containers.no_limits().unwrap_or_default());
        }
        holds
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let place = self.place();
        // A runtime cannot be entered from within another one.
        let swept = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(Containers::reset(&place))
        });
        let swept = swept.join().expect("the thread ends");
        // A test that fails already says so; a second panic would hide it.
        assert!(std::thread::panicking() || swept.is_ok(), "the sandbox could not be taken away: {swept:?}");
    }
}

#[tokio::test]
async fn a_full_disk_says_so_in_the_container_and_a_resize_by_the_api_makes_room_at_once() {
    let Some(own) = Own::new().await else { return };
    if !own.holds_sizes().await {
        return;
    }
    let node = &own.node;
    let options = [
        ("vmid", "101"),
        ("ostemplate", UBUNTU),
        ("hostname", "full"),
        ("rootfs", "local-zfs:2"),
        ("mp0", "local-zfs:0.0625,mp=/data"),
        ("start", "1"),
    ];
    ok(node, post(node, "/n/lxc", &options).await).await;
    let write = "dd if=/dev/zero of=/data/file bs=1M count=100 oflag=append conv=notrunc";
    let said = own.inside("101", write).await;
    assert!(said.contains("Disk quota exceeded"), "what ZFS says under Proxmox VE: {said}");
    let said = own.inside("101", "dd if=/dev/zero of=/root/file bs=1M count=2100").await;
    assert!(said.contains("Disk quota exceeded"), "{said}");
    assert_eq!(own.inside("101", "rm /root/file && echo gone").await, "gone");

    let shrunk = put(node, "/n/lxc/101/resize", &[("disk", "mp0"), ("size", "32M")]).await;
    assert_eq!((shrunk.status, shrunk.reason.as_str()), (500, "unable to shrink disk size"));
    ok(node, put(node, "/n/lxc/101/resize", &[("disk", "mp0"), ("size", "+256M")]).await).await;
    let config = get(node, "/n/lxc/101/config").await;
    assert!(config.data()["mp0"].as_str().expect("a disk").ends_with("size=320M"), "{config:?}");
    assert_eq!(own.inside("101", &format!("{write} >/dev/null 2>&1 && echo ok")).await, "ok");
}

/// Returns the volid that a container's configuration has under a key.
async fn disk(node: &Node, vmid: &str, key: &str) -> String {
    let config = get(node, &format!("/n/lxc/{vmid}/config")).await;
    let value = config.data()[key].as_str().unwrap_or_default().to_owned();
    value.split(',').next().unwrap_or_default().to_owned()
}

/// Returns the volids of the backups on the storage `local`.
async fn backups(node: &Node) -> Vec<String> {
    let list = call(node, Method::Get, "/n/storage/local/content", &[("content", "backup")]).await;
    let rows = list.data().as_array().expect("a list").clone();
    rows.iter().map(|row| row["volid"].as_str().expect("a volid").to_owned()).collect()
}

#[tokio::test]
async fn a_backup_holds_what_the_container_sees_and_a_restore_brings_it_back_with_its_owners() {
    let Some(own) = Own::new().await else { return };
    let node = &own.node;
    let options = [
        ("vmid", "101"),
        ("ostemplate", UBUNTU),
        ("hostname", "kept"),
        ("rootfs", "local-zfs:3"),
        ("mp0", "local-zfs:1,mp=/data/in,backup=1"),
        ("mp1", "local-zfs:1,mp=/scratch"),
        ("start", "1"),
    ];
    ok(node, post(node, "/n/lxc", &options).await).await;
    let fill = "echo root > /root/file; echo data > /data/in/file; chown 33:44 /data/in/file; chmod 640 /data/in/file; \
        echo scratch > /scratch/file; rm /etc/motd; rm -rf /etc/cron.d; ln -s /data/in/file /root/link";
    own.inside("101", fill).await;
    let dump = [("vmid", "101"), ("storage", "local"), ("compress", "zstd"), ("mode", "snapshot")];
    ok(node, post(node, "/n/vzdump", &dump).await).await;
    assert_eq!(own.inside("101", "cat /root/file").await, "root", "it went on");
    let volid = backups(node).await.pop().expect("a backup");
    let file = own.place().join("dump").join(volid.replace(":backup/", "/"));
    let listed = std::process::Command::new("tar").arg("-tvf").arg(&file).arg("--numeric-owner").output();
    let listed = String::from_utf8_lossy(&listed.expect("tar runs").stdout).into_owned();
    let has = |end: &str| listed.lines().find(|line| line.ends_with(end)).unwrap_or_default().to_owned();
    assert!(has(" ./data/in/file").contains(" 33/44 "), "the owners that the container sees");
    assert!(has(" ./root/file").contains(" 0/0 ") && !has(" ./etc/vzdump/pct.conf").is_empty());
    assert!(has(" ./scratch/file").is_empty() && has(" ./etc/motd").is_empty(), "neither is in it");

    let restore = [("vmid", "102"), ("ostemplate", &*volid), ("restore", "1"), ("storage", "local-zfs")];
    ok(node, post(node, "/n/lxc", &restore).await).await;
    ok(node, post(node, "/n/lxc/102/status/start", &[]).await).await;
    let look = "cat /root/link; stat -c '%u %g %a' /data/in/file; ls /etc/motd /etc/cron.d /scratch; ping -V >/dev/null && hostname";
    let said = own.inside("102", &format!("{{ {look}; }} 2>/dev/null")).await;
    assert_eq!(said, "data\n33 44 640\n/scratch:\nkept");
    let sizes = own.containers.disks().await.expect("are there").hold_sizes();
    if sizes {
        let said =
            own.inside("102", "dd if=/dev/zero of=/data/in/big bs=1M count=1100; rm /data/in/big").await;
        assert!(said.contains("Disk quota exceeded"), "{said}");
    }

    // Over itself; then in mode `stop`; and the files go with their backups.
    own.inside("101", "echo new > /root/file").await;
    ok(node, post(node, "/n/lxc/101/status/stop", &[]).await).await;
    let over = [("vmid", "101"), ("ostemplate", &*volid), ("restore", "1"), ("force", "1"), ("start", "1")];
    ok(node, post(node, "/n/lxc", &over).await).await;
    assert_eq!(own.inside("101", "cat /root/file").await, "root");
    let stop = [("vmid", "102"), ("storage", "local"), ("compress", "gzip"), ("mode", "stop")];
    ok(node, post(node, "/n/vzdump", &stop).await).await;
    assert_eq!(own.inside("102", "hostname").await, "kept", "it runs again");
    for volid in backups(node).await {
        ok(node, delete(node, &format!("/n/storage/local/content/{volid}")).await).await;
    }
    let left = || std::fs::read_dir(own.place().join("dump/local")).map_or(0, Iterator::count);
    for _ in 0..100 {
        if left() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(left(), 0, "the files of backups that were removed are gone");
}

#[tokio::test]
async fn volumes_move_between_storages_of_every_kind_and_to_another_container() {
    let Some(own) = Own::new().await else { return };
    let node = &own.node;
    for (storage, kind) in [("files", "dir"), ("tree", "btrfs")] {
        let path = format!("/mnt/{storage}");
        let options = [("storage", storage), ("type", kind), ("path", &*path), ("content", "rootdir,images")];
        post(node, "/storage", &options).await.data();
    }
    for (vmid, root) in [("101", "tree:3"), ("102", "local-zfs:3")] {
        let options = [
            ("vmid", vmid),
            ("ostemplate", UBUNTU),
            ("hostname", vmid),
            ("rootfs", root),
            ("mp0", "local-zfs:1,mp=/data"),
            ("start", "1"),
        ];
        ok(node, post(node, "/n/lxc", &options).await).await;
        own.inside(vmid, &format!("echo {vmid} > /data/file; echo root > /root/file; rm /etc/motd")).await;
        ok(node, post(node, &format!("/n/lxc/{vmid}/status/stop"), &[]).await).await;
    }
    // A root file system goes the round of all kinds, and stays what it is.
    for to in ["files", "local-zfs", "tree"] {
        let wish = [("volume", "rootfs"), ("storage", to), ("delete", "1")];
        ok(node, post(node, "/n/lxc/101/move_volume", &wish).await).await;
        assert!(disk(node, "101", "rootfs").await.starts_with(&format!("{to}:")));
        let all = std::fs::read_dir(own.place().join("disks")).expect("is there").count();
        assert_eq!(all, 4, "it has left where it was");
    }
    let wish = [("volume", "mp0"), ("target-vmid", "102"), ("target-volume", "mp1")];
    ok(node, post(node, "/n/lxc/101/move_volume", &wish).await).await;
    assert_eq!(disk(node, "102", "mp1").await, "local-zfs:subvol-102-disk-2");
    put(node, "/n/lxc/102/config", &[("mp1", "local-zfs:subvol-102-disk-2,mp=/other,size=1G")]).await.data();
    for vmid in ["101", "102"] {
        ok(node, post(node, &format!("/n/lxc/{vmid}/status/start"), &[]).await).await;
    }
    assert_eq!(own.inside("101", "cat /root/file; ls /etc/motd /data/file 2>/dev/null").await, "root");
    assert_eq!(own.inside("102", "cat /data/file /other/file").await, "102\n101");
}

#[tokio::test]
async fn what_was_in_a_removed_volume_does_not_come_back_in_a_new_one() {
    let Some(own) = Own::new().await else { return };
    let node = &own.node;
    let volume = ("mp0", "local-zfs:1,mp=/data");
    let options =
        [("vmid", "101"), ("ostemplate", UBUNTU), ("rootfs", "local-zfs:3"), volume, ("start", "1")];
    ok(node, post(node, "/n/lxc", &options).await).await;
    own.inside("101", "echo old > /data/file").await;
    ok(node, post(node, "/n/lxc/101/status/stop", &[]).await).await;
    for key in ["mp0", "unused0"] {
        put(node, "/n/lxc/101/config", &[("delete", key)]).await.data();
    }
    put(node, "/n/lxc/101/config", &[volume]).await.data();
    ok(node, post(node, "/n/lxc/101/status/start", &[]).await).await;
    assert_eq!(own.inside("101", "ls /data; hostname").await, "CT101");
    let left = || std::fs::read_dir(own.place().join("disks")).map_or(0, Iterator::count);
    for _ in 0..100 {
        if left() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(left(), 2, "the old data is gone");
}
