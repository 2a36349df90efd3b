//! Faults strike where they are told to, and calls are counted.

use std::time::Duration;

use phoenix_node::{Effect, Fault};
use phoenix_pve::transport::{Method, Request, Transport};

use crate::kit::*;

fn fault(method: Method, path: &str, effect: Effect) -> Fault {
    Fault { method: Some(method), path: path.to_owned(), skip: 0, times: 1, effect }
}

#[tokio::test(start_paused = true)]
async fn an_injected_answer_comes_once() {
    let node = node();
    let effect = Effect::Answer { status: 596, reason: "Connection timed out".to_owned() };
    node.inject(fault(Method::Get, "/lxc", effect));
    assert_eq!(get(&node, "/n/lxc").await.status, 596);
    assert_eq!(get(&node, "/n/lxc").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_hides_a_change_that_was_made() {
    let node = node();
    container(&node, "100").await;
    node.inject(fault(Method::Put, "/lxc/*/config", Effect::LoseReply));
    let request = Request {
        method: Method::Put,
        path: "/nodes/phoenix/lxc/100/config".to_owned(),
        params: vec![("memory".to_owned(), "777".to_owned())],
    };
    assert!(node.send(request).await.unwrap_err().may_have_arrived);
    assert_eq!(get(&node, "/n/lxc/100/config").await.data()["memory"], 777);
}

#[tokio::test(start_paused = true)]
async fn a_failed_clone_leaves_no_guest_and_no_lock() {
    let node = node();
    template(&node, "900").await;
    node.inject(Fault {
        method: None,
        path: "vzclone:900".to_owned(),
        skip: 0,
        times: 1,
        effect: Effect::FailTask("clone failed: interrupted by signal".to_owned()),
    });
    let said = post(&node, "/n/lxc/900/clone", &[("newid", "101")]).await;
    assert_eq!(done(&node, said).await, "clone failed: interrupted by signal");
    assert_eq!(get(&node, "/n/lxc/101/config").await.status, 500);
    ok(&node, post(&node, "/n/lxc/900/clone", &[("newid", "101")]).await).await;
}

#[tokio::test(start_paused = true)]
async fn calls_are_counted_and_take_no_time_of_their_own() {
    let node = node();
    let begun = tokio::time::Instant::now();
    get(&node, "/n/lxc").await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert_eq!(node.calls().count, 1);
    assert!(node.calls().bytes > 0);
}
