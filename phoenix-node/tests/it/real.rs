//! The engine of real containers from outside: sizes of disks that hold, by calls of the API alone.

#![allow(clippy::print_stdout, reason = "a test that is skipped says why")]

use std::{path::PathBuf, sync::Arc, time::Duration};

use phoenix_node::{Node, Options};
use phoenix_sandbox::{Containers, Sandbox, SandboxSpec};
use tempfile::TempDir;

use crate::kit::{UBUNTU, fetch, get, ok, post, put};

/// A node of real containers, which go with it.
pub(crate) struct Own {
    pub(crate) node: Arc<Node>,
    pub(crate) containers: Containers,
    dir: TempDir,
}

impl Own {
    /// Returns a node that has an OS template, or says why there can be none here.
    pub(crate) async fn new() -> Option<Self> {
        let memory = std::path::Path::new("/dev/shm");
        let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let dir = dir.expect("a directory");
        let spec = SandboxSpec {
            dir: Node::sandbox_dir(dir.path()),
            hostname: "phoenix".to_owned(),
            bridges: Vec::new(),
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
