//! The way out of a sandbox, looked at from inside; nothing is sent through it.

use std::time::Duration;

use phoenix_sandbox::{Sandbox, lacking_for_uplink};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{
    holder::{LIMIT, alone, is_gone, kill, says, spaces, spec},
    machine::{Machine, processes_of},
};

/// Finds the number of the program that is the uplink.
fn program(dir: &TempDir) -> Option<Pid> {
    let all = processes_of(&[], dir.path());
    // It has the directory in its environment only; what waits for it has it in its words.
    let line = all.iter().find(|line| line.contains("slirp4netns") && !line.contains("nsenter"))?;
    line.split(' ').next().and_then(|pid| Pid::from_raw(pid.parse().ok()?))
}

#[tokio::test]
async fn an_uplink_comes_with_its_rules_is_mended_and_goes() {
    let Some(_alone) = alone() else { return };
    if !lacking_for_uplink().is_empty() {
        return;
    }
    let dir = TempDir::new().expect("a directory");
    let before = Machine::look(dir.path());
    let mut spec = spec(&dir);
    spec.bridges[0].gateways = vec!["10.86.0.1/24".to_owned()];
    let sandbox = Sandbox::ensure(spec.clone()).await.expect("begins");
    assert!(!sandbox.status().has_uplink);
    assert!(!says(&sandbox, &["ip", "-br", "addr"]).await.contains("10.86.0.1/24"));

    spec.uplink = true;
    let sandbox = Sandbox::ensure(spec.clone()).await.expect("gets an uplink");
    assert!(sandbox.status().has_uplink);
    let rules = says(&sandbox, &["nft", "list", "ruleset"]).await;
    for part in
        ["10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "masquerade"]
    {
        assert!(rules.contains(part), "{part} is not in {rules}");
    }
    assert!(says(&sandbox, &["ip", "route", "show", "default"]).await.contains("dev tap0"));
    assert!(says(&sandbox, &["ip", "-br", "addr"]).await.contains("10.86.0.1/24"));
    // The kernel itself says where a packet would go; none is sent.
    for private in ["10.1.2.3", "172.20.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254"] {
        sandbox.run(&["ip", "route", "get", private], b"", LIMIT).await.expect_err("leads nowhere");
    }
    assert!(says(&sandbox, &["cat", "/etc/resolv.conf"]).await.contains("nameserver 10.0.2.3"));

    // Killed, it comes back with the next command.
    let killed = program(&dir).expect("runs");
    kill_process(killed, Signal::KILL).expect("runs");
    for _ in 0..500 {
        if program(&dir) != Some(killed) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let sandbox = Sandbox::ensure(spec.clone()).await.expect("mends the uplink");
    assert!(sandbox.status().has_uplink && program(&dir) != Some(killed));

    spec.uplink = false;
    let sandbox = Sandbox::ensure(spec.clone()).await.expect("takes the uplink away");
    assert!(!sandbox.status().has_uplink && program(&dir).is_none());
    assert_eq!(says(&sandbox, &["nft", "list", "ruleset"]).await, "");
    assert!(!says(&sandbox, &["ip", "route"]).await.contains("unreachable"));
    assert_eq!(says(&sandbox, &["cat", "/etc/resolv.conf"]).await, "");
    assert!(!says(&sandbox, &["ip", "-br", "addr"]).await.contains("tap0"));

    // It ends with the sandbox, however that ends.
    spec.uplink = true;
    let sandbox = Sandbox::ensure(spec.clone()).await.expect("gets an uplink");
    let spaces = spaces(&sandbox);
    kill(&sandbox);
    is_gone(&spaces, dir.path()).await;
    Sandbox::clear(&spec.dir).await.expect("clears");
    assert_eq!(Machine::look(dir.path()), before);
}
