//! Raw `lxc.*` lines: written under PVE's own lock, and only over what was read.

use std::{fs, time::Duration};

use phoenix_core::{ErrorKind, GuestId};
use phoenix_pve::GuestChannel;

use super::machine::{GUEST, Machine};

const CONFIG: &str =
    "#it's $(id)\narch: amd64\nlxc.apparmor.profile: unconfined\n\n[clean]\nlxc.cap.drop: \nmemory: 256\n";

fn lines() -> Vec<(String, String)> {
    let lines =
        [("lxc.cgroup2.devices.allow", "c 195:* rwm"), ("lxc.mount.entry", "/dev/x dev/x none bind 0 0")];
    lines.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec()
}

#[tokio::test]
async fn raw_lines_are_set_in_the_main_section_of_the_nodes_file() {
    let Some(machine) = Machine::new() else { return };
    machine.configure(GUEST, CONFIG);
    let channel = machine.channel();
    let guest = GuestId::lxc(GUEST);
    let file = machine.path("/etc/pve/nodes/pve1/lxc/101.conf");
    for _ in 0..2 {
        channel.set_raw_keys(guest, &lines()).await.unwrap();
        assert_eq!(
            fs::read_to_string(&file).unwrap(),
            "#it's $(id)\narch: amd64\nlxc.cgroup2.devices.allow: c 195:* rwm\nlxc.mount.entry: /dev/x dev/x none bind 0 0\n\n[clean]\nlxc.cap.drop: \nmemory: 256\n"
        );
    }
    assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
    assert!(machine.path("/run/lock/lxc/pve-config-101.lock").exists());
    channel.set_raw_keys(guest, &[]).await.unwrap();
    assert!(!fs::read_to_string(&file).unwrap().contains("lxc.mount.entry"));
    let error = channel.set_raw_keys(GuestId::lxc(999), &lines()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn a_lock_is_waited_for_and_a_locked_container_is_left_alone() {
    let Some(mut machine) = Machine::new() else { return };
    let channel = machine.channel();
    let guest = GuestId::lxc(GUEST);
    machine.configure(GUEST, "arch: amd64\nlock: backup\n");
    let error = channel.set_raw_keys(guest, &lines()).await.unwrap_err();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::Locked, "CT is locked (backup), so its raw keys cannot be set")
    );

    // Somebody holds PVE's lock, changes the file, and lets go: what he wrote is kept.
    machine.configure(GUEST, "arch: amd64\n");
    let script = "mkdir -p /run/lock/lxc; exec 9>>/run/lock/lxc/pve-config-101.lock; flock 9; : >/run/held; sleep 1; \
                  echo 'memory: 77' >>/etc/pve/nodes/pve1/lxc/101.conf";
    machine.spawn(&["sh", "-c", script]);
    for _ in 0..500 {
        if machine.path("/run/held").exists() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    channel.set_raw_keys(guest, &lines()[..1]).await.unwrap();
    let text = fs::read_to_string(machine.path("/etc/pve/nodes/pve1/lxc/101.conf")).unwrap();
    assert_eq!(text, "arch: amd64\nmemory: 77\nlxc.cgroup2.devices.allow: c 195:* rwm\n");
}
