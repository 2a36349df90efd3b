//! What a sandbox could leave on the machine, to be compared before and after.

use std::{collections::BTreeMap, fs, path::Path};

use sha2::{Digest, Sha256};

/// Everything outside a node's directory that a sandbox touches.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Machine {
    mounts: Vec<String>,
    interfaces: Vec<String>,
    groups: Vec<String>,
    hierarchies: Vec<String>,
    pub(crate) loops: Vec<String>,
    limit: Limit,
    processes: Vec<String>,
    files: BTreeMap<&'static str, String>,
    hostname: String,
}

/// A limit of the machine; none while other sandboxes run on it that share it, and then it says nothing.
#[derive(Debug, Eq)]
struct Limit(Option<String>);

impl PartialEq for Limit {
    fn eq(&self, other: &Self) -> bool {
        self.0.is_none() || other.0.is_none() || self.0 == other.0
    }
}

impl Machine {
    /// Looks at the machine. Other sandboxes may run on it meanwhile, so it looks at the groups and processes of those
    /// below this directory, and at the limits that they share when no other is written down.
    pub(crate) fn look(dir: &Path) -> Self {
        let node = dir.join("node").display().to_string();
        let register = text("/run/phoenix-sandbox/register.json");
        Self {
            mounts: lines("/proc/self/mountinfo").into_iter().filter(|line| line.contains(&node)).collect(),
            interfaces: names("/sys/class/net"),
            groups: groups(&node),
            hierarchies: hierarchies(),
            loops: loops(dir),
            limit: Limit(register.is_empty().then(|| text("/proc/sys/fs/inotify/max_user_instances"))),
            processes: processes_of(&[], dir),
            files: [
                "/etc/hostname",
                "/etc/hosts",
                "/etc/subuid",
                "/etc/subgid",
                "/etc/resolv.conf",
                "/etc/phoenix-test",
            ]
            .map(|path| (path, text(path)))
            .into(),
            hostname: text("/proc/sys/kernel/hostname"),
        }
    }
}

/// Lists the processes that stand in one of these namespaces, or have a directory in their words or environment.
pub(crate) fn processes_of(spaces: &[String], dir: &Path) -> Vec<String> {
    let dir = dir.display().to_string();
    let own = std::process::id().to_string();
    names("/proc")
        .into_iter()
        .filter(|pid| pid.bytes().all(|byte| byte.is_ascii_digit()) && *pid != own)
        .filter(|pid| {
            let has = |file: &str| text(&format!("/proc/{pid}/{file}")).contains(&dir);
            // One that has ended and waits to be seen by its parent has neither.
            has("environ") || has("cmdline") || spaces_of(pid).iter().any(|space| spaces.contains(space))
        })
        .map(|pid| format!("{pid} {}", text(&format!("/proc/{pid}/cmdline")).replace('\0', " ")))
        .collect()
}

/// Returns the namespaces of a process that a sandbox has of its own.
pub(crate) fn spaces_of(pid: &str) -> Vec<String> {
    ["net", "mnt", "pid", "uts", "ipc"]
        .iter()
        .filter_map(|kind| fs::read_link(format!("/proc/{pid}/ns/{kind}")).ok())
        .map(|link| link.display().to_string())
        .collect()
}

/// Lists the groups of the sandbox of a directory.
fn groups(node: &str) -> Vec<String> {
    let sum: String = Sha256::digest(node).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let mut found = Vec::new();
    let mut open = vec![std::path::PathBuf::from("/sys/fs/cgroup")];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(entry.path());
                found.push(entry.path().display().to_string());
            }
        }
    }
    found.retain(|path| path.contains(&format!("phoenix-{sum}")));
    found.sort();
    found
}

/// Lists what the machine has mounted to control groups, how, and what else is in that place.
fn hierarchies() -> Vec<String> {
    let mounts = lines("/proc/self/mountinfo").into_iter().filter(|line| line.contains(" /sys/fs/cgroup"));
    let hybrid = Path::new("/sys/fs/cgroup/unified").exists();
    mounts.chain(names("/sys/fs/cgroup").into_iter().filter(|_| hybrid)).collect()
}

/// Lists the files of a node that stand as disks. What is shown begins where a mount did, so it looks for the name of the
/// directory, which no other has, or for that of a file which a test made on a host.
fn loops(dir: &Path) -> Vec<String> {
    let name = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let backing = |name: &String| text(&format!("/sys/block/{name}/loop/backing_file"));
    let files = names("/sys/block").iter().map(backing).collect::<Vec<_>>();
    files.into_iter().filter(|file| file.contains(&name) || file.contains("phoenix-test.img")).collect()
}

fn text(path: &str) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

fn lines(path: &str) -> Vec<String> {
    text(path).lines().map(str::to_owned).collect()
}

fn names(path: &str) -> Vec<String> {
    let mut found: Vec<String> = fs::read_dir(path)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    found.sort();
    found
}
