//! A sandbox begins, is found, is killed, stops, and leaves the machine as it was.

use std::{fs::File, path::Path, time::Duration};

use phoenix_sandbox::{Bridge, Sandbox, SandboxSpec, lacking};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tempfile::TempDir;

use crate::machine::{Machine, processes_of, spaces_of};

pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// Takes the machine for this test, because all look at the same one, or says why it cannot be had.
#[expect(clippy::print_stderr, reason = "says why a test did nothing")]
pub(crate) fn alone() -> Option<File> {
    let lacking = lacking();
    for error in &lacking {
        eprintln!("skipped: {error}");
    }
    let file = File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).expect("this crate is here");
    file.lock().expect("locks");
    lacking.is_empty().then_some(file)
}

pub(crate) fn spec(dir: &TempDir) -> SandboxSpec {
    SandboxSpec {
        dir: dir.path().join("node"),
        hostname: "pve-test".to_owned(),
        bridges: vec![bridge("vmbr0", "10.86.0.13/24"), bridge("vmbr1", "10.87.0.1/16")],
        uplink: false,
    }
}

fn bridge(name: &str, address: &str) -> Bridge {
    Bridge { name: name.to_owned(), addresses: vec![address.to_owned()], gateways: Vec::new() }
}

pub(crate) async fn says(sandbox: &Sandbox, words: &[&str]) -> String {
    sandbox.run(words, b"", LIMIT).await.expect("runs in the sandbox").text
}

/// Kills a holder as an accident would.
pub(crate) fn kill(sandbox: &Sandbox) {
    let pid = Pid::from_raw(sandbox.status().pid).expect("is a number of a process");
    kill_process(pid, Signal::KILL).expect("the holder runs");
}

/// Returns how long the machine has been up, in hundredths of a second.
fn uptime() -> u64 {
    let text = std::fs::read_to_string("/proc/uptime").expect("is read");
    let first = text.split_whitespace().next().expect("a number");
    (first.parse::<f64>().expect("a number") * 100.0) as u64
}

/// Returns when a process began, as [`uptime`] tells it; 0 if it has ended.
fn began(process: &str) -> u64 {
    let pid = process.split(' ').next().unwrap_or_default();
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    fields.split(' ').nth(19).and_then(|ticks| ticks.parse().ok()).unwrap_or(0)
}

/// Waits until nothing of a sandbox runs any more.
pub(crate) async fn is_gone(spaces: &[String], dir: &Path) {
    let asked = uptime();
    // Once a namespace is gone, one of another test's sandbox can get its number: what begins from now on is another's.
    let left = || -> Vec<String> {
        processes_of(spaces, dir).into_iter().filter(|process| began(process) <= asked).collect()
    };
    for _ in 0..500 {
        if left().is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("still there: {:?}", left());
}

pub(crate) fn spaces(sandbox: &Sandbox) -> Vec<String> {
    let own = spaces_of("self");
    let found = spaces_of(&sandbox.status().pid.to_string());
    assert_eq!(found.len(), 5);
    assert!(found.iter().all(|space| !own.contains(space)), "shares a namespace with the machine: {found:?}");
    found
}

#[tokio::test]
async fn a_sandbox_is_a_host_of_its_own_and_leaves_the_machine_as_it_was() {
    let Some(_alone) = alone() else { return };
    let dir = TempDir::new().expect("a directory");
    let before = Machine::look(dir.path());
    let spec = spec(&dir);
    let began = Sandbox::ensure(spec.clone()).await.expect("begins");
    let spaces = spaces(&began);
    // Another command finds the same one.
    let sandbox = Sandbox::find(&spec.dir).expect("is read").expect("runs");
    assert_eq!(sandbox.status().pid, began.status().pid);
    let again = Sandbox::ensure(spec.clone()).await.expect("is there");
    assert_eq!(again.status().pid, began.status().pid);

    assert_eq!(says(&sandbox, &["hostname"]).await, "pve-test\n");
    assert_eq!(says(&sandbox, &["cat", "/etc/hostname"]).await, "pve-test\n");
    assert_eq!(says(&sandbox, &["cat", "/proc/sys/net/ipv4/ip_forward"]).await, "1\n");
    assert_eq!(says(&sandbox, &["cat", "/proc/1/comm"]).await, "sleep\n");
    let addresses = says(&sandbox, &["ip", "-br", "-4", "addr"]).await;
    assert!(addresses.contains("vmbr0") && addresses.contains("10.86.0.13/24"), "{addresses}");
    assert!(addresses.contains("vmbr1") && addresses.contains("10.87.0.1/16"), "{addresses}");
    assert_eq!(says(&sandbox, &["ip", "route", "show", "default"]).await, "");
    // What is written on the host stays in its overlay; what is written in the node's directory is really there.
    sandbox.run(&["tee", "/etc/phoenix-test"], b"inside", LIMIT).await.expect("writes");
    assert!(!Path::new("/etc/phoenix-test").exists());
    assert_eq!(says(&sandbox, &["cat", "/etc/phoenix-test"]).await, "inside");
    let data = spec.dir.join("data");
    sandbox.run(&["tee", &data.display().to_string()], b"real", LIMIT).await.expect("writes");
    assert_eq!(std::fs::read_to_string(&data).expect("is there"), "real");
    let mounts = says(&sandbox, &["cat", "/proc/self/mountinfo"]).await;
    assert!(!mounts.contains("/run/old"), "the machine's tree is reachable: {mounts}");
    assert!(says(&sandbox, &["grep", "root", "/etc/subuid"]).await.contains("root:100000:65536"));

    sandbox.stop().await.expect("stops");
    is_gone(&spaces, dir.path()).await;
    assert!(Sandbox::find(&spec.dir).expect("is read").is_none());
    assert_eq!(Machine::look(dir.path()), before);
    // What the host had is there again when it comes back.
    let sandbox = Sandbox::ensure(spec).await.expect("begins again");
    assert_eq!(says(&sandbox, &["cat", "/etc/phoenix-test"]).await, "inside");
    sandbox.stop().await.expect("stops");
    assert_eq!(Machine::look(dir.path()), before);
}

#[tokio::test]
async fn what_changes_in_the_configuration_changes_in_a_running_sandbox() {
    let Some(_alone) = alone() else { return };
    let dir = TempDir::new().expect("a directory");
    let mut spec = spec(&dir);
    let sandbox = Sandbox::ensure(spec.clone()).await.expect("begins");
    sandbox
        .run(&["ip", "link", "add", "other0", "type", "bridge"], b"", LIMIT)
        .await
        .expect("makes a bridge");
    spec.hostname = "pve-other".to_owned();
    spec.bridges = vec![bridge("vmbr0", "10.86.0.14/24"), bridge("vmbr2", "fd00:86::1/64")];
    let changed = Sandbox::ensure(spec).await.expect("changes");
    assert_eq!(changed.status().pid, sandbox.status().pid);
    assert_eq!(changed.status().hostname, "pve-other");
    assert_eq!(says(&sandbox, &["hostname"]).await, "pve-other\n");
    let shown = says(&sandbox, &["ip", "-br", "addr"]).await;
    assert!(shown.contains("10.86.0.14/24") && !shown.contains("10.86.0.13/24"), "{shown}");
    assert!(
        shown.contains("fd00:86::1/64") && !shown.contains("vmbr1") && shown.contains("other0"),
        "{shown}"
    );
    changed.stop().await.expect("stops");
}

#[tokio::test]
async fn nothing_of_a_killed_sandbox_runs_on_and_the_next_command_begins_a_new_one() {
    let Some(_alone) = alone() else { return };
    let dir = TempDir::new().expect("a directory");
    let before = Machine::look(dir.path());
    let spec = spec(&dir);
    let first = Sandbox::ensure(spec.clone()).await.expect("begins");
    let spaces = spaces(&first);
    // A daemon with a session and a group of its own, as the monitor of a container has.
    let daemon = "mkdir /sys/fs/cgroup/*/phoenix-*/lxc.payload.1 2>/dev/null; setsid -f sleep 1000 >/dev/null 2>&1 </dev/null";
    says(&first, &["sh", "-c", daemon]).await;
    assert!(first.status().processes >= 2);
    kill(&first);
    is_gone(&spaces, dir.path()).await;
    assert!(Sandbox::find(&spec.dir).expect("is read").is_none());
    let error = first.run(&["true"], b"", LIMIT).await.expect_err("there is nothing to enter").to_string();
    assert!(error.contains("the sandbox has ended"), "{error}");
    let second = Sandbox::ensure(spec.clone()).await.expect("begins anew");
    assert_ne!(second.status().pid, first.status().pid);
    assert_eq!(says(&second, &["hostname"]).await, "pve-test\n");
    kill(&second);
    // What only a killed one leaves is cleared as well.
    Sandbox::clear(&spec.dir).await.expect("clears");
    is_gone(&spaces, dir.path()).await;
    assert_eq!(Machine::look(dir.path()), before);
}

#[tokio::test]
async fn a_sandbox_whose_record_is_lost_is_ended_before_another_begins() {
    let Some(_alone) = alone() else { return };
    let dir = TempDir::new().expect("a directory");
    let spec = spec(&dir);
    let first = Sandbox::ensure(spec.clone()).await.expect("begins");
    let old = Pid::from_raw(first.status().pid).expect("is a number of a process");
    std::fs::remove_file(spec.dir.join("sandbox/holder.json")).expect("is there");
    let second = Sandbox::ensure(spec).await.expect("begins anew");
    assert!(test_kill_process(old).is_err(), "the old one still runs");
    second.stop().await.expect("stops");
}

#[tokio::test]
async fn a_start_that_fails_half_way_leaves_nothing() {
    let Some(_alone) = alone() else { return };
    let dir = TempDir::new().expect("a directory");
    let before = Machine::look(dir.path());
    let mut wrong = spec(&dir);
    // Refused by the last step, when all else is there.
    wrong.bridges[1].addresses = vec!["10.87.0.300/16".to_owned()];
    Sandbox::ensure(wrong.clone()).await.expect_err("is no address");
    is_gone(&[], dir.path()).await;
    assert!(Sandbox::find(&wrong.dir).expect("is read").is_none());
    assert_eq!(Machine::look(dir.path()), before);
    // Refused by the first mount.
    std::fs::remove_dir_all(wrong.dir.join("host")).expect("is there");
    std::fs::create_dir_all(wrong.dir.join("host/work")).expect("is made");
    std::fs::create_dir_all(wrong.dir.join("host/upper")).expect("is made");
    std::os::unix::fs::symlink("/nowhere", wrong.dir.join("host/work/work")).expect("is made");
    std::fs::write(wrong.dir.join("host/root"), "").expect("is written");
    Sandbox::ensure(wrong.clone()).await.expect_err("has no place for its root");
    is_gone(&[], dir.path()).await;
    assert_eq!(Machine::look(dir.path()), before);
}

#[tokio::test]
async fn a_foreign_process_is_never_taken_for_the_holder() {
    let Some(_alone) = alone() else { return };
    let dir = TempDir::new().expect("a directory");
    let spec = spec(&dir);
    let sandbox = Sandbox::ensure(spec.clone()).await.expect("begins");
    let path = spec.dir.join("sandbox/holder.json");
    let text = std::fs::read_to_string(&path).expect("is there");
    // The number of this very process, as if it had come back.
    let (own, pid) = (std::process::id().to_string(), sandbox.status().pid.to_string());
    std::fs::write(&path, text.replace(&format!("\"pid\": {pid}"), &format!("\"pid\": {own}")))
        .expect("is written");
    assert!(Sandbox::find(&spec.dir).expect("is read").is_none());
    Sandbox::clear(&spec.dir).await.expect("clears, and this process is still here");
    assert!(Sandbox::find(&spec.dir).expect("is read").is_none());
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_ended_inside_too() {
    let Some(_alone) = alone() else { return };
    let dir = TempDir::new().expect("a directory");
    let sandbox = Sandbox::ensure(spec(&dir)).await.expect("begins");
    let before = sandbox.status().processes;
    sandbox.run(&["sleep", "1000"], b"", Duration::from_millis(300)).await.expect_err("is ended");
    for _ in 0..500 {
        if sandbox.status().processes == before {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(sandbox.status().processes, before);
    sandbox.stop().await.expect("stops");
}

#[tokio::test]
async fn disks_made_of_files_are_let_go_even_after_a_kill() {
    let Some(_alone) = alone() else { return };
    let dir = TempDir::new().expect("a directory");
    let before = Machine::look(dir.path());
    let spec = spec(&dir);
    let make = format!(
        "truncate -s 4M {0}/a.img {0}/b.img /root/phoenix-test.img; mkdir {0}/m; mkfs.ext4 -q {0}/b.img
         losetup -f {0}/a.img; losetup -f /root/phoenix-test.img; mount -o loop {0}/b.img {0}/m",
        spec.dir.display()
    );
    let first = Sandbox::ensure(spec.clone()).await.expect("begins");
    says(&first, &["sh", "-euc", &make]).await;
    let others = |loops: Vec<String>| loops.iter().filter(|file| !file.contains("pool.btrfs")).count();
    assert_eq!(others(Machine::look(dir.path()).loops), before.loops.len() + 3);
    first.stop().await.expect("stops");
    assert_eq!(Machine::look(dir.path()), before);
    let second = Sandbox::ensure(spec.clone()).await.expect("begins again");
    says(&second, &["sh", "-euc", &make.replace("mkdir", ": ")]).await;
    kill(&second);
    Sandbox::clear(&spec.dir).await.expect("clears");
    assert_eq!(Machine::look(dir.path()), before);
}

#[tokio::test]
async fn a_command_that_dies_while_it_begins_a_sandbox_leaves_nothing_that_cannot_be_cleared() {
    let Some(_alone) = alone() else { return };
    let dir = TempDir::new().expect("a directory");
    let before = Machine::look(dir.path());
    let spec = spec(&dir);
    for limit in [1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128] {
        // What ends with a command is its ends of the pipes, here as there.
        let _ = tokio::time::timeout(Duration::from_millis(limit), Sandbox::ensure(spec.clone())).await;
        Sandbox::clear(&spec.dir).await.expect("clears");
        is_gone(&[], dir.path()).await;
        assert_eq!(Machine::look(dir.path()), before, "after {limit} ms");
    }
}

#[tokio::test]
async fn what_waits_for_the_holder_may_be_killed_and_the_sandbox_is_still_found() {
    let Some(_alone) = alone() else { return };
    let dir = TempDir::new().expect("a directory");
    let before = Machine::look(dir.path());
    let spec = spec(&dir);
    let sandbox = Sandbox::ensure(spec.clone()).await.expect("begins");
    let all = processes_of(&[], dir.path());
    let waits = all.iter().find(|line| line.contains("unshare")).and_then(|line| line.split(' ').next());
    let waits = waits.and_then(|pid| Pid::from_raw(pid.parse().ok()?)).expect("waits for it");
    kill_process(waits, Signal::KILL).expect("runs");
    let found = Sandbox::find(&spec.dir).expect("is read").expect("runs on");
    assert_eq!(found.status().pid, sandbox.status().pid);
    assert_eq!(says(&found, &["hostname"]).await, "pve-test\n");
    found.stop().await.expect("stops");
    assert_eq!(Machine::look(dir.path()), before);
}
