//! `phoenix setup` through power cuts: after every step of a real run the program and the whole sandbox are killed, and what
//! comes out in the end is the host that an undisturbed run makes.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::{Value, json};

use crate::{
    host::{command, says, shell},
    lab::{HYPERVISOR, LXC, Lab, obstacle, pretty},
    real::Swept,
};

/// More cuts than there are steps would mean that something is done again and again.
const CUTS: usize = 120;

/// What of the host Phoenix has made: files of its own with their modes, accounts, units, shares' users.
const PORTRAIT: &str = r#"
for path in /etc/samba/smb.conf /etc/hosts /etc/hostname /etc/timezone /etc/default/locale /etc/locale.gen /etc/resolv.conf \
    /etc/phoenix/dns/names /etc/phoenix/dns/dns.conf /etc/systemd/system/phoenix-dns.service /home/anna/.ssh/authorized_keys; do
    [ ! -e "$path" ] || echo "$path $(stat -c '%a %U:%G' "$path") $(sha256sum <"$path" | cut -c1-16)"
done
readlink /etc/localtime
id -nG anna
stat -c '%n %a %U:%G' /srv/data
pdbedit -L 2>/dev/null | cut -d: -f1
for unit in smbd phoenix-dns; do echo "$unit $(systemctl is-active $unit) $(systemctl is-enabled $unit)"; done
find /etc /srv -xdev -name '.*phoenix*' -newer /etc/passwd
"#;

fn lab() -> Lab {
    let lab = Lab::new();
    let host = json!({
        "domain_name": "lab.example",
        "timezone": "Europe/Vienna",
        "network": {"hostname": "phoenix", "interfaces": {"name": "vmbr0", "address": "10.99.8.1/24"}},
        "dns_server": {"enabled": true, "upstream_servers": ["192.0.2.53"]},
        "samba": {
            "user": "heads", "password": "env:SAMBA_PASSWORD",
            "shares": [{"name": "data", "path": "/srv/data", "valid_users": ["heads"]}],
        },
        "storages": [{"name": "data", "plugin": "dir", "content": "images,rootdir", "path": "/srv/storage"}],
        "access": {"groups": {"operators": {"comment": "they operate"}}},
        "users": {"username": "anna", "sudo_access": false, "ssh_public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample anna@lab"},
    });
    lab.write(HYPERVISOR, &pretty(&host));
    lab.write(LXC, "{}");
    lab
}

fn portrait(lab: &Lab) -> String {
    let api = |path: &str| says(lab, &["node", "api", "get", path]);
    shell(lab, PORTRAIT) + &api("/storage/data") + &api("/access/groups")
}

/// Kills the process that holds the sandbox, with all that is in it, and waits until it is gone.
fn cut(lab: &Lab) {
    let holder = lab.path("node/lxc/sandbox/holder.json");
    let Ok(text) = fs::read(&holder) else { return };
    let status: Value = serde_json::from_slice(&text).expect("JSON");
    let number = status["holder"]["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok()).expect("a pid");
    let pid = Pid::from_raw(number).expect("is a number of a process");
    // A number can be somebody else's by now; only this lab's has its directory in its environment.
    let marked = fs::read(format!("/proc/{number}/environ")).unwrap_or_default();
    if !String::from_utf8_lossy(&marked).contains(&lab.path("node").display().to_string()) {
        return;
    }
    let _gone_already = kill_process(pid, Signal::KILL);
    let begun = Instant::now();
    while test_kill_process(pid).is_ok() && Path::new(&format!("/proc/{number}/ns/mnt")).exists() {
        assert!(begun.elapsed() < Duration::from_secs(10), "the holder does not end");
        std::thread::yield_now();
    }
}

/// Runs until the first step is done, and then the power is cut. Tells whether there was a step.
fn cut_after_a_step(lab: &Lab) -> bool {
    let mut child = command(lab, &["setup"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let lines = BufReader::new(child.stderr.take().expect("is piped")).lines();
    let mut said = Vec::new();
    let mut has_step = false;
    for line in lines.map_while(Result::ok) {
        has_step = line.contains(" done ") && line.starts_with('[');
        said.push(line);
        if has_step {
            break;
        }
    }
    let _ended_already = child.kill();
    let status = child.wait().expect("the child is ours");
    assert!(has_step || status.success(), "{said:#?}");
    cut(lab);
    has_step
}

#[test]
fn a_power_cut_after_each_step_leads_to_the_same_host() {
    if let Some(why) = obstacle("debian-12-standard") {
        println!("skipped: {why}");
        return;
    }
    if !["/usr/sbin/smbd", "/usr/sbin/dnsmasq"].iter().all(|path| Path::new(path).exists()) {
        println!("skipped: `samba` or `dnsmasq-base` is not installed");
        return;
    }
    let undisturbed = lab();
    let expected = {
        let _swept = Swept(&undisturbed);
        says(&undisturbed, &["setup"]);
        portrait(&undisturbed)
    };
    let lab = lab();
    let _swept = Swept(&lab);
    let cuts = (0..CUTS).take_while(|_| cut_after_a_step(&lab)).count();
    assert!((8..CUTS).contains(&cuts), "{cuts} cuts");
    let last = says(&lab, &["setup"]);
    assert!(last.contains("nothing to do"), "{last}");
    assert_eq!(portrait(&lab), expected);
    println!("{cuts} power cuts");
}
