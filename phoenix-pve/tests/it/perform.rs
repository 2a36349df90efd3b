//! Actions: done once, not done twice, and their failures told.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
};

use phoenix_core::{
    Action, Backend, BackendError, CloneMode, Content, ErrorKind, GuestId, Phase, SecretRef, Site, Step,
    Vmid,
    engine::{Event, Events},
    marker::Marker,
};
use serde_json::json;

use crate::fake::Fake;

fn step(action: Action) -> Step {
    Step::new(&GuestId::lxc(950).resource(), "guest", "do", Phase::Create, action, "test")
}

async fn perform(fake: &Fake, action: Action) -> Result<(), BackendError> {
    fake.backend().perform(&step(action), &Events::silent()).await
}

fn create(template: &str) -> Action {
    let description = Marker::new(Vmid(950), None).describe("hello");
    Action::CreateLxc {
        vmid: Vmid(950),
        node: None,
        template_storage: "local".into(),
        template: template.into(),
        params: BTreeMap::from([("description".into(), description), ("rootfs".into(), "fast:8".into())]),
    }
}

#[tokio::test]
async fn the_newest_template_is_fetched_once_and_used() {
    let fake = Fake::default();
    let fetch = Action::FetchOsTemplate {
        storage: "local".into(),
        node: None,
        template: "debian-12-standard".into(),
    };
    perform(&fake, fetch.clone()).await.unwrap();
    assert_eq!(fake.last_params()["template"], "debian-12-standard_12.12-1_amd64.tar.zst");
    fake.writes();
    perform(&fake, fetch).await.unwrap();
    assert_eq!(fake.writes(), Vec::<String>::new());
    perform(&fake, create("debian-12-standard")).await.unwrap();
    let config = fake.guest(950).unwrap().config;
    assert_eq!(config["ostemplate"], "local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst");
}

#[tokio::test]
async fn a_guest_of_ours_that_is_there_is_taken_and_a_foreign_one_is_not() {
    let fake = Fake::default();
    fake.state().templates.push("a_1.tar.zst".into());
    perform(&fake, create("a")).await.unwrap();
    perform(&fake, create("a")).await.unwrap();
    fake.add(950, "lxc", json!({"description": "somebody's"}));
    let error = perform(&fake, create("a")).await.unwrap_err();
    assert_eq!(error.message, "the vmid of `lxc/950` is taken by a guest without Phoenix's marker");
    let stale = Marker::new(Vmid(950), None).describe("");
    fake.add(950, "lxc", json!({"description": stale, "lock": "create"}));
    let error = perform(&fake, create("a")).await.unwrap_err();
    assert!(error.hint.unwrap().contains("pct unlock 950"));
}

#[tokio::test]
async fn a_guest_that_is_being_made_is_waited_for() {
    let fake = Fake::default();
    fake.state().templates.push("a_1.tar.zst".into());
    let description = Marker::new(Vmid(950), None).describe("");
    fake.add(950, "lxc", json!({"description": description, "lock": "create"}));
    fake.state().begin_making(950);
    perform(&fake, create("a")).await.unwrap();
    assert!(!fake.guest(950).unwrap().config.contains_key("lock"));
}

#[tokio::test]
async fn a_failed_task_brings_its_exit_status_and_the_end_of_its_log() {
    let fake = Fake::default();
    fake.state().templates.push("a_1.tar.zst".into());
    fake.state().exits.push("write failed: No space left on device");
    let error = perform(&fake, create("a")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Full);
    assert!(error.message.contains("No space left"));
    assert_eq!((error.log.len(), error.log[9].as_str()), (10, "line 19"));
}

#[tokio::test]
async fn warnings_are_no_failure() {
    let fake = Fake::default();
    fake.add(950, "lxc", json!({}));
    fake.state().exits.push("WARNINGS: 1");
    perform(&fake, Action::Start { guest: GuestId::lxc(950) }).await.unwrap();
}

#[tokio::test]
async fn clones_name_containers_by_hostname_and_machines_by_name() {
    let fake = Fake::default();
    fake.add(900, "lxc", json!({}));
    fake.add(9000, "qemu", json!({}));
    let clone = |source, target, mode| Action::Clone {
        source,
        target: Vmid(target),
        name: "web".into(),
        description: Marker::new(Vmid(target), None).describe(""),
        mode,
        storage: Some("fast".into()),
        snapshot: Some("final-form".into()),
    };
    perform(&fake, clone(GuestId::lxc(900), 950, CloneMode::Full)).await.unwrap();
    let params = fake.last_params();
    assert_eq!((params["hostname"].as_str(), params["full"].as_str()), ("web", "1"));
    assert_eq!((params["newid"].as_str(), params["snapname"].as_str()), ("950", "final-form"));
    assert_eq!(params["storage"], "fast");
    perform(&fake, clone(GuestId::vm(9000), 951, CloneMode::Linked)).await.unwrap();
    let params = fake.last_params();
    assert_eq!((params["name"].as_str(), params["full"].as_str()), ("web", "0"));
    assert!(!params.contains_key("storage"), "PVE refuses a storage for a linked clone");
}

#[tokio::test]
async fn what_is_so_already_is_not_done_again() {
    let fake = Fake::default();
    fake.add(950, "lxc", json!({"rootfs": "local:950/disk.raw,size=8G"}));
    let guest = GuestId::lxc(950);
    for (action, write) in [
        (Action::Start { guest }, "POST /nodes/pve1/lxc/950/status/start"),
        (Action::Stop { guest, timeout_s: 5 }, "POST /nodes/pve1/lxc/950/status/shutdown"),
        (
            Action::Snapshot { guest, name: "s1".into(), description: String::new() },
            "POST /nodes/pve1/lxc/950/snapshot",
        ),
        (Action::MakeTemplate { guest }, "POST /nodes/pve1/lxc/950/template"),
        (Action::Delete { guest }, "DELETE /nodes/pve1/lxc/950"),
    ] {
        perform(&fake, action.clone()).await.unwrap();
        assert_eq!(fake.writes(), [write]);
        perform(&fake, action).await.unwrap();
        assert_eq!(fake.writes(), Vec::<String>::new(), "{write} is done twice");
    }
}

#[tokio::test]
async fn a_disk_only_grows_and_removal_takes_everything_along() {
    let fake = Fake::default();
    fake.add(950, "lxc", json!({"rootfs": "local:950/disk.raw,size=8G"}));
    let guest = GuestId::lxc(950);
    perform(&fake, Action::Resize { guest, disk: "rootfs".into(), gib: 8 }).await.unwrap();
    assert_eq!(fake.writes(), Vec::<String>::new());
    perform(&fake, Action::Resize { guest, disk: "rootfs".into(), gib: 16 }).await.unwrap();
    assert_eq!(fake.last_params()["size"], "16G");
    perform(&fake, Action::Delete { guest }).await.unwrap();
    let params = fake.last_params();
    assert_eq!((params["purge"].as_str(), params["destroy-unreferenced-disks"].as_str()), ("1", "1"));
}

#[tokio::test]
async fn a_lock_is_waited_for_and_a_budget_ends_the_waiting() {
    let fake = Fake::default();
    fake.add(950, "lxc", json!({}));
    fake.state().refusals.push(("/config", 2, 500, "CT is locked (disk)"));
    let set = BTreeMap::from([("cores".to_owned(), "2".to_owned())]);
    let configure =
        Action::Configure { guest: GuestId::lxc(950), set, delete: BTreeSet::new(), digest: None };
    let (events, mut heard) = Events::channel();
    fake.backend().perform(&step(configure.clone()), &events).await.unwrap();
    drop(events);
    let mut retries = 0;
    while let Some(event) = heard.recv().await {
        retries += usize::from(matches!(event, Event::Retried { .. }));
    }
    assert_eq!(retries, 2);
    fake.state().refusals.push(("/config", u32::MAX, 500, "CT is locked (disk)"));
    let error = perform(&fake, configure).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Locked);
    assert!(error.hint.is_some());
}

#[tokio::test]
async fn a_changed_digest_is_told_unless_all_is_so_already() {
    let fake = Fake::default();
    fake.add(950, "lxc", json!({"cores": 2, "digest": "new"}));
    let text = "detected modified configuration - file changed by other user? Try again.";
    fake.state().refusals.push(("/config", u32::MAX, 500, text));
    let configure = |cores: &str| Action::Configure {
        guest: GuestId::lxc(950),
        set: BTreeMap::from([("cores".to_owned(), cores.to_owned())]),
        delete: BTreeSet::from(["tags".to_owned()]),
        digest: Some("old".into()),
    };
    perform(&fake, configure("2")).await.unwrap();
    let params = fake.last_params();
    assert_eq!((params["digest"].as_str(), params["delete"].as_str()), ("old", "tags"));
    assert_eq!(perform(&fake, configure("4")).await.unwrap_err().kind, ErrorKind::Changed);
}

#[tokio::test]
async fn a_secret_goes_to_the_channel_and_into_no_error() {
    let fake = Fake::default();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"hunter2\n").unwrap();
    let write = |secret: String| Action::WriteFile {
        site: Site::Guest(GuestId::lxc(950)),
        path: "/etc/secret".into(),
        content: Content::Secret(SecretRef::File(secret)),
        mode: 0o600,
        owner: "root".into(),
        group: "root".into(),
        check: Vec::new(),
    };
    perform(&fake, write(file.path().display().to_string())).await.unwrap();
    assert_eq!(fake.last_params()["secret"], "hunter2");
    assert!(!fake.last_params()["action"].contains("hunter2"));
    let error = perform(&fake, write("/nowhere/secret".into())).await.unwrap_err();
    assert_eq!(error.message, "could not resolve the secret `file:/nowhere/secret`");
}

#[tokio::test]
async fn what_a_command_answers_to_another_answer_is_written() {
    let fake = Fake::default();
    let at = |vmid| Site::Guest(GuestId::lxc(vmid));
    let request = Content::answer(&at(101), ["openssl", "req"]);
    perform(
        &fake,
        Action::WriteFile {
            site: at(101),
            path: "/etc/web.crt".into(),
            content: Content::answer(&at(103), ["sign", "24h"]).to(request),
            mode: 0o644,
            owner: "root".into(),
            group: "root".into(),
            check: Vec::new(),
        },
    )
    .await
    .unwrap();
    assert_eq!(
        fake.last_params()["secret"],
        "lxc/103 says `sign 24h` to lxc/101 says `openssl req` to nothing"
    );
}

#[test]
fn containers_are_cloned_one_at_a_time_and_machines_together() {
    let backend = Fake::default().backend();
    let demand = |source: GuestId| {
        backend.demand(&step(Action::Clone {
            source,
            target: Vmid(950),
            name: "web".into(),
            description: String::new(),
            mode: CloneMode::Full,
            storage: Some("fast".into()),
            snapshot: None,
        }))
    };
    let lock = |source: GuestId, name: &str| {
        let locks = demand(source).locks;
        locks.into_iter().find(|lock| lock.name == name).map(|lock| (lock.units, lock.capacity))
    };
    assert_eq!(lock(GuestId::lxc(900), "clone-source:lxc/900"), Some((1, 1)));
    assert!(lock(GuestId::vm(900), "clone-source:vm/900").is_some_and(|(units, capacity)| units < capacity));
    assert_eq!(lock(GuestId::lxc(900), "guest:950"), Some((1, 1)));
    assert_eq!(lock(GuestId::lxc(900), "allocate:fast"), Some((1, 3)));
    assert_eq!(lock(GuestId::lxc(900), "node:pve1"), Some((1, 4)));
}
