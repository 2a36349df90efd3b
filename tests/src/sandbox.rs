//! A sandbox of a test's own, which goes with it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use phoenix_node::{Node, NodeSeed, Options};
use phoenix_sandbox::{Bridge, Containers, Images, SandboxSpec};
use tempfile::TempDir;

/// Tells why this machine can have no real containers, if it cannot: for want of programs, or of the image that labs
/// stand on, which is built where it is not in the cache.
pub(crate) fn obstacle() -> Option<String> {
    let lacking: Vec<String> = phoenix_sandbox::lacking().iter().map(ToString::to_string).collect();
    if !lacking.is_empty() {
        return Some(lacking.join("; "));
    }
    let store = std::env::temp_dir();
    let images = Images::new(cache(), store);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let image = runtime.block_on(images.tarball("ubuntu-24.04-standard", |_| ()));
    image.err().map(|error| error.to_string())
}

fn cache() -> PathBuf {
    let named = std::env::var_os("PHOENIX_TEMPLATE_CACHE");
    named.map_or_else(|| PathBuf::from("/var/cache/phoenix/templates"), PathBuf::from)
}

/// A directory with a node of real containers. All that it has ends when this is dropped.
pub struct OwnSandbox {
    dir: TempDir,
}

impl OwnSandbox {
    /// Returns one that has nothing yet. It lies in memory if there is room: on a disk without journal, making files is
    /// slow for minutes after thousands of them were removed.
    pub(crate) fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let room = rustix::fs::statvfs(memory).map_or(0, |room| room.f_bavail * room.f_frsize);
        let dir = if room > 4 << 30 { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        Self { dir: dir.expect("a directory for the sandbox") }
    }

    /// Opens the node.
    pub(crate) async fn node(&self, seed: NodeSeed) -> Arc<Node> {
        let bridges = seed.bridges.iter().map(|name| Bridge {
            name: name.clone(),
            addresses: Vec::new(),
            gateways: Vec::new(),
        });
        let spec = SandboxSpec {
            dir: self.place(),
            hostname: seed.name.clone(),
            bridges: bridges.collect(),
            uplink: false,
        };
        let containers = Containers::new(spec, cache()).expect("a machine that can run containers");
        let options = Options { seed, ..Options::default() };
        Node::open_real(self.dir.path(), options, containers).await.expect("a node")
    }

    fn place(&self) -> PathBuf {
        Node::sandbox_dir(self.dir.path())
    }
}

impl Drop for OwnSandbox {
    fn drop(&mut self) {
        let place = self.place();
        // A runtime cannot be entered from within another one.
        let swept = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(Containers::reset(&place))
        });
        let swept = swept.join().expect("the thread ends");
        // A test that fails already says so; a second panic would hide it.
        assert!(std::thread::panicking() || swept.is_ok(), "the sandbox could not be taken away: {swept:?}");
    }
}
