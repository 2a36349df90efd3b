//! Inside guests: probes and actions.

use std::collections::BTreeSet;

use phoenix_core::{
    Action, BackendError, Condition, Content, Evidence, Expect, GuestId, Probe, SecretRef, Site, UnitGoal,
};
use phoenix_node::Node;
use phoenix_pve::channel::GuestChannel;

use crate::kit::*;

async fn ask(node: &Node, site: &Site, probe: Probe) -> Evidence {
    node.ask(site, &[probe]).await.pop().expect("an answer a probe").expect("an answer")
}

async fn act(node: &Node, site: &Site, action: Action) -> Result<(), BackendError> {
    node.act(site, &action, Some(b"s3cret")).await
}

fn lxc(vmid: u32) -> Site {
    Site::Guest(GuestId::lxc(vmid))
}

async fn running(node: &Node) -> Site {
    container(node, "100").await;
    ok(node, post(node, "/n/lxc/100/status/start", &[]).await).await;
    lxc(100)
}

fn install(site: &Site, names: &[&str]) -> Action {
    Action::InstallPackages { site: site.clone(), names: names.iter().map(|&name| name.to_owned()).collect() }
}

fn file(site: &Site, path: &str) -> Probe {
    Probe::File { site: site.clone(), path: path.to_owned() }
}

fn write(site: &Site, path: &str, content: Content) -> Action {
    Action::WriteFile {
        site: site.clone(),
        path: path.to_owned(),
        content,
        mode: 0o640,
        owner: "root".to_owned(),
        group: "root".to_owned(),
        check: Vec::new(),
    }
}

#[tokio::test(start_paused = true)]
async fn only_running_guests_answer() {
    let node = node();
    assert_eq!(ask(&node, &lxc(100), file(&lxc(100), "/etc/os-release")).await, Evidence::Absent);
    container(&node, "100").await;
    assert!(matches!(
        ask(&node, &lxc(100), file(&lxc(100), "/etc/os-release")).await,
        Evidence::Unreachable { .. }
    ));
    assert!(act(&node, &lxc(100), install(&lxc(100), &["curl"])).await.is_err());
    ok(&node, post(&node, "/n/lxc/100/status/start", &[]).await).await;
    let Evidence::File(found) = ask(&node, &lxc(100), file(&lxc(100), "/etc/os-release")).await else {
        panic!()
    };
    assert!(found.text.unwrap().contains("VERSION_CODENAME=noble"));
}

#[tokio::test(start_paused = true)]
async fn packages_bring_their_units_and_take_time() {
    let node = node();
    let site = running(&node).await;
    let begun = tokio::time::Instant::now();
    act(&node, &site, install(&site, &["nginx", "curl"])).await.unwrap();
    assert!(begun.elapsed().as_millis() >= 400);
    let unit =
        Probe::Unit { site: site.clone(), name: "nginx.service".to_owned(), reads: Default::default() };
    assert_eq!(
        ask(&node, &site, unit.clone()).await,
        Evidence::Unit { active: true, enabled: true, stale: Default::default() }
    );
    let stop = Action::SetUnit {
        site: site.clone(),
        name: "nginx.service".to_owned(),
        goal: UnitGoal::Stopped,
        enabled: false,
    };
    act(&node, &site, stop).await.unwrap();
    assert_eq!(
        ask(&node, &site, unit).await,
        Evidence::Unit { active: false, enabled: false, stale: Default::default() }
    );
    let error = act(&node, &site, install(&site, &["no-such-package"])).await.unwrap_err();
    assert_eq!(error.message, "E: Unable to locate package no-such-package");
}

#[tokio::test(start_paused = true)]
async fn files_keep_content_mode_and_owner_but_no_secret() {
    let node = node();
    let site = running(&node).await;
    act(&node, &site, write(&site, "/srv/a/b.conf", Content::Text("x\n".to_owned()))).await.unwrap();
    let Evidence::File(found) = ask(&node, &site, file(&site, "/srv/a/b.conf")).await else { panic!() };
    assert_eq!((found.mode, found.text.as_deref()), (0o640, Some("x\n")));
    let Evidence::File(folder) = ask(&node, &site, file(&site, "/srv/a")).await else { panic!() };
    assert!(folder.directory);
    let secret = Content::Secret(SecretRef::Env("KEY".to_owned()));
    act(&node, &site, write(&site, "/etc/key", secret)).await.unwrap();
    let Evidence::File(found) = ask(&node, &site, file(&site, "/etc/key")).await else { panic!() };
    assert_eq!((found.sha256.len(), found.text), (64, None));
    let link = Action::Symlink {
        site: site.clone(),
        path: "/etc/link".to_owned(),
        target: "/srv/a/b.conf".to_owned(),
    };
    act(&node, &site, link).await.unwrap();
    let Evidence::File(found) = ask(&node, &site, file(&site, "/etc/link")).await else { panic!() };
    assert_eq!((found.link.as_deref(), found.text.as_deref()), (Some("/srv/a/b.conf"), Some("x\n")));
    act(&node, &site, Action::RemoveFile { site: site.clone(), path: "/etc/link".to_owned() }).await.unwrap();
    assert_eq!(ask(&node, &site, file(&site, "/etc/link")).await, Evidence::Absent);
}

#[tokio::test(start_paused = true)]
async fn users_and_commands_are_there() {
    let node = node();
    let site = running(&node).await;
    let user = Action::EnsureUser {
        site: site.clone(),
        name: "ops".to_owned(),
        shell: "/bin/bash".to_owned(),
        groups: BTreeSet::from(["sudo".to_owned()]),
        password_hash: None,
    };
    act(&node, &site, user).await.unwrap();
    let probe = Probe::User { site: site.clone(), name: "ops".to_owned() };
    let Evidence::User { uid, home, groups, .. } = ask(&node, &site, probe).await else { panic!() };
    assert_eq!((uid, home.as_str(), groups.contains("sudo")), (1000, "/home/ops", true));
    let argv = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let command = |line: &str| Probe::Command { site: site.clone(), argv: argv(line) };
    let run = |line: &str| Action::Run {
        site: site.clone(),
        argv: argv(line),
        stdin: None,
        proof: Condition::new(command("locale -a"), Expect::Succeeds),
    };
    // A probe never changes anything, an action does.
    ask(&node, &site, command("locale-gen en_US.UTF-8")).await;
    let Evidence::Output { stdout, .. } = ask(&node, &site, command("locale -a")).await else { panic!() };
    assert!(!stdout.contains("en_US"));
    act(&node, &site, run("locale-gen en_US.UTF-8")).await.unwrap();
    let Evidence::Output { stdout, .. } = ask(&node, &site, command("locale -a")).await else { panic!() };
    assert!(stdout.contains("en_US.utf8"));
    let Evidence::Output { status, .. } = ask(&node, &site, command("frobnicate")).await else { panic!() };
    assert_eq!(status, 127);
    assert!(act(&node, &site, run("false")).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn clones_and_snapshots_carry_the_inner_world() {
    let node = node();
    let site = running(&node).await;
    act(&node, &site, install(&site, &["nginx"])).await.unwrap();
    ok(&node, post(&node, "/n/lxc/100/snapshot", &[("snapname", "before")]).await).await;
    act(&node, &site, install(&site, &["git"])).await.unwrap();
    let clone =
        post(&node, "/n/lxc/100/clone", &[("newid", "101"), ("snapname", "before"), ("hostname", "two")])
            .await;
    ok(&node, clone).await;
    ok(&node, post(&node, "/n/lxc/101/status/start", &[]).await).await;
    let package = |site: &Site, name: &str| Probe::Package { site: site.clone(), name: name.to_owned() };
    assert!(matches!(ask(&node, &lxc(101), package(&lxc(101), "nginx")).await, Evidence::Package { .. }));
    assert_eq!(ask(&node, &lxc(101), package(&lxc(101), "git")).await, Evidence::Absent);
    let said =
        ask(&node, &lxc(101), Probe::Command { site: lxc(101), argv: vec!["hostname".to_owned()] }).await;
    assert!(matches!(said, Evidence::Output { stdout, .. } if stdout == "two\n"));
    ok(&node, post(&node, "/n/lxc/100/snapshot/before/rollback", &[("start", "1")]).await).await;
    assert_eq!(ask(&node, &site, package(&site, "git")).await, Evidence::Absent);
}

#[tokio::test(start_paused = true)]
async fn the_host_has_a_world_of_its_own() {
    let node = node();
    let host = Site::Host("phoenix".into());
    let probe = Probe::Package { site: host.clone(), name: "pve-manager".to_owned() };
    assert!(matches!(ask(&node, &host, probe).await, Evidence::Package { .. }));
    act(&node, &host, install(&host, &["nfs-kernel-server"])).await.unwrap();
    let unit =
        Probe::Unit { site: host.clone(), name: "nfs-server.service".to_owned(), reads: Default::default() };
    assert!(matches!(ask(&node, &host, unit).await, Evidence::Unit { active: true, .. }));
}

#[tokio::test(start_paused = true)]
async fn raw_keys_show_in_the_configuration() {
    let node = node();
    container(&node, "100").await;
    let line = ("lxc.apparmor.profile".to_owned(), "unconfined".to_owned());
    node.set_raw_keys(GuestId::lxc(100), &[line]).await.unwrap();
    let config = get(&node, "/n/lxc/100/config").await;
    assert_eq!(config.data()["lxc"], serde_json::json!([["lxc.apparmor.profile", "unconfined"]]));
}
