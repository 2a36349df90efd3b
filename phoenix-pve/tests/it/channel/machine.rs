//! A node and its guests on this machine, in namespaces that end with the test.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    sync::Arc,
    time::Duration,
};

use phoenix_core::{GuestId, Site};
use phoenix_pve::{ChannelLimits, Client, Entry, LiveChannel, Nodes, SshOptions};
use tempfile::TempDir;

use super::cluster::Cluster;

/// The guest that most tests work in.
pub(crate) const GUEST: u32 = 101;

/// A node with guests.
pub(crate) struct Machine {
    pub(crate) cluster: Cluster,
    pub(crate) dir: TempDir,
    node: u32,
    children: Vec<Child>,
}

impl Machine {
    /// Returns a node with one guest that runs; none, with the reason printed, where that cannot be.
    pub(crate) fn new() -> Option<Self> {
        let probe = Command::new("unshare").args(["-m", "-p", "-f", "--", "true"]).output();
        if !probe.is_ok_and(|output| output.status.success()) {
            println!("skipped: namespaces cannot be made here (not root?)");
            return None;
        }
        let dir = tempfile::tempdir().expect("a directory for the test");
        for (name, text) in [
            ("node.sh", include_str!("fixture/node.sh")),
            ("guest.sh", include_str!("fixture/guest.sh")),
            ("pct", include_str!("fixture/pct")),
            ("systemctl", include_str!("fixture/systemctl")),
        ] {
            fs::write(dir.path().join(name), text).expect("a file of the fixture");
        }
        fs::create_dir(dir.path().join("room")).expect("a directory");
        let mut machine = Self { cluster: Cluster::default(), dir, node: 0, children: Vec::new() };
        machine.node = machine.begin(&["-m"], "node.sh", &[])?;
        machine.configure(GUEST, "arch: amd64\nhostname: one\n");
        machine.start(GUEST);
        Some(machine)
    }

    fn begin(&mut self, namespaces: &[&str], script: &str, more: &[&str]) -> Option<u32> {
        let mut child = Command::new("unshare")
            .args(namespaces)
            .args(["--propagation", "private", "--", "sh"])
            .arg(self.dir.path().join(script))
            .arg(self.dir.path())
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("unshare is there");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("it says its number");
        self.children.push(child);
        let pid = line.trim().parse().ok();
        if pid.is_none() {
            println!("skipped: no layer over the root file system can be made here");
        }
        pid
    }

    /// Writes a container's configuration.
    pub(crate) fn configure(&self, vmid: u32, text: &str) {
        fs::write(self.path(&format!("/etc/pve/nodes/pve1/lxc/{vmid}.conf")), text)
            .expect("the node's files");
        self.cluster.add(vmid, "lxc");
    }

    /// Starts a container.
    pub(crate) fn start(&mut self, vmid: u32) {
        let pid = self.begin(&["-m", "-p", "-f", "--kill-child"], "guest.sh", &[&vmid.to_string()]);
        let pid = pid.expect("what holds the node holds a guest");
        fs::write(self.path(&format!("/run/guests/{vmid}")), pid.to_string()).expect("the node's files");
    }

    /// Stops a container.
    pub(crate) fn stop(&self, vmid: u32) {
        fs::remove_file(self.path(&format!("/run/guests/{vmid}"))).expect("it runs");
    }

    /// Returns where a path of the node is for us.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{path}", self.node))
    }

    /// Returns where a path of a guest is for us.
    pub(crate) fn guest_path(&self, vmid: u32, path: &str) -> PathBuf {
        let pid = fs::read_to_string(self.path(&format!("/run/guests/{vmid}"))).expect("it runs");
        PathBuf::from(format!("/proc/{pid}/root{path}"))
    }

    /// Runs a script in the guest behind the channel's back.
    pub(crate) fn inside(&self, script: &str) -> String {
        let pid = fs::read_to_string(self.path(&format!("/run/guests/{GUEST}"))).expect("it runs");
        let words = ["-t", &pid, "-m", "-p", "-r", "-w", "--", "/bin/sh", "-c", script];
        let Output { status, stdout, stderr } =
            Command::new("nsenter").args(words).output().expect("nsenter");
        assert!(status.success(), "{script}: {}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).expect("text")
    }

    /// Returns the words that bring a command onto the node.
    pub(crate) fn prefix(&self) -> Vec<String> {
        let node = self.node.to_string();
        ["nsenter", "-t", &node, "-m", "-r", "-w", "--"].map(str::to_owned).to_vec()
    }

    /// Returns a channel from the node itself.
    pub(crate) fn channel(&self) -> LiveChannel {
        self.channel_with(limits())
    }

    /// Returns a channel from the node itself under other limits.
    pub(crate) fn channel_with(&self, limits: ChannelLimits) -> LiveChannel {
        let client = Client::new(Arc::new(self.cluster.clone()));
        let entry = Entry::Local { prefix: self.prefix() };
        let nodes = Nodes::new(client.clone(), "pve1", entry, SshOptions::default());
        LiveChannel::new(client, nodes, limits)
    }

    /// Returns how often `pct` was called, and forgets it.
    pub(crate) fn execs(&self) -> usize {
        let log = self.path("/run/pct.log");
        let lines = fs::read_to_string(&log).unwrap_or_default().lines().count();
        let _ = fs::remove_file(log);
        lines
    }

    /// Begins a process on the node that ends with the test.
    pub(crate) fn spawn(&mut self, words: &[&str]) {
        let prefix = self.prefix();
        let child = Command::new(&prefix[0])
            .args(&prefix[1..])
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nsenter is there");
        self.children.push(child);
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Returns limits that a test can wait for.
pub(crate) fn limits() -> ChannelLimits {
    ChannelLimits { poll_floor: Duration::from_millis(5), ..ChannelLimits::default() }
}

/// Returns the site of the guest.
pub(crate) fn site() -> Site {
    Site::Guest(GuestId::lxc(GUEST))
}
