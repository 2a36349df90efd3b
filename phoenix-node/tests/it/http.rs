//! What belongs to no kind of guest: unknown paths, wrong parameters, tasks.

use phoenix_pve::transport::Method;

use crate::kit::*;

#[tokio::test(start_paused = true)]
async fn an_unknown_path_is_not_implemented() {
    let node = node();
    let said = get(&node, "/n/lxc/100/frobnicate").await;
    assert_eq!(said.status, 501);
    assert_eq!(said.reason, "Method 'GET /nodes/phoenix/lxc/100/frobnicate' not implemented");
    let said = get(&node, "/nodes/nope/status").await;
    assert!(said.reason.starts_with("hostname lookup 'nope' failed"), "{}", said.reason);
}

#[tokio::test(start_paused = true)]
async fn all_wrong_parameters_are_named_at_once() {
    let node = node();
    let said = post(
        &node,
        "/n/lxc",
        &[
            ("vmid", "99"),
            ("memory", "lots"),
            ("cores", "0"),
            ("hostname", "bad_host!"),
            ("onboot", "maybe"),
            ("foo", "1"),
            ("net0", "bridge=vmbr0"),
        ],
    )
    .await;
    assert_eq!((said.status, said.reason.as_str()), (400, "Parameter verification failed."));
    let errors = said.json["errors"].as_object().unwrap();
    let expected = [
        ("cores", "value must have a minimum value of 1"),
        ("foo", "property is not defined in schema and the schema does not allow additional properties"),
        ("hostname", "invalid format - value does not look like a valid DNS name\n"),
        ("memory", "type check ('integer') failed - got 'lots'"),
        ("net0", "invalid format - format error\nnet0.name: property is missing and it is not optional\n"),
        ("onboot", "type check ('boolean') failed - got 'maybe'"),
        ("ostemplate", "property is missing and it is not optional"),
        ("vmid", "invalid format - value does not look like a valid VM ID\n"),
    ];
    assert_eq!(errors.len(), expected.len(), "{errors:?}");
    for (name, text) in expected {
        assert_eq!(errors[name], text);
    }
}

#[tokio::test(start_paused = true)]
async fn running_tasks_are_listed_only_where_asked_for() {
    let node = node();
    container(&node, "100").await;
    let start = post(&node, "/n/lxc/100/status/start", &[]).await;
    let archive = call(&node, Method::Get, "/n/tasks", &[("vmid", "100")]).await;
    assert_eq!(archive.data()[0]["type"], "vzcreate");
    let active = call(&node, Method::Get, "/n/tasks", &[("source", "active")]).await;
    assert_eq!(active.data()[0]["status"], "RUNNING");
    assert_eq!(active.json["total"], 1);
    let upid = start.data().as_str().unwrap().to_owned();
    ok(&node, start).await;
    let log = get(&node, &format!("/n/tasks/{}/log", upid.replace(':', "%3A"))).await;
    assert_eq!(log.data()[0]["t"], "TASK OK");
    let unknown = "UPID:phoenix:00001000:00001000:65F00000:vzcreate:100:root@pam:";
    let said = get(&node, &format!("/n/tasks/{unknown}/status")).await;
    assert_eq!(said.json["errors"]["upid"], "no such task");
    assert_eq!(get(&node, &format!("/n/tasks/{unknown}/log")).await.status, 200);
    assert_eq!(
        get(&node, "/n/tasks/UPID:garbage/status").await.json["errors"]["upid"],
        "unable to parse worker upid"
    );
}

#[tokio::test(start_paused = true)]
async fn the_next_id_is_the_first_free_one() {
    let node = node();
    assert_eq!(get(&node, "/cluster/nextid").await.data(), "100");
    container(&node, "100").await;
    assert_eq!(get(&node, "/cluster/nextid").await.data(), "101");
}

#[tokio::test(start_paused = true)]
async fn a_stopped_task_takes_its_reservation_back() {
    let node = node();
    fetch(&node).await;
    let said = post(&node, "/n/lxc", &[("vmid", "100"), ("ostemplate", UBUNTU)]).await;
    let upid = said.data().as_str().unwrap().to_owned();
    assert_eq!(delete(&node, &format!("/n/tasks/{upid}")).await.status, 200);
    assert_eq!(get(&node, "/n/lxc").await.data(), &serde_json::json!([]));
    let status = get(&node, &format!("/n/tasks/{upid}/status")).await;
    assert_eq!(status.data()["exitstatus"], "unable to create CT 100 - received interrupt");
}
