//! How a sandbox begins: whoever begins it and the first process in it go step by step together, and until the last
//! step the death of either ends the other's work, so that nothing half-made stays.

use std::{
    fs::{self, File},
    path::Path,
    process::Stdio,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{ChildStdout, Command},
};

use super::{
    cgroups::Groups, limits, pool, process::Process, programs, record, record::Record, spec::SandboxSpec,
};
use crate::error::SandboxError;

/// What the first process runs.
const SCRIPT: &str = include_str!("begin.sh");

/// How long each step may take.
const LIMIT: Duration = Duration::from_secs(60);

/// File systems that can hold a part of the machine's tree besides `/`.
const ON_DISK: [&str; 9] = ["ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "bcachefs", "jfs"];

/// What the sandbox has of its own.
const OWN: [&str; 5] = ["/proc", "/sys", "/dev", "/run", "/tmp"];

/// Begins the sandbox of a directory in which none runs. After a failure the caller clears up.
pub(super) async fn begin(spec: &SandboxSpec) -> Result<Record, SandboxError> {
    let (place, host) = (record::place(&spec.dir), spec.dir.join("host"));
    for dir in [host.join("upper"), host.join("work"), host.join("root")] {
        make(&dir)?;
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo")
        .map_err(SandboxError::file("read", Path::new("/proc/self/mountinfo")))?;
    let more = more_of_the_tree(&mounts, &spec.dir);
    for (name, _) in &more {
        make(&host.join("more").join(name).join("upper"))?;
        make(&host.join("more").join(name).join("work"))?;
    }
    let list: String = more.iter().map(|(name, path)| format!("{name} {path}\n")).collect();
    write(&place.join("mounts"), &list)?;
    write(&place.join("begin"), SCRIPT)?;
    let log = place.join("log");
    let log = File::create(&log).map_err(SandboxError::file("write", &log))?;

    pool::forget(&spec.dir)?;
    let image = pool::prepare(&spec.dir).await?.unwrap_or_default();
    let groups = Groups::make(&record::name(&spec.dir))?;
    let setsid = programs::find("setsid", "util-linux")?;
    let unshare = programs::find("unshare", "util-linux")?;
    // The new session's parent ends at once: the holder is nobody's child, and no death of a terminal or a command
    // reaches it. `--kill-child` would tie it to the `unshare` that waits for it; what ends it is only its own end.
    let mut child = Command::new(&setsid)
        .arg("--fork")
        .arg(&unshare)
        .args([
            "--mount",
            "--net",
            "--pid",
            "--uts",
            "--ipc",
            "--fork",
            "--propagation",
            "private",
            "--",
            "/bin/sh",
        ])
        .arg(place.join("begin"))
        .args(&groups.joined)
        .env_clear()
        .env("PATH", programs::path())
        .env("LC_ALL", "C")
        .env("PHOENIX_SANDBOX", &spec.dir)
        .env("PHOENIX_HOSTNAME", &spec.hostname)
        .env("PHOENIX_POOL", &image)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .map_err(SandboxError::file("run", &setsid))?;
    let mut tell = child.stdin.take().expect("standard input is piped");
    let mut lines = BufReader::new(child.stdout.take().expect("standard output is piped")).lines();
    child.wait().await.map_err(SandboxError::file("run", &setsid))?;

    let pid = hear(&mut lines, &spec.dir).await?;
    let holder = pid.parse().ok().and_then(|pid| Process::of(pid, &record::mark(&spec.dir)));
    let holder = holder.ok_or_else(|| failed(&spec.dir))?;
    let mut record = Record::new(holder, &spec.hostname, groups);
    // On the disk before it makes anything: whoever comes after a kill of this command finds it.
    record.write(&spec.dir)?;
    limits::raise(&spec.dir).await?;
    tell.write_all(b"go\n").await.map_err(|_| failed(&spec.dir))?;
    if hear(&mut lines, &spec.dir).await? != "ready" {
        return Err(failed(&spec.dir));
    }
    record.is_ready = true;
    record.write(&spec.dir)?;
    Ok(record)
}

/// Reads the next line of the first process.
async fn hear(lines: &mut Lines<BufReader<ChildStdout>>, dir: &Path) -> Result<String, SandboxError> {
    let line = tokio::time::timeout(LIMIT, lines.next_line())
        .await
        .map_err(|_| SandboxError::Late { program: "unshare".to_owned(), seconds: LIMIT.as_secs() })?;
    line.ok().flatten().ok_or_else(|| failed(dir))
}

/// Returns the error of a first process that ended early: the last that it said.
fn failed(dir: &Path) -> SandboxError {
    let said = fs::read_to_string(record::place(dir).join("log")).unwrap_or_default();
    let tail: Vec<&str> = said.lines().rev().take(4).collect();
    let tail: Vec<&str> = tail.into_iter().rev().collect();
    SandboxError::Wrong(format!("the sandbox of `{}` could not begin: {}", dir.display(), tail.join("; ")))
}

/// Finds the mounts that hold a part of the machine's tree besides `/`, each with a name for a directory. Paths of other
/// than plain letters are left out: an option of a mount cannot hold them.
fn more_of_the_tree(mounts: &str, dir: &Path) -> Vec<(String, String)> {
    let is_plain =
        |path: &str| path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte));
    let mut found: Vec<(String, String)> = mounts
        .lines()
        .filter_map(|line| {
            let (left, right) = line.split_once(" - ")?;
            let (path, kind) = (left.split(' ').nth(4)?, right.split(' ').next()?);
            let is_own =
                OWN.iter().any(|own| Path::new(path).starts_with(own)) || Path::new(path).starts_with(dir);
            let is_part = path != "/" && is_plain(path) && ON_DISK.contains(&kind) && !is_own;
            (is_part && Path::new(path).is_dir()).then(|| (path[1..].replace('/', "+"), path.to_owned()))
        })
        .collect();
    // What is mounted on another comes after it.
    found.sort_by(|left, right| left.1.cmp(&right.1));
    found.dedup();
    found
}

fn make(dir: &Path) -> Result<(), SandboxError> {
    fs::create_dir_all(dir).map_err(SandboxError::file("make", dir))
}

fn write(path: &Path, text: &str) -> Result<(), SandboxError> {
    fs::write(path, text).map_err(SandboxError::file("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_the_tree_are_other_disks_outside_of_the_node_and_of_what_a_sandbox_has_of_its_own() {
        let mounts = "27 1 254:0 / / rw - ext4 /dev/vda rw
30 27 254:2 / /usr/lib rw - xfs /dev/vdc rw
31 27 254:1 / /usr rw - ext4 /dev/vdb rw
32 27 254:3 / /tmp rw - ext4 /dev/vdd rw
33 27 254:4 / /opt\\040x rw - ext4 /dev/vde rw
34 27 0:5 / /var rw - nfs4 host:/var rw
35 27 254:5 / /var/lib/node/data rw - ext4 /dev/vdf rw
";
        let found = more_of_the_tree(mounts, Path::new("/var/lib/node"));
        let expected = [("usr", "/usr"), ("usr+lib", "/usr/lib")];
        assert_eq!(found, expected.map(|(name, path)| (name.to_owned(), path.to_owned())));
    }
}
