//! A sandbox of a test's own, which goes with it.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use phoenix_node::{MachineMode, Node, NodeSeed, Options};
use phoenix_sandbox::{Bridge, Containers, Images, Outside, OutsideSpec, Sandbox, SandboxSpec};
use tempfile::TempDir;

use crate::stores::CACHE;

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
    unpacked: Unpacked,
}

/// The images that sandboxes of this process have unpacked, for as long as anybody holds this. Nobody ever writes to an
/// image, so that every sandbox has links to the files of the first one's.
pub(crate) struct Unpacked(Arc<TempDir>);

impl Unpacked {
    /// Returns those that somebody holds already, or none yet.
    pub(crate) fn hold() -> Self {
        static HELD: Mutex<Weak<TempDir>> = Mutex::new(Weak::new());
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        let dir = held.upgrade().unwrap_or_else(|| {
            let dir = Arc::new(roomy());
            *held = Arc::downgrade(&dir);
            dir
        });
        Self(dir)
    }

    /// Links the images in one directory into another, where they are not there.
    fn link(from: &Path, to: &Path) {
        for image in from.read_dir().into_iter().flatten().flatten() {
            let name = image.file_name();
            // A hidden one is a lock, or not whole.
            if name.to_string_lossy().starts_with('.') || to.join(&name).exists() {
                continue;
            }
            std::fs::create_dir_all(to).expect("a directory for images");
            let made = Command::new("cp").arg("-al").arg(image.path()).arg(to.join(&name)).status();
            assert!(made.is_ok_and(|status| status.success()), "no links to the files of {name:?}");
        }
    }
}

/// Returns a directory in memory if there is room: on a disk without journal, making files is slow for minutes after
/// thousands of them were removed.
fn roomy() -> TempDir {
    let memory = Path::new("/dev/shm");
    let room = rustix::fs::statvfs(memory).map_or(0, |room| room.f_bavail * room.f_frsize);
    let dir = if room > 4 << 30 { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    dir.expect("a directory for the sandbox")
}

impl OwnSandbox {
    /// Returns one that has nothing but images.
    pub(crate) fn new() -> Self {
        let (dir, unpacked) = (roomy(), Unpacked::hold());
        Self { dir, unpacked }
    }

    /// Runs a command at a client outside of all bridges; tells whether it succeeded.
    ///
    /// # Panics
    /// If there is no sandbox, or nobody outside can be made.
    pub async fn outside(&self, argv: &[&str], limit: Duration) -> bool {
        let sandbox = Sandbox::find(&self.place()).expect("a place").expect("a sandbox that runs");
        let outside = match Outside::find(&sandbox) {
            Some(outside) => outside,
            None => sandbox.outside(&OutsideSpec::default(), &[]).await.expect("a client outside"),
        };
        outside.run(argv, b"", limit).await.is_ok()
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
        let containers = containers.with_mirror(Path::new(CACHE).join("mirror"));
        // Machines by QEMU take minutes each where there is no acceleration.
        let options = Options { seed, machines: MachineMode::Containers, ..Options::default() };
        let node = Node::open_real(self.dir.path(), options, containers).await.expect("a node");
        // Only now, for a node takes no directory that has anything in it.
        Unpacked::link(self.unpacked.0.path(), &self.images());
        node
    }

    fn place(&self) -> PathBuf {
        Node::sandbox_dir(self.dir.path())
    }

    fn images(&self) -> PathBuf {
        self.place().join("images")
    }
}

impl Drop for OwnSandbox {
    fn drop(&mut self) {
        let place = self.place();
        if !std::thread::panicking() {
            Unpacked::link(&self.images(), self.unpacked.0.path());
        }
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
