//! What only real containers can show: that limits, reboots, ends and bulk actions are so on the machine and not only in
//! what the node says.

use std::time::Duration;

use phoenix_core::{Evidence, GuestId, Probe, Reader, Site};
use phoenix_tests::{
    lab::{Lab, container},
    laws,
    world::{World, resolve},
};
use serde_json::{Value, json};

use crate::on_the_real_way;

/// How often is looked again, and how long between two looks: the node looks at its containers every other second.
const LOOKS: u32 = 150;
const PAUSE: Duration = Duration::from_millis(100);

/// Says what a file of a container's group says, in either version of cgroups. Arguments: the container's number, the
/// controller, the file of the first version, the file of the second.
const LIMIT: &str = r#"of() { sed -n "s/^[0-9]*:\(.*,\)\{0,1\}$1\(,.*\)\{0,1\}:\(.*lxc\.payload\.[^/]*\).*/\3/p" "/proc/$init/cgroup"; }
init=$(lxc-info -P /c -n "$1" -pH)
one=$(of "$2") two=$(of '')
cat "/sys/fs/cgroup/$2$one/$3" 2>/dev/null || cat "/sys/fs/cgroup$two/$4""#;

fn lab(vmids: &[u32]) -> Lab {
    vmids.iter().fold(Lab::new(), |lab, &vmid| {
        let mut spec = container(vmid);
        // Nobody answers a container that asks for an address.
        spec["guest"]["networks"] = json!([]);
        lab.with("lxc", spec, vec![])
    })
}

async fn up(way: phoenix_tests::way::Way, vmids: &[u32]) -> World {
    let world = way.world().await;
    let resolved = resolve(&lab(vmids)).unwrap_or_else(|found| panic!("{found}"));
    laws::settle(&resolved, world.backend.as_ref()).await;
    world
}

fn path(world: &World, rest: &str) -> String {
    format!("/nodes/{}/{rest}", world.node.name())
}

fn pairs(params: &[(&str, &str)]) -> Vec<(String, String)> {
    params.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

async fn put(world: &World, rest: &str, params: &[(&str, &str)]) {
    world.backend.client().put(&path(world, rest), pairs(params)).await.expect("a change");
}

/// Waits for a task; returns how it ended and what it said.
async fn task(world: &World, rest: &str, params: &[(&str, &str)]) -> (String, String) {
    let client = world.backend.client();
    let upid = client.post(&path(world, rest), pairs(params)).await.expect("a task");
    let upid = upid.as_str().expect("a UPID").to_owned();
    for _ in 0..LOOKS {
        let status =
            client.get(&path(world, &format!("tasks/{upid}/status")), vec![]).await.expect("a status");
        if let Some(exit) = status["exitstatus"].as_str() {
            let log = client.get(&path(world, &format!("tasks/{upid}/log")), vec![]).await.expect("a log");
            let lines = log.as_array().expect("lines").iter().filter_map(|line| line["t"].as_str());
            return (exit.to_owned(), lines.collect::<Vec<_>>().join("\n"));
        }
        tokio::time::sleep(PAUSE).await;
    }
    panic!("`{rest}` does not end");
}

async fn done(world: &World, rest: &str, params: &[(&str, &str)]) {
    let (exit, log) = task(world, rest, params).await;
    assert_eq!(exit, "OK", "{log}");
}

async fn asked(world: &World, site: Site, argv: &[&str]) -> String {
    let argv = argv.iter().map(|word| (*word).to_owned()).collect();
    let answers = world.backend.read(&[Probe::Command { site, argv }]).await;
    match &answers[..] {
        [Ok(Evidence::Output { status: 0, stdout, .. })] => stdout.trim().to_owned(),
        answers => panic!("{answers:?}"),
    }
}

async fn inside(world: &World, vmid: u32, script: &str) -> String {
    asked(world, Site::Guest(GuestId::lxc(vmid)), &["/bin/sh", "-c", script]).await
}

async fn limit(world: &World, controller: &str, one: &str, two: &str) -> String {
    let site = Site::Host(world.node.name().into());
    asked(world, site, &["/bin/sh", "-c", LIMIT, "sh", "100", controller, one, two]).await
}

async fn memory(world: &World) -> String {
    limit(world, "memory", "memory.limit_in_bytes", "memory.max").await
}

async fn status(world: &World, vmid: u32) -> String {
    let at = path(world, &format!("lxc/{vmid}/status/current"));
    let current: Value = world.backend.client().get(&at, vec![]).await.expect("a status");
    current["status"].as_str().unwrap_or_default().to_owned()
}

/// Waits until it is so.
async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    for _ in 0..LOOKS {
        if is_so().await {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
    panic!("in vain: {what}");
}

#[test]
fn limits_of_a_running_container_follow_its_configuration() {
    on_the_real_way(async |way| {
        let world = up(way, &[100]).await;
        assert_eq!(memory(&world).await, (512_u64 << 20).to_string());
        assert_eq!(inside(&world, 100, "touch /run/before; nproc").await, "1");
        put(&world, "lxc/100/config", &[("memory", "256"), ("cores", "2"), ("cpulimit", "0.5")]).await;
        until("less memory", async || memory(&world).await == (256_u64 << 20).to_string()).await;
        let quota = async || limit(&world, "cpu", "cpu.cfs_quota_us", "cpu.max").await;
        until("half a processor", async || matches!(quota().await.as_str(), "50000" | "50000 100000")).await;
        let processors = std::thread::available_parallelism().map_or(1, |count| count.get().min(2));
        until("more processors", async || inside(&world, 100, "nproc").await == processors.to_string()).await;
        put(&world, "lxc/100/config", &[("memory", "768"), ("delete", "cpulimit")]).await;
        until("more memory", async || memory(&world).await == (768_u64 << 20).to_string()).await;
        until("all of its time", async || matches!(quota().await.as_str(), "-1" | "max 100000")).await;
        assert_eq!(inside(&world, 100, "ls /run/before").await, "/run/before", "it is still the same boot");
    });
}

#[test]
fn a_reboot_is_a_new_boot_with_what_waited_for_it() {
    on_the_real_way(async |way| {
        let world = up(way, &[100]).await;
        inside(&world, 100, "touch /run/before /root/kept").await;
        put(&world, "lxc/100/config", &[("nameserver", "192.0.2.7")]).await;
        done(&world, "lxc/100/status/reboot", &[]).await;
        assert_eq!(status(&world, 100).await, "running");
        let found = inside(&world, 100, "ls /run/before /root/kept 2>/dev/null; cat /etc/resolv.conf");
        assert_eq!(found.await, "/root/kept\nnameserver 192.0.2.7");
    });
}

#[test]
fn a_container_that_reboots_or_ends_by_itself_is_seen() {
    on_the_real_way(async |way| {
        let world = up(way, &[100]).await;
        inside(&world, 100, "touch /run/before; systemctl --no-block reboot").await;
        until("a new boot", async || {
            // Whose services are up: systemd takes no orders before.
            let script = "test ! -e /run/before && systemctl is-system-running | grep -qE 'running|degraded'";
            let argv = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
            let site = Site::Guest(GuestId::lxc(100));
            let answers = world.backend.read(&[Probe::Command { site, argv }]).await;
            matches!(answers[..], [Ok(Evidence::Output { status: 0, .. })])
        })
        .await;
        until("it runs", async || status(&world, 100).await == "running").await;
        inside(&world, 100, "systemctl --no-block poweroff").await;
        until("it has ended", async || status(&world, 100).await == "stopped").await;
        let plan = world.plan(&resolve(&lab(&[100])).expect("a lab")).await.expect("a plan");
        assert_eq!(plan.steps.iter().map(|step| step.id.verb()).collect::<Vec<_>>(), ["start"]);
        done(&world, "lxc/100/status/start", &[]).await;
        assert_eq!(inside(&world, 100, "hostname").await, "ct100");
    });
}

#[test]
fn a_container_is_not_suspended_as_little_as_on_a_host_without_criu() {
    on_the_real_way(async |way| {
        let world = up(way, &[100]).await;
        let (exit, _) = task(&world, "lxc/100/status/suspend", &[]).await;
        assert_eq!(exit, "command 'lxc-checkpoint -n 100 -s -D /var/lib/vz/dump' failed: exit code 1");
        assert_eq!(
            (status(&world, 100).await.as_str(), inside(&world, 100, "id -u").await.as_str()),
            ("running", "0")
        );
        let bulk = world.backend.client().post("/cluster/bulk-action/guest/suspend", vec![]).await;
        assert!(bulk.is_ok(), "{bulk:?}");
        assert_eq!(inside(&world, 100, "id -u").await, "0");
    });
}

#[test]
fn of_many_containers_that_start_at_once_one_that_cannot_keeps_no_other_from_it() {
    on_the_real_way(async |way| {
        let world = up(way, &[101, 102]).await;
        done(&world, "stopall", &[]).await;
        assert_eq!(
            (status(&world, 101).await, status(&world, 102).await),
            ("stopped".into(), "stopped".into())
        );
        put(&world, "lxc/101/config", &[("mp0", "/proc/version/no-place,mp=/data")]).await;
        let (exit, log) = task(&world, "startall", &[("force", "1")]).await;
        assert_eq!(exit, "OK", "{log}");
        assert!(log.contains("CT 101: startup for container '101' failed"), "{log}");
        assert_eq!(
            (status(&world, 101).await, status(&world, 102).await),
            ("stopped".into(), "running".into())
        );
        assert_eq!(inside(&world, 102, "id -u").await, "0");
    });
}
