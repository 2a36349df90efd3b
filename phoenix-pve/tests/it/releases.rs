//! Releases: what Proxmox VE 8.4, 9.0, 9.1 and 9.2 answer in shapes of their own is read alike, and what none of them
//! has is said once.

use phoenix_core::{Backend, Evidence, GuestId, Plan, Probe, Reader, Vmid, evidence::GuestRow};
use phoenix_pve::lenient;
use serde_json::{Value, json};

use crate::script::{Script, call};

/// The listing of a container that runs, as each release writes the cluster's and the node's row of it.
fn listings() -> [(&'static str, Value, Value); 4] {
    let cluster =
        |more: Value| with(json!({"id": "lxc/101", "type": "lxc", "node": "pve1", "vmid": 101}), more);
    [
        // No tags in the node's list, numbers as texts.
        (
            "8.4",
            cluster(
                json!({"status": "running", "name": "web", "tags": "phoenix;web", "template": 0, "maxcpu": 1}),
            ),
            json!({"vmid": "101", "status": "running", "name": "web", "cpus": "1", "maxswap": 0, "type": "lxc"}),
        ),
        (
            "9.0",
            cluster(
                json!({"status": "running", "name": "web", "tags": "phoenix;web", "memhost": 1, "lock": ""}),
            ),
            json!({"vmid": 101, "status": "running", "name": "web", "tags": "phoenix;web", "cpus": 1}),
        ),
        // Pressure in texts.
        (
            "9.1",
            cluster(json!({"status": "unknown", "tags": "phoenix;web"})),
            json!({"vmid": 101, "status": "running", "name": "web", "tags": "phoenix;web",
                "pressurecpusome": "0.00", "template": ""}),
        ),
        (
            "9.2",
            cluster(json!({"status": "stopped", "tags": "phoenix;web", "template": false, "hastate": null})),
            json!({"vmid": 101, "status": "running", "name": "web", "tags": "phoenix web", "uptime": 3,
                "pressurememoryfull": 0.5, "something-new": {"a": [1]}}),
        ),
    ]
}

fn with(mut one: Value, other: Value) -> Value {
    for (key, value) in other.as_object().into_iter().flatten() {
        one[key] = value.clone();
    }
    one
}

fn script(cluster: Value, lxc: Value, rounds: usize) -> Script {
    let round = vec![
        call("GET /cluster/resources type=vm", cluster),
        call("GET /nodes/pve1/lxc", lxc),
        call("GET /nodes/pve1/qemu", json!([])),
        call("GET /nodes/pve1/tasks source=active", json!([])),
    ];
    Script::new(std::iter::repeat_n(round, rounds).flatten())
}

#[tokio::test]
async fn the_listings_of_all_releases_are_read_alike() {
    let expected = GuestRow {
        guest: GuestId::lxc(101),
        node: "pve1".into(),
        name: Some("web".into()),
        running: true,
        template: false,
        lock: None,
        tags: ["phoenix".to_owned(), "web".to_owned()].into(),
        task: None,
    };
    for (release, cluster, lxc) in listings() {
        let backend = script(json!([cluster]), json!([lxc]), 1).backend();
        let answers = backend.read(&[Probe::Guests]).await;
        let Ok(Evidence::Guests { rows }) = &answers[0] else { panic!("{release}: {answers:?}") };
        assert_eq!(rows.get(&Vmid(101)), Some(&expected), "{release}");
        assert!(backend.unknown().is_empty(), "{release}: {:?}", backend.unknown());
    }
}

#[test]
fn configurations_of_all_releases_are_read_alike() {
    for (release, data) in [
        ("8.4", json!({"memory": 512, "cores": "2", "cpulimit": "0", "unprivileged": 1, "digest": "d"})),
        ("9.0", json!({"memory": "512", "cores": 2, "cpulimit": 0, "unprivileged": "1", "digest": "d"})),
        (
            "9.1",
            json!({"memory": 512, "cores": 2, "cpulimit": "0", "unprivileged": true, "digest": "d", "env": null}),
        ),
        (
            "9.2",
            json!({"memory": 512, "cores": 2, "cpulimit": "0", "unprivileged": 1, "digest": "d", "env": null}),
        ),
    ] {
        let config = lenient::config(&data);
        let values: Vec<_> = config.values.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(values, ["cores=2", "cpulimit=0", "memory=512", "unprivileged=1"], "{release}");
        assert_eq!(config.digest, "d", "{release}");
    }
}

#[test]
fn storages_nodes_and_snapshots_of_all_releases_are_read_alike() {
    for data in [
        json!({"storage": "fast", "type": "zfspool", "content": "images,rootdir", "active": 1, "total": 9, "avail": 5}),
        json!({"storage": "fast", "type": "zfspool", "content": "rootdir, images", "active": "1", "total": "9",
            "avail": 5.0, "used_fraction": 0.4, "formats": {"default": "raw"}}),
    ] {
        let (name, row) = lenient::storage(&data).expect("a row");
        assert_eq!((name.as_str(), row.active, row.total, row.free), ("fast", true, 9, 5));
        assert_eq!(row.content.iter().collect::<Vec<_>>(), ["images", "rootdir"]);
    }
    // Without the right to look at a node there is only its name.
    for (data, cores) in [
        (json!({"node": "pve1", "status": "online", "maxcpu": "4", "maxmem": 8}), 4),
        (json!({"node": "pve1", "status": "online"}), 0),
    ] {
        let row = lenient::node(&data).expect("a row");
        assert_eq!((row.name.as_str(), row.online, row.cores), ("pve1", true, cores));
    }
    for rows in [
        json!([{"name": "a", "snaptime": 1}, {"name": "current", "running": 0}]),
        json!([{"name": "current", "digest": "d", "running": 1, "parent": "a"}, {"name": "a", "snaptime": "1"}]),
    ] {
        let names: Vec<_> = lenient::snapshots(&rows).into_iter().map(|row| row.name).collect();
        assert_eq!(names, ["a"]);
    }
}

#[tokio::test]
async fn what_no_release_has_is_said_once_and_the_rest_is_used() {
    let rows = json!([
        {"vmid": 101, "type": "lxc", "node": "pve1", "status": "dreaming"},
        {"vmid": 102, "type": "microvm", "node": "pve1", "status": "running"},
        {"vmid": 103, "type": "microvm", "node": "pve1", "status": "running"},
    ]);
    let backend = script(rows, json!([]), 2).backend();
    for _ in 0..2 {
        let answers = backend.read(&[Probe::Guests]).await;
        let Ok(Evidence::Guests { rows }) = &answers[0] else { panic!("{answers:?}") };
        assert_eq!(rows.keys().collect::<Vec<_>>(), [&Vmid(101)]);
    }
    let notes = backend.preflight(&Plan::default()).await.unwrap_or_else(|error| panic!("{error}"));
    let said: Vec<_> = notes.iter().map(|note| note.message.as_str()).collect();
    assert_eq!(
        said,
        [
            "the host answered something that is not known here: a guest of the kind `microvm` in the listing",
            "the host answered something that is not known here: the status `dreaming` of a guest, which counts as \
             stopped",
        ]
    );
}
