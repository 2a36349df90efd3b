//! Real containers from the first command to the last, and a machine that is then as it was.

use std::{fs, path::Path, process::Output};

use serde_json::{Value, json};

use crate::lab::{HYPERVISOR, LXC, Lab, obstacle, pretty};

/// What a sandbox could leave on the machine.
#[derive(Debug, PartialEq, Eq)]
struct Machine {
    mounts: Vec<String>,
    interfaces: Vec<String>,
    loops: Vec<String>,
    processes: Vec<String>,
    files: Vec<(&'static str, Option<Vec<u8>>)>,
    programs: Vec<String>,
}

impl Machine {
    /// Looks at the machine. Other tests have sandboxes meanwhile, so it looks for what names this directory.
    fn look(dir: &Path) -> Self {
        let dir = dir.display().to_string();
        let with_dir =
            |text: String| text.lines().filter(|line| line.contains(&dir)).map(str::to_owned).collect();
        let loops = names("/sys/block")
            .into_iter()
            .filter(|name| text(&format!("/sys/block/{name}/loop/backing_file")).contains(&dir));
        let processes = names("/proc").into_iter().filter(|pid| {
            let has = |file: &str| text(&format!("/proc/{pid}/{file}")).contains(&dir);
            pid.parse::<u32>().is_ok_and(|pid| pid != std::process::id())
                && (has("cmdline") || has("environ") || has("mountinfo"))
        });
        let files = ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf", "/etc/subuid", "/etc/subgid"];
        Self {
            mounts: with_dir(text("/proc/self/mountinfo")),
            interfaces: names("/sys/class/net"),
            loops: loops.collect(),
            processes: processes.collect(),
            files: files.map(|path| (path, fs::read(path).ok())).into(),
            programs: names("/usr/local/sbin"),
        }
    }
}

fn text(path: &str) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

fn names(path: &str) -> Vec<String> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The lab: a template, a linked clone of it with a volume, and a privileged container that requires that one.
fn lab() -> Lab {
    let lab = Lab::new();
    let address = |ip: &str| json!([{"ip": format!("10.99.7.{ip}/24")}]);
    let health = json!([{"command": ["test", "-f", "/etc/os-release"]}]);
    lab.write(
        HYPERVISOR,
        &pretty(&json!({
            "network": {"hostname": "phoenix", "interfaces": {"name": "vmbr0", "address": "10.99.7.1/24"}},
        })),
    );
    lab.write(
        LXC,
        &pretty(&json!({
            "lxc_defaults": {"cores": 1, "memory_mb": 256, "storage_pool": "local-zfs", "storage_size_gb": 4},
            "lxc_configs": {
                "900": {
                    "name": "template", "is_template": true, "os_template": "debian-12-standard",
                    "networks": address("10"), "health": health,
                    "features": [{"name": "base-setup", "packages": ["curl", "jq"]}],
                },
                "953": {
                    "name": "web", "clone": {"from": 900, "mode": "linked"}, "networks": address("11"),
                    "zfs_volumes": [{"name": "data", "pool": "local-zfs", "size_gb": 1, "mount_point": "/data"}],
                    "health": [{"command": ["test", "-d", "/data"]}],
                },
                "101": {
                    "name": "gateway", "clone": {"from": 900}, "networks": address("12"), "dependencies": [953],
                    "health": health,
                },
            },
        })),
    );
    lab
}

pub(crate) fn run(lab: &Lab, args: &[&str]) -> Output {
    lab.command(args).env("PHOENIX_NODE_ENGINE", "lxc").output().expect("the program runs")
}

pub(crate) fn does(lab: &Lab, args: &[&str]) -> String {
    let output = run(lab, args);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "`{args:?}` said {said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

pub(crate) fn inside(lab: &Lab, vmid: &str, script: &str) -> String {
    let words = ["node", "shell", "--", "pct", "exec", vmid, "--", "/bin/sh", "-c", script];
    does(lab, &words).trim().to_owned()
}

fn power(lab: &Lab, guest: &str) -> String {
    let said = does(lab, &["--json", "status"]);
    let rows = said.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let mut rows = rows.filter(|row| row["id"] == guest);
    rows.next().map_or(Value::Null, |row| row["power"].clone()).as_str().unwrap_or_default().to_owned()
}

/// Takes the sandbox away, also when the test fails.
pub(crate) struct Swept<'a>(pub(crate) &'a Lab);

impl Drop for Swept<'_> {
    fn drop(&mut self) {
        run(self.0, &["node", "reset", "--yes"]);
    }
}

#[test]
fn a_lab_of_real_containers_comes_up_stays_and_goes_without_a_trace() {
    if let Some(why) = obstacle("debian-12-standard") {
        println!("skipped: {why}");
        return;
    }
    let lab = lab();
    let before = Machine::look(&lab.path("node"));
    let swept = Swept(&lab);
    does(&lab, &["letsgo"]);
    let again = run(&lab, &["letsgo"]);
    let said = String::from_utf8_lossy(&again.stdout).into_owned() + &String::from_utf8_lossy(&again.stderr);
    assert!(said.contains("nothing to do"), "{said}");
    assert_eq!(power(&lab, "lxc/953"), "running");
    assert_eq!(inside(&lab, "953", "hostname"), "web");
    assert_eq!(inside(&lab, "101", "ping -c 1 -W 5 10.99.7.11 >/dev/null && echo reached"), "reached");
    assert_eq!(inside(&lab, "101", "ping -c 1 -W 5 10.99.7.1 >/dev/null && echo reached"), "reached");
    assert_eq!(inside(&lab, "953", "echo kept > /data/file; echo kept > /root/file; id -u"), "0");
    does(&lab, &["stop", "953", "--with-dependents"]);
    assert_eq!(power(&lab, "lxc/953"), "stopped");
    does(&lab, &["start", "953"]);
    assert_eq!(inside(&lab, "953", "cat /data/file /root/file"), "kept\nkept");
    does(&lab, &["node", "stop"]);
    assert_eq!(power(&lab, "lxc/101"), "stopped");
    assert_eq!(Machine::look(&lab.path("node")), before, "after `node stop`");
    does(&lab, &["letsgo"]);
    assert_eq!(inside(&lab, "953", "cat /data/file /root/file"), "kept\nkept");
    does(&lab, &["delete", "101", "--yes"]);
    assert_eq!(power(&lab, "lxc/101"), "");
    assert!(
        !names(&lab.path("node/lxc/disks").display().to_string()).iter().any(|name| name.contains("_101-"))
    );
    drop(swept);
    assert_eq!(Machine::look(&lab.path("node")), before, "after `node reset`");
    assert!(!lab.path("node").exists());
}
