//! Containers that really run, on Debian's image, in a node of their own.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use phoenix_sandbox::{Bridge, ContainerSpec, Containers, DiskKind, NewDisk, Owners, Sandbox, SandboxSpec};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::holder::alone;

pub(crate) const IMAGE: &str = "debian-12-standard";

/// A node with an image.
pub(crate) struct Live {
    pub(crate) containers: Containers,
    pub(crate) dir: TempDir,
}

/// Returns a node, with the lock of the machine, or says why there can be none.
#[expect(clippy::print_stderr, reason = "says why a test did nothing")]
pub(crate) async fn live() -> Option<(File, Live)> {
    let alone = alone()?;
    let live = Live::new();
    if !live.containers.images().is_there(IMAGE)
        && let Err(error) = live.containers.images().tarball(IMAGE, |_| ()).await
    {
        eprintln!("skipped: {error}");
        return None;
    }
    Some((alone, live))
}

impl Live {
    /// Returns a node that has nothing, in memory if there is room.
    pub(crate) fn new() -> Self {
        let dir = place();
        let cache = std::env::var_os("PHOENIX_TEMPLATE_CACHE");
        let cache = cache.map_or_else(|| PathBuf::from("/var/cache/phoenix/templates"), PathBuf::from);
        let containers = Containers::new(node(&dir), cache).expect("nothing is lacking");
        Self { containers, dir }
    }

    /// Returns another node with the same unpacked images.
    pub(crate) fn twin(&self) -> Self {
        let twin = Self::new();
        fs::create_dir_all(twin.node()).expect("is made");
        let trees = [self.node().join("images"), twin.node().join("images")];
        let copied = Command::new("cp").arg("-al").args(trees).status().expect("copies");
        assert!(copied.success());
        twin
    }

    pub(crate) fn node(&self) -> PathBuf {
        self.dir.path().join("node")
    }

    /// Makes the root file system of an unprivileged container and returns what it shall be.
    pub(crate) async fn make(&self, vmid: u32) -> ContainerSpec {
        let root = format!("local_{vmid}-disk-0");
        let new = NewDisk { kind: DiskKind::Layers, owners: Owners::Shifted, size: 4 << 30 };
        self.containers.create_root(&root, IMAGE, &new).await.expect("has a root file system");
        ContainerSpec {
            vmid,
            hostname: format!("ct{vmid}"),
            unprivileged: true,
            root,
            memory: 256 << 20,
            swap: 64 << 20,
            ..ContainerSpec::default()
        }
    }

    pub(crate) fn sandbox(&self) -> Sandbox {
        Sandbox::find(&self.node()).expect("is read").expect("runs")
    }

    /// Runs a script in a container and returns what it says.
    pub(crate) async fn says(&self, vmid: u32, script: &str) -> String {
        let vmid = vmid.to_string();
        let words = ["/usr/local/sbin/pct", "exec", &vmid, "--", "/bin/bash", "-c", script];
        let said = self.sandbox().run(&words, b"", Duration::from_secs(60)).await;
        said.unwrap_or_else(|error| panic!("`{script}`: {error}")).text.trim().to_owned()
    }

    pub(crate) fn runs(&self, vmid: u32) -> bool {
        self.containers.running().expect("is known").contains(&vmid)
    }

    /// Lists the first processes of a container, by their numbers on the machine.
    pub(crate) fn inits(&self, vmid: u32) -> Vec<i32> {
        let Some(sandbox) = Sandbox::find(&self.node()).expect("is read") else { return Vec::new() };
        let groups = read(sandbox.status().pid, "cgroup");
        let own = groups.split(['/', '\n']).find(|name| name.starts_with("phoenix-")).expect("has groups");
        let mark = format!("/{own}/lxc.payload.{vmid}");
        let is_init = |pid: &i32| {
            let status = read(*pid, "status");
            let numbers = status.lines().find(|line| line.starts_with("NSpid:")).unwrap_or_default();
            let is_first = numbers.split_whitespace().count() == 4 && numbers.ends_with("\t1");
            is_first && read(*pid, "cgroup").lines().any(|line| is_below(line, &mark))
        };
        pids().into_iter().filter(is_init).collect()
    }

    /// Kills the monitor of a container as an accident would, and waits until it is gone.
    pub(crate) async fn kill_monitor(&self, vmid: u32) {
        let space = space(self.sandbox().status().pid);
        let title = format!("[lxc monitor] /c {vmid}");
        let monitors: Vec<i32> = pids()
            .into_iter()
            .filter(|pid| read(*pid, "cmdline").trim_end_matches('\0') == title && self::space(*pid) == space)
            .collect();
        assert_eq!(monitors.len(), 1, "{vmid} has a monitor");
        kill_process(Pid::from_raw(monitors[0]).expect("is a number"), Signal::KILL).expect("runs");
        for _ in 0..500 {
            if !self.runs(vmid) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{vmid} still counts as running");
    }

    /// Says whether anything of a container is left in the sandbox: processes, its root, or groups.
    pub(crate) fn has_remains(&self, vmid: u32) -> bool {
        let mounts = read(self.sandbox().status().pid, "mountinfo");
        let root = format!(" /run/phoenix/roots/{vmid} ");
        mounts.contains(&root) || !self.inits(vmid).is_empty()
    }
}

/// Whatever a test has come to, its sandbox goes with it.
impl Drop for Live {
    fn drop(&mut self) {
        let node = self.node();
        // A runtime cannot be entered from within another one.
        let swept = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(Sandbox::clear(&node))
        });
        let swept = swept.join().expect("the thread ends");
        // A test that fails already says so; a second panic would hide it.
        assert!(std::thread::panicking() || swept.is_ok(), "the sandbox could not be taken away: {swept:?}");
    }
}

/// Returns a directory: in memory if there is room, because a disk may be slow for minutes after many files went.
pub(crate) fn place() -> TempDir {
    let memory = Path::new("/dev/shm");
    let room = rustix::fs::statvfs(memory).map_or(0, |room| room.f_bavail * room.f_frsize);
    let dir = if room > 3 << 30 { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    dir.expect("a directory")
}

/// Returns the processes in a process namespace, with the times at which they began: numbers come back.
pub(crate) fn processes_in(wanted: &str) -> Vec<(i32, String)> {
    let found = pids().into_iter().filter(|pid| space(*pid) == wanted);
    found.map(|pid| (pid, began(pid))).collect()
}

/// Returns when a process began.
pub(crate) fn began(pid: i32) -> String {
    let stat = read(pid, "stat");
    let fields = stat.rsplit(") ").next().unwrap_or_default();
    fields.split(' ').nth(19).unwrap_or_default().to_owned()
}

/// Returns the process namespace of a process.
pub(crate) fn space(pid: i32) -> String {
    fs::read_link(format!("/proc/{pid}/ns/pid"))
        .map_or_else(|_| String::new(), |link| link.display().to_string())
}

fn node(dir: &TempDir) -> SandboxSpec {
    SandboxSpec {
        dir: dir.path().join("node"),
        hostname: "pve-test".to_owned(),
        bridges: vec![Bridge {
            name: "vmbr0".to_owned(),
            addresses: vec!["10.86.0.13/24".to_owned()],
            gateways: Vec::new(),
        }],
        uplink: false,
    }
}

/// Says whether a line of `/proc/…/cgroup` leads to a group or below it; LXC counts up the name of a second one.
fn is_below(line: &str, mark: &str) -> bool {
    line.split_once(mark).is_some_and(|(_, rest)| rest.is_empty() || rest.starts_with(['/', '-']))
}

fn pids() -> Vec<i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn read(pid: i32, file: &str) -> String {
    String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default()).into_owned()
}
