//! The guard of a firewall: a kept file comes back by itself, unless the guard is ended before.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, time::Duration};

use phoenix_core::{ErrorKind, FirewallScope};
use phoenix_pve::{Guard, Guarded, GuestChannel};

use super::machine::Machine;

/// Stands in for systemd on the node: a timer is a process that sleeps.
const PROGRAMS: [(&str, &str); 2] = [
    (
        "systemctl",
        r#"#!/bin/sh
case $1 in
stop) [ ! -e "/run/timers/$2" ] || { kill "$(cat "/run/timers/$2")" 2>/dev/null; rm -f "/run/timers/$2"; } ;;
is-active) exit 3 ;;
esac
"#,
    ),
    (
        "systemd-run",
        r#"#!/bin/sh
mkdir -p /run/timers
for word do
	case $word in
	--on-active=*) seconds=${word#*=} ;;
	--unit=*) unit=${word#*=} ;;
	esac
done
while case $1 in --*) true ;; *) false ;; esac do shift; done
if [ -e "/run/timers/$unit.timer" ]; then echo "Unit $unit.timer was already loaded" >&2; exit 1; fi
(
	trap 'kill "$sleep"; exit' TERM
	sleep "$seconds" &
	sleep=$!
	wait "$sleep"
	rm -f "/run/timers/$unit.timer"
	"$@"
) </dev/null >/dev/null 2>&1 8<&- 9>&- &
echo $! >"/run/timers/$unit.timer"
"#,
    ),
];

fn prepared() -> Option<(Machine, PathBuf)> {
    let machine = Machine::new()?;
    for (name, text) in PROGRAMS {
        let path = machine.path(&format!("/usr/local/sbin/{name}"));
        fs::write(&path, text).expect("the node's files");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("the node's files");
    }
    fs::create_dir_all(machine.path("/etc/pve/firewall")).expect("the node's files");
    let file = machine.path("/etc/pve/firewall/cluster.fw");
    Some((machine, file))
}

fn kept(machine: &Machine) -> PathBuf {
    machine.path("/var/lib/phoenix/firewall-guard/cluster")
}

/// Waits until something is so, a few seconds at most.
async fn until(is_so: impl Fn() -> bool) -> bool {
    for _ in 0..600 {
        if is_so() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

#[tokio::test]
async fn what_is_confirmed_stays_and_leaves_nothing_behind() {
    let Some((machine, file)) = prepared() else { return };
    let (channel, scope) = (machine.channel(), Guarded::Firewall(FirewallScope::Cluster));
    fs::write(&file, "old $HOME `id`\n").unwrap();
    for guard in [Guard::Begin { seconds: 60 }, Guard::Begin { seconds: 60 }, Guard::Renew { seconds: 60 }] {
        channel.guard("pve1", &scope, guard).await.unwrap();
    }
    fs::write(&file, "new\n").unwrap();
    // Whoever comes back to an unfinished change does not take it for what was there before.
    channel.guard("pve1", &scope, Guard::Renew { seconds: 60 }).await.unwrap();
    assert_eq!(fs::read_to_string(kept(&machine).join("saved")).unwrap(), "old $HOME `id`\n");
    for _ in 0..2 {
        channel.guard("pve1", &scope, Guard::End).await.unwrap();
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "new\n");
    assert!(!kept(&machine).exists());
    assert_eq!(fs::read_dir(machine.path("/run/timers")).unwrap().count(), 0, "no timer is left");
    assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
}

#[tokio::test]
async fn what_is_not_confirmed_comes_back_and_is_told() {
    let Some((machine, file)) = prepared() else { return };
    let (channel, scope) = (machine.channel(), Guarded::Firewall(FirewallScope::Cluster));
    // First over a file that was there, then where there was none.
    for old in [Some("old $HOME `id`\n"), None] {
        match old {
            Some(old) => fs::write(&file, old).unwrap(),
            None => fs::remove_file(&file).unwrap(),
        }
        channel.guard("pve1", &scope, Guard::Begin { seconds: 1 }).await.unwrap();
        fs::write(&file, "new\n").unwrap();
        let is_back = || fs::read_to_string(&file).ok().as_deref() == old;
        assert!(until(|| is_back() && kept(&machine).join("reverted").exists()).await, "{old:?} is not back");
        let error = channel.guard("pve1", &scope, Guard::End).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Failed);
        assert!(error.message.contains("not confirmed in time"), "{error}");
        assert!(is_back() && !kept(&machine).exists());
    }
}

#[tokio::test]
async fn a_node_without_systemd_guards_nothing_and_says_so() {
    let Some((machine, file)) = prepared() else { return };
    fs::write(&file, "old\n").unwrap();
    let script = "#!/bin/sh\necho 'System has not been booted with systemd' >&2\nexit 1\n";
    fs::write(machine.path("/usr/local/sbin/systemd-run"), script).unwrap();
    let scope = Guarded::Firewall(FirewallScope::Cluster);
    let guard = machine.channel().guard("pve1", &scope, Guard::Begin { seconds: 1 }).await;
    let error = guard.unwrap_err();
    assert!(error.message.contains("System has not been booted with systemd"), "{error}");
}

#[tokio::test]
async fn interfaces_that_are_not_confirmed_come_back_and_are_reloaded() {
    let Some((machine, _)) = prepared() else { return };
    let (channel, what) = (machine.channel(), Guarded::Interfaces);
    fs::create_dir_all(machine.path("/etc/network")).unwrap();
    let (file, next) = (machine.path("/etc/network/interfaces"), machine.path("/etc/network/interfaces.new"));
    let tool = machine.path("/usr/local/sbin/ifreload");
    fs::write(&tool, "#!/bin/sh\necho \"$@\" >>/run/reloads\n").unwrap();
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(&file, "old\n").unwrap();
    // What somebody else has not applied yet is not Phoenix's to bring into force.
    fs::write(&next, "theirs\n").unwrap();
    let error = channel.guard("pve1", &what, Guard::Begin { seconds: 60 }).await.unwrap_err();
    assert!(error.message.contains("pending"), "{error}");
    fs::remove_file(&next).unwrap();
    // A second run takes what the first one guards for what was there before.
    channel.guard("pve1", &what, Guard::Begin { seconds: 60 }).await.unwrap();
    fs::write(&file, "first\n").unwrap();
    channel.guard("pve1", &what, Guard::Begin { seconds: 1 }).await.unwrap();
    fs::write(&file, "second\n").unwrap();
    fs::write(&next, "third\n").unwrap();
    let is_back = || fs::read_to_string(&file).is_ok_and(|text| text == "old\n");
    let reloads = || fs::read_to_string(machine.path("/run/reloads")).unwrap_or_default();
    assert!(until(|| is_back() && reloads() == "-a\n").await, "they are not back");
    assert!(until(|| machine.path("/var/lib/phoenix/firewall-guard/interfaces/reverted").exists()).await);
    assert!(!next.exists(), "what was cut off is not left pending");
    let error = channel.guard("pve1", &what, Guard::End).await.unwrap_err();
    assert!(error.message.contains("not confirmed in time"), "{error}");
}
