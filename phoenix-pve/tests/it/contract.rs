//! The contract: for every action and every probe the exact calls, in their order, word for word. What there is comes
//! from serde itself, so that nothing new can be forgotten here.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_core::{
    Action, Artifact, Backend, CloneMode, Condition, Content, Expect, FirewallScope, GuestId, GuestKind,
    ObjectKind, Phase, Probe, Reader, Site, Step, UnitGoal, Vmid, artifact::Source, engine::Events,
};
use serde_json::{Value, json};

use crate::{
    firewall, objects,
    script::{Reply, Script, call, task},
};

pub(crate) type Calls = Vec<(String, Reply)>;

const LXC: GuestId = GuestId { kind: GuestKind::Lxc, vmid: Vmid(950) };
const VM: GuestId = GuestId { kind: GuestKind::Vm, vmid: Vmid(950) };

fn text(text: &str) -> String {
    text.to_owned()
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| (text(key), text(value))).collect()
}

/// Returns each action once, and those that Proxmox VE has for both kinds of guest once a kind.
fn actions() -> Vec<Action> {
    let site = || Site::Guest(LXC);
    let proof =
        || Condition::new(Probe::Command { site: site(), argv: vec![text("true")] }, Expect::Succeeds);
    let both = [LXC, VM].into_iter().flat_map(|guest| {
        [
            Action::Clone {
                source: GuestId { vmid: Vmid(900), ..guest },
                target: Vmid(950),
                name: text("web"),
                description: text("notes"),
                mode: CloneMode::Full,
                storage: Some(text("fast")),
                snapshot: Some(text("final-form")),
            },
            Action::Configure {
                guest,
                set: map(&[("cores", "2"), ("memory", "512")]),
                delete: [text("net1"), text("tags")].into(),
                digest: Some(text("d1")),
            },
            Action::Configure { guest, set: map(&[("onboot", "1")]), delete: [].into(), digest: None },
            Action::Resize { guest, disk: root(guest), gib: 16 },
            Action::Start { guest },
            Action::Stop { guest, timeout_s: 60 },
            Action::Migrate { guest, target: text("pve2") },
            Action::Delete { guest },
            Action::Snapshot { guest, name: text("s1"), description: text("why") },
            Action::DeleteSnapshot { guest, name: text("s1") },
            Action::Rollback { guest, name: text("s1") },
            Action::MakeTemplate { guest },
        ]
    });
    let (path, owner, group) = (text("/etc/x"), text("root"), text("root"));
    let inside = [
        Action::WriteFile {
            site: site(),
            path: path.clone(),
            content: Content::Text(text("x")),
            mode: 0o644,
            owner: owner.clone(),
            group: group.clone(),
            check: Vec::new(),
        },
        Action::InstallArtifact {
            site: site(),
            artifact: Artifact {
                name: text("tool"),
                version: text("1.0"),
                source: Source::Url(text("https://example.org/tool")),
                sha256: "ab".repeat(32),
                unpack: None,
            },
            path: path.clone(),
            mode: 0o755,
        },
        Action::MakeDirectory { site: site(), path: path.clone(), mode: 0o755, owner, group },
        Action::Symlink { site: site(), path: path.clone(), target: text("/y") },
        Action::RemoveFile { site: site(), path },
        Action::InstallPackages { site: site(), names: [text("git")].into() },
        Action::EnsureUser {
            site: site(),
            name: text("al"),
            shell: text("/bin/sh"),
            groups: BTreeSet::new(),
            password_hash: None,
        },
        Action::SetUnit { site: site(), name: text("a.service"), goal: UnitGoal::Started, enabled: true },
        Action::Run { site: site(), argv: vec![text("true")], stdin: None, proof: proof() },
        Action::Reboot { site: site(), boot: None },
        Action::Await { condition: proof(), timeout_s: 1 },
    ];
    let making = [
        Action::FetchOsTemplate { storage: text("local"), node: None, template: text("debian-12-standard") },
        Action::FetchImage {
            storage: text("local"),
            node: Some(text("pve2")),
            url: text("https://example.org/a.img"),
            filename: text("a.img"),
            sha256: Some("ab".repeat(32)),
        },
        Action::CreateLxc {
            vmid: Vmid(950),
            node: None,
            template_storage: text("local"),
            template: text("debian-12-standard"),
            params: map(&[("hostname", "web"), ("rootfs", "fast:8")]),
        },
        Action::CreateVm {
            vmid: Vmid(950),
            node: Some(text("pve1")),
            params: map(&[("name", "web"), ("scsi0", "fast:0,import-from=local:import/a.img")]),
        },
        Action::SetRawKeys { guest: LXC, lines: vec![(text("lxc.a"), text("b"))] },
    ];
    let firewalls = firewall::cases().into_iter().map(|(action, _)| action);
    let objects = objects::cases().into_iter().map(|(action, _)| action);
    making.into_iter().chain(both).chain(inside).chain(firewalls).chain(objects).collect()
}

fn root(guest: GuestId) -> String {
    text(if guest.kind == GuestKind::Lxc { "rootfs" } else { "scsi0" })
}

/// Returns the calls that an action is made of, where nothing of it is done yet.
fn calls(action: &Action) -> Calls {
    let here = |vmid: u32, kind: GuestKind, node: &str| {
        let row = json!({"vmid": vmid, "type": kind.api_name(), "node": node, "status": "stopped"});
        call("GET /cluster/resources type=vm", json!([row]))
    };
    let find = |guest: &GuestId| here(guest.vmid.0, guest.kind, "pve1");
    let path = |guest: &GuestId| format!("/nodes/pve1/{}/{}", guest.kind.api_name(), guest.vmid);
    let get = |guest: &GuestId, what: &str, data: Value| call(format!("GET {}{what}", path(guest)), data);
    let config = |guest: &GuestId, more: Value| {
        let mut data = json!({"digest": "d0", root(*guest): "fast:950/disk.raw,size=8G"});
        for (key, value) in more.as_object().into_iter().flatten() {
            data[key] = value.clone();
        }
        get(guest, "/config", data)
    };
    let status = |guest: &GuestId, status: &str| get(guest, "/status/current", json!({"status": status}));
    let snapshots = |guest: &GuestId, names: &[&str]| {
        let rows: Vec<_> = names.iter().map(|name| json!({"name": name})).collect();
        get(guest, "/snapshot", json!(rows))
    };
    let run = |guest: &GuestId, method: &str, rest: &str| task(format!("{method} {}{rest}", path(guest)));
    let act = |site: &Site, name: &str| vec![call(format!("ACT {site} {name}"), Value::Null)];
    let template = "debian-12-standard_12.7-1_amd64.tar.zst";
    let stored = json!([{"volid": format!("local:vztmpl/{template}"), "content": "vztmpl"}]);
    match action {
        Action::FetchOsTemplate { .. } => [
            vec![
                call("GET /nodes/pve1/storage/local/content content=vztmpl", json!([])),
                call("GET /nodes/pve1/aplinfo", json!([{"template": template}])),
            ],
            task(format!("POST /nodes/pve1/aplinfo storage=local template={template}")),
        ]
        .concat(),
        Action::FetchImage { .. } => [
            vec![call("GET /nodes/pve2/storage/local/content content=import", json!([]))],
            task(format!(
                "POST /nodes/pve2/storage/local/download-url checksum={} checksum-algorithm=sha256 content=import \
                 filename=a.img url=https://example.org/a.img",
                "ab".repeat(32)
            )),
        ]
        .concat(),
        Action::CreateLxc { .. } => [
            vec![call("GET /nodes/pve1/storage/local/content content=vztmpl", stored)],
            task(format!(
                "POST /nodes/pve1/lxc hostname=web ostemplate=local:vztmpl/{template} rootfs=fast:8 vmid=950"
            )),
        ]
        .concat(),
        Action::CreateVm { .. } => {
            task("POST /nodes/pve1/qemu name=web scsi0=fast:0,import-from=local:import/a.img vmid=950")
        }
        Action::Clone { source, .. } => {
            let name = if source.kind == GuestKind::Lxc { "hostname=web" } else { "name=web" };
            let (before, after) = match source.kind {
                GuestKind::Lxc => (format!("full=1 {name} newid=950"), ""),
                GuestKind::Vm => (text("full=1"), " name=web newid=950"),
            };
            let rest = format!("/clone description=notes {before}{after} snapname=final-form storage=fast");
            [vec![find(source)], run(source, "POST", &rest)].concat()
        }
        Action::Configure { guest, digest: Some(_), .. } => {
            let rest = "/config cores=2 memory=512 delete=net1,tags digest=d1";
            vec![find(guest), call(format!("PUT {}{rest}", path(guest)), Value::Null)]
        }
        // What the plan saw no digest of is read first: no write goes without one.
        Action::Configure { guest, digest: None, .. } => vec![
            find(guest),
            config(guest, json!({})),
            call(format!("PUT {}/config onboot=1 digest=d0", path(guest)), Value::Null),
        ],
        Action::SetRawKeys { .. } => vec![call(r#"RAW lxc/950 [("lxc.a", "b")]"#, Value::Null)],
        Action::Resize { guest, disk, .. } => [
            vec![find(guest), config(guest, json!({}))],
            run(guest, "PUT", &format!("/resize digest=d0 disk={disk} size=16G")),
        ]
        .concat(),
        Action::Start { guest } => {
            [vec![find(guest), status(guest, "stopped")], run(guest, "POST", "/status/start")].concat()
        }
        Action::Stop { guest, .. } => [
            vec![find(guest), status(guest, "running")],
            run(guest, "POST", "/status/shutdown forceStop=1 timeout=60"),
        ]
        .concat(),
        Action::Migrate { guest, .. } => {
            let how = match guest.kind {
                GuestKind::Lxc => "restart=1 target=pve2",
                GuestKind::Vm => "online=1 target=pve2 with-local-disks=1",
            };
            [
                vec![find(guest), status(guest, "running")],
                run(guest, "POST", &format!("/migrate {how}")),
                vec![here(950, guest.kind, "pve2")],
            ]
            .concat()
        }
        Action::Delete { guest } => [
            vec![find(guest), config(guest, json!({}))],
            run(guest, "DELETE", " destroy-unreferenced-disks=1 purge=1"),
        ]
        .concat(),
        Action::Snapshot { guest, .. } => [
            vec![find(guest), snapshots(guest, &["current"])],
            run(guest, "POST", "/snapshot description=why snapname=s1"),
        ]
        .concat(),
        Action::DeleteSnapshot { guest, .. } => {
            [vec![find(guest), snapshots(guest, &["s1", "current"])], run(guest, "DELETE", "/snapshot/s1")]
                .concat()
        }
        Action::Rollback { guest, .. } => {
            [vec![find(guest)], run(guest, "POST", "/snapshot/s1/rollback")].concat()
        }
        Action::MakeTemplate { guest } => [
            vec![find(guest), config(guest, json!({}))],
            run(guest, "POST", "/template"),
            vec![config(guest, json!({"template": 1}))],
        ]
        .concat(),
        Action::Firewall { .. } => {
            let found = firewall::cases().into_iter().find(|(other, _)| other == action);
            found.map(|(_, calls)| calls).expect("a case of the table")
        }
        Action::Object { .. } => {
            let found = objects::cases().into_iter().find(|(other, _)| other == action);
            found.map(|(_, calls)| calls).expect("a case of the table")
        }
        Action::WriteFile { site, .. } => act(site, "write-file"),
        Action::InstallArtifact { site, .. } => act(site, "install-artifact"),
        Action::MakeDirectory { site, .. } => act(site, "make-directory"),
        Action::Symlink { site, .. } => act(site, "symlink"),
        Action::RemoveFile { site, .. } => act(site, "remove-file"),
        Action::InstallPackages { site, .. } => act(site, "install-packages"),
        Action::EnsureUser { site, .. } => act(site, "ensure-user"),
        Action::SetUnit { site, .. } => act(site, "set-unit"),
        Action::Run { site, .. } => {
            [act(site, "run"), vec![call(format!("ASK {site} command"), Value::Null)]].concat()
        }
        Action::Reboot { site, .. } => {
            let ask = || vec![call(format!("ASK {site} command"), Value::Null)];
            [ask(), act(site, "reboot"), ask(), vec![call("GET /version", json!({}))]].concat()
        }
        Action::Await { .. } => vec![call("ASK lxc/950 command", Value::Null)],
    }
}

fn probes() -> Vec<Probe> {
    let site = || Site::Guest(LXC);
    vec![
        Probe::Nodes,
        Probe::Guests,
        Probe::Storages { node: None },
        Probe::Storages { node: Some(text("pve2")) },
        Probe::Volumes { storage: text("local"), node: None },
        Probe::Volumes { storage: text("local"), node: Some(text("pve2")) },
        Probe::Config { guest: LXC },
        Probe::Config { guest: VM },
        Probe::Snapshots { guest: LXC },
        Probe::Snapshots { guest: VM },
        Probe::Firewall { scope: FirewallScope::Cluster },
        Probe::Firewall { scope: FirewallScope::Node("pve2".into()) },
        Probe::Firewall { scope: FirewallScope::Guest(VM) },
        Probe::FirewallNames { scope: FirewallScope::Cluster },
        Probe::FirewallNames { scope: FirewallScope::Node("pve2".into()) },
        Probe::FirewallNames { scope: FirewallScope::Guest(LXC) },
        Probe::Objects { of: ObjectKind::Storage },
        Probe::File { site: site(), path: text("/etc/x") },
        Probe::Package { site: site(), name: text("git") },
        Probe::Unit { site: site(), name: text("a.service"), reads: Default::default() },
        Probe::User { site: site(), name: text("al") },
        Probe::Command { site: site(), argv: vec![text("true")] },
    ]
}

/// Returns the calls that a probe is answered from.
fn questions(probe: &Probe) -> Calls {
    let find = |guest: &GuestId| {
        let row = json!({"vmid": 950, "type": guest.kind.api_name(), "node": "pve1", "status": "stopped"});
        call("GET /cluster/resources type=vm", json!([row]))
    };
    let get = |line: String| call(line, json!([]));
    let own = |node: &Option<String>| node.clone().unwrap_or_else(|| text("pve1"));
    let of = |guest: &GuestId, what: &str| {
        vec![find(guest), get(format!("GET /nodes/pve1/{}/950/{what}", guest.kind.api_name()))]
    };
    let ask = |site: &Site, name: &str| vec![call(format!("ASK {site} {name}"), Value::Null)];
    match probe {
        Probe::Nodes => vec![get(text("GET /nodes"))],
        // One listing, and the present of each node that has guests, beside the backend's own.
        Probe::Guests => vec![
            call(
                "GET /cluster/resources type=vm",
                json!([{"vmid": 950, "type": "lxc", "node": "pve2", "status": "unknown"}]),
            ),
            get(text("GET /nodes/pve1/lxc")),
            get(text("GET /nodes/pve1/qemu")),
            get(text("GET /nodes/pve1/tasks source=active")),
            get(text("GET /nodes/pve2/lxc")),
            get(text("GET /nodes/pve2/qemu")),
            get(text("GET /nodes/pve2/tasks source=active")),
        ],
        Probe::Storages { node } => vec![get(format!("GET /nodes/{}/storage", own(node)))],
        Probe::Volumes { storage, node } => {
            vec![get(format!("GET /nodes/{}/storage/{storage}/content", own(node)))]
        }
        // A container's pending changes leave its raw lines out, a machine's configuration what waits for a start.
        Probe::Config { guest } => match guest.kind {
            GuestKind::Lxc => of(guest, "config"),
            GuestKind::Vm => of(guest, "pending"),
        },
        Probe::Snapshots { guest } => of(guest, "snapshot"),
        Probe::Firewall { scope } | Probe::FirewallNames { scope } => {
            let found = scope.guest().map(|guest| find(&guest));
            found.into_iter().chain(firewall::questions(probe, scope)).collect()
        }
        Probe::Objects { .. } => vec![get(text("GET /storage"))],
        Probe::File { site, .. } => ask(site, "file"),
        Probe::Package { site, .. } => ask(site, "package"),
        Probe::Unit { site, .. } => ask(site, "unit"),
        Probe::User { site, .. } => ask(site, "user"),
        Probe::Command { site, .. } => ask(site, "command"),
    }
}

/// Returns the names of all variants, as serde lists them when it meets one that it does not know.
pub(crate) fn variants<T: serde::de::DeserializeOwned>(tag: &str) -> BTreeSet<String> {
    let error = serde_json::from_value::<T>(json!({tag: "?"})).err().expect("no such variant").to_string();
    let known = error.split_once("expected one of").map(|(_, known)| known).expect("a list of what there is");
    known.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

pub(crate) fn tags<T: serde::Serialize>(all: &[T], tag: &str) -> BTreeSet<String> {
    let name = |it: &T| serde_json::to_value(it).expect("JSON")[tag].as_str().expect("a tag").to_owned();
    all.iter().map(name).collect()
}

#[tokio::test]
async fn every_action_makes_exactly_its_calls() {
    assert_eq!(tags(&actions(), "action"), variants::<Action>("action"));
    for action in actions() {
        let script = Script::new(calls(&action));
        let step = Step::new(&LXC.resource(), "guest", "do", Phase::Create, action.clone(), "test");
        let done = script.backend().perform(&step, &Events::silent()).await;
        script.check(&format!("{action:?}"));
        done.unwrap_or_else(|error| panic!("{action:?}: {error}"));
    }
}

#[tokio::test]
async fn every_probe_makes_exactly_its_calls() {
    assert_eq!(tags(&probes(), "probe"), variants::<Probe>("probe"));
    for probe in probes() {
        let script = Script::new(questions(&probe));
        let answers = script.backend().read(std::slice::from_ref(&probe)).await;
        script.check(&format!("{probe:?}"));
        assert!(answers[0].is_ok(), "{probe:?}: {answers:?}");
    }
}
