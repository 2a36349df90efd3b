//! The services of the sandbox's host: a systemd that has the host's network and files, and nothing of the machine's.

use std::{path::Path, time::Duration};

use phoenix_sandbox::{Containers, Sandbox, run};

use crate::{
    holder::{alone, is_gone, kill, spaces},
    live::Live,
    machine::Machine,
};

/// A service that tells what it sees: the host's addresses, its name, and who the first process is.
const UNIT: &str = "[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'ip -br addr show dev vmbr0 >/run/probe; hostname >>/run/probe; cat /proc/1/comm >>/run/probe'
[Install]
WantedBy=multi-user.target
";

/// Runs a script on the host, where its services are.
async fn on_host(sandbox: &Sandbox, script: &str) -> String {
    let words = sandbox.enter_host().into_iter().chain(["/bin/sh", "-euc", script].map(str::to_owned));
    let words: Vec<String> = words.collect();
    let said = run(&words, UNIT.as_bytes(), Duration::from_secs(60)).await;
    said.unwrap_or_else(|error| panic!("`{script}`: {error}")).text
}

#[expect(clippy::print_stderr, reason = "says why a test did nothing")]
fn has_systemd() -> bool {
    let is_there =
        Path::new("/usr/lib/systemd/systemd").exists() || Path::new("/lib/systemd/systemd").exists();
    if !is_there {
        eprintln!("skipped: this machine has no systemd");
    }
    is_there
}

#[tokio::test]
async fn services_of_the_host_run_come_back_after_a_kill_and_leave_the_machine_as_it_was() {
    let Some(_alone) = alone().filter(|_| has_systemd()) else { return };
    let live = Live::new();
    let before = Machine::look(live.dir.path());
    let sandbox = live.containers.sandbox().await.expect("begins");
    assert!(!sandbox.has_services(), "nobody has asked for them");
    live.containers.begin_services().await.expect("begin");
    live.containers.begin_services().await.expect("run already");
    assert!(sandbox.has_services());

    let begin = "cat >/etc/systemd/system/probe.service; systemctl daemon-reload; systemctl -q enable --now probe; cat /run/probe";
    let said = on_host(&sandbox, begin).await;
    assert!(said.contains("10.86.0.13/24") && said.ends_with("pve-test\nsystemd\n"), "{said}");
    assert!(!Path::new("/etc/systemd/system/probe.service").exists());
    // Only what the node has enabled, and what keeps logs and bus.
    let list = "systemctl list-units --plain --no-legend --type=service --state=active | cut -d ' ' -f 1";
    let active = on_host(&sandbox, list).await;
    let known =
        ["dbus.service", "probe.service", "systemd-journald.service", "systemd-tmpfiles-setup.service"];
    assert!(active.lines().all(|unit| known.contains(&unit)), "{active}");
    assert_eq!(on_host(&sandbox, "systemctl list-units --failed --no-legend").await, "");
    // From the bare sandbox it is reached too.
    let shim = ["/usr/local/sbin/systemctl", "is-active", "probe"];
    assert_eq!(sandbox.run(&shim, b"", Duration::from_secs(20)).await.expect("is asked").text, "active\n");

    let old = spaces(&sandbox);
    kill(&sandbox);
    is_gone(&old, live.dir.path()).await;
    let sandbox = live.containers.sandbox().await.expect("begins again");
    live.containers.begin_services().await.expect("are up");
    assert_eq!(
        on_host(&sandbox, "systemctl is-active probe").await,
        "active\n",
        "what is enabled comes back"
    );

    let old = spaces(&sandbox);
    Containers::halt(&live.node()).await.expect("halts");
    is_gone(&old, live.dir.path()).await;
    assert_eq!(Machine::look(live.dir.path()), before);
}

#[tokio::test]
async fn a_service_manager_that_is_killed_is_begun_again() {
    let Some(_alone) = alone().filter(|_| has_systemd()) else { return };
    let live = Live::new();
    live.containers.begin_services().await.expect("begin");
    let sandbox = live.sandbox();
    let end = "kill -9 $(cat /run/phoenix/host/pid); while [ -e /proc/$(cat /run/phoenix/host/pid) ]; do sleep 0.01; done";
    sandbox.run(&["/bin/sh", "-c", end], b"", Duration::from_secs(20)).await.expect("is killed");
    assert!(!sandbox.has_services());
    assert_eq!(on_host(&sandbox, "cat /proc/1/comm").await, "sleep\n", "one gets in all the same");
    live.containers.begin_services().await.expect("begin again");
    assert_eq!(on_host(&sandbox, "systemctl is-system-running").await, "running\n");
}
