//! Virtual machines: errands through the guest agent, and what happens where there is none.

use std::{sync::Arc, time::Duration};

use phoenix_core::{
    Action, Condition, Content, ErrorKind, Evidence, Expect, GuestId, Probe, SecretRef, Site,
};
use phoenix_pve::{Client, Entry, GuestChannel, LiveChannel, Nodes, SshOptions};
use serde_json::json;

use super::{
    cluster::Cluster,
    machine::{Machine, limits},
};

const VMID: u32 = 300;

fn site() -> Site {
    Site::Guest(GuestId::vm(VMID))
}

fn channel(cluster: &Cluster) -> LiveChannel {
    let client = Client::new(Arc::new(cluster.clone()));
    let entry = Entry::Local { prefix: Vec::new() };
    let nodes = Nodes::new(client.clone(), "pve1", entry, SshOptions::default());
    LiveChannel::new(client, nodes, limits())
}

fn echo(text: &str) -> Probe {
    Probe::Command { site: site(), argv: vec!["echo".to_owned(), text.to_owned()] }
}

#[tokio::test]
async fn a_batch_is_one_command_of_the_agent() {
    let cluster = Cluster::default();
    cluster.add(VMID, "qemu");
    cluster.state().slowness = 3;
    let odd = "$(id) ü\n'";
    let probes = [echo(odd), Probe::File { site: site(), path: "/etc/passwd".to_owned() }];
    let answers = channel(&cluster).ask(&site(), &probes).await;
    assert!(
        matches!(&answers[0], Ok(Evidence::Output { stdout, .. }) if *stdout == format!("{odd}\n")),
        "{answers:?}"
    );
    assert!(matches!(&answers[1], Ok(Evidence::File(_))));
    assert_eq!((cluster.count("agent/exec"), cluster.count("agent/exec-status")), (1, 4));
}

#[tokio::test]
async fn long_content_goes_in_pieces_and_leaves_nothing_behind() {
    let Some(machine) = Machine::new() else { return };
    let cluster = machine.cluster.clone();
    cluster.add(VMID, "qemu");
    cluster.state().prefix = machine.prefix();
    let long = "$(id) \\0101 'x'\n".repeat(20_000);
    let action = Action::WriteFile {
        site: site(),
        path: "/srv/long".into(),
        content: Content::Secret(SecretRef::Env("X".into())),
        mode: 0o600,
        owner: "root".into(),
        group: "root".into(),
        check: Vec::new(),
    };
    channel(&cluster).act(&site(), &action, Some(long.as_bytes())).await.unwrap();
    assert_eq!(std::fs::read_to_string(machine.path("/srv/long")).unwrap(), long);
    assert!(cluster.count("agent/file-write") > 4);
    let left = std::fs::read_dir(machine.path("/run")).unwrap().flatten();
    let left: Vec<_> =
        left.filter(|entry| entry.file_name().to_string_lossy().starts_with(".phoenix")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn machines_that_cannot_be_asked_say_why() {
    let cluster = Cluster::default();
    let channel = channel(&cluster);
    let ask = || async { channel.ask(&site(), &[echo("x")]).await.pop().unwrap() };
    assert_eq!(ask().await.unwrap(), Evidence::Absent);
    cluster.add(VMID, "qemu");
    let refuse = |text: &str| cluster.state().refusal = Some(text.to_owned());
    let reason = |evidence: Evidence| match evidence {
        Evidence::Unreachable { reason } => reason,
        other => panic!("{other:?}"),
    };
    refuse("VM 300 is not running");
    assert_eq!(reason(ask().await.unwrap()), "`vm/300` does not run");
    refuse("QEMU guest agent is not running");
    assert_eq!(
        reason(ask().await.unwrap()),
        "the guest agent of `vm/300` does not answer, and no address is known to reach it by ssh"
    );
    refuse("No QEMU guest agent configured");
    assert!(reason(ask().await.unwrap()).starts_with("`vm/300` has no guest agent (`agent: 1`"));
    refuse("Permission check failed (/vms/300, VM.GuestAgent.Unrestricted)");
    assert_eq!(ask().await.unwrap_err().kind, ErrorKind::Forbidden);
}

#[tokio::test]
async fn an_agent_that_never_ends_is_waited_for_no_longer_than_allowed() {
    let cluster = Cluster::default();
    cluster.add(VMID, "qemu");
    cluster.state().slowness = u32::MAX;
    let client = Client::new(Arc::new(cluster.clone()));
    let nodes =
        Nodes::new(client.clone(), "pve1", Entry::Local { prefix: Vec::new() }, SshOptions::default());
    let limits = phoenix_pve::ChannelLimits { batch: Duration::ZERO, ..limits() };
    let channel = LiveChannel::new(client, nodes, limits);
    let error = channel.ask(&site(), &[echo("x")]).await.pop().unwrap().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
}

#[tokio::test]
async fn without_an_agent_the_fixed_address_is_tried_by_ssh() {
    let cluster = Cluster::default();
    cluster.add(VMID, "qemu");
    cluster.state().refusal = Some("QEMU guest agent is not running".to_owned());
    // Nobody of that name is let in there, if anything listens at all.
    cluster.state().config.insert("ipconfig0".into(), json!("ip=127.0.0.77/8,gw=127.0.0.1"));
    cluster.state().config.insert("ciuser".into(), json!("debian"));
    let said = channel(&cluster).ask(&site(), &[echo("x")]).await.pop().unwrap();
    let Ok(Evidence::Unreachable { reason }) = said else { panic!("{said:?}") };
    assert!(reason.contains("debian@127.0.0.77"), "{reason}");
}

#[tokio::test]
async fn what_is_done_in_a_machine_waits_until_it_is_up_and_no_longer() {
    let cluster = Cluster::default();
    cluster.add(VMID, "qemu");
    let channel = channel(&cluster);
    let proof = Condition::new(echo("x"), Expect::Succeeds);
    let action = Action::Run { site: site(), argv: vec!["true".to_owned()], stdin: None, proof };
    (cluster.state().booting, cluster.state().uptime) = (1, 5);
    channel.act(&site(), &action, None).await.expect("the agent answers the second time");
    assert_eq!(cluster.state().booting, 0);
    // One that has run for an hour will not answer by itself.
    (cluster.state().booting, cluster.state().uptime) = (2, 3600);
    let error = channel.act(&site(), &action, None).await.expect_err("nobody answers");
    assert_eq!(error.kind, ErrorKind::Unreachable);
    assert_eq!(cluster.state().booting, 1, "it was tried once");
}
