//! What the cluster as a whole is set to: HA, jobs, networks, notifications, mappings, options, bulk actions.

use phoenix_pve::transport::Method;
use serde_json::{Value, json};

use crate::kit::*;

fn ids(rows: &Value, key: &str) -> Vec<String> {
    rows.as_array().expect("rows").iter().filter_map(|row| row[key].as_str().map(str::to_owned)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_managed_guest_goes_only_with_purge() {
    let node = node();
    container(&node, "100").await;
    let resources = "/cluster/ha/resources";
    post(&node, resources, &[("sid", "100"), ("max_restart", "3")]).await.data();
    assert_eq!(get(&node, &format!("{resources}/ct:100")).await.data()["max_restart"], 3);
    let said = post(&node, resources, &[("sid", "ct:100")]).await;
    assert_eq!(said.reason, "create resource failed: resource ID 'ct:100' already defined");
    let said = post(&node, resources, &[("sid", "vm:100")]).await;
    assert_eq!(said.reason, "resource 'vm:100' does not exist in cluster");
    assert_eq!(get(&node, "/n/lxc/100/status/current").await.data()["ha"]["managed"], 1);
    let affinity =
        [("rule", "near"), ("type", "node-affinity"), ("nodes", "phoenix"), ("resources", "ct:100")];
    post(&node, "/cluster/ha/rules", &affinity).await.data();
    assert_eq!(get(&node, "/cluster/ha/rules/near").await.data()["order"], 1);
    let wrong =
        [("rule", "far"), ("type", "resource-affinity"), ("nodes", "phoenix"), ("resources", "ct:100")];
    let said = post(&node, "/cluster/ha/rules", &wrong).await;
    assert_eq!(
        ids(&json!([said.json["errors"]]), "affinity"),
        ["property is missing and it is not optional"]
    );
    let said = delete(&node, "/n/lxc/100").await;
    assert!(said.reason.contains("used in HA resources"), "{}", said.reason);
    let said = call(&node, Method::Delete, "/n/lxc/100", &[("purge", "1")]).await;
    ok(&node, said).await;
    assert_eq!(get(&node, resources).await.data(), &json!([]));
    assert_eq!(get(&node, "/cluster/ha/rules").await.data(), &json!([]));
}

#[tokio::test(start_paused = true)]
async fn a_backup_job_saves_all_some_or_a_pool() {
    let node = node();
    container(&node, "100").await;
    let jobs = "/cluster/backup";
    let said = post(&node, jobs, &[("schedule", "daily"), ("storage", "local")]).await;
    assert_eq!(
        (said.status, said.json["message"].as_str().unwrap().contains("vmid: property is missing")),
        (500, true)
    );
    let given = [
        ("id", "nightly"),
        ("schedule", "mon..fri 02:30"),
        ("storage", "local"),
        ("vmid", "100"),
        ("prune-backups", "keep-last=3"),
    ];
    post(&node, jobs, &given).await.data();
    let row = get(&node, jobs).await.data()[0].clone();
    assert_eq!((&row["enabled"], &row["prune-backups"]), (&json!(1), &json!({ "keep-last": "3" })));
    assert!(row["next-run"].as_u64().unwrap() > 1_700_000_000);
    let said = get(&node, "/cluster/backup/nightly/included_volumes").await;
    assert_eq!(said.data()["children"][0]["children"][0]["id"], "100:rootfs");
    assert_eq!(get(&node, "/cluster/backup-info/not-backed-up").await.data(), &json!([]));
    put(&node, "/cluster/backup/nightly", &[("all", "1"), ("exclude", "100")]).await.data();
    assert_eq!(get(&node, "/cluster/backup/nightly").await.data().get("vmid"), None);
    assert_eq!(get(&node, "/cluster/backup-info/not-backed-up").await.data()[0]["vmid"], 100);
    assert_eq!(get(&node, "/cluster/backup/other").await.json["errors"]["id"], "No such job 'other'");
    let said = post(&node, jobs, &[("schedule", "now and then"), ("storage", "local"), ("all", "1")]).await;
    assert!(said.json["errors"]["schedule"].as_str().unwrap().contains("Context(\"weekday\")"));
}

#[tokio::test(start_paused = true)]
async fn networks_wait_until_they_are_applied() {
    let node = node();
    post(&node, "/cluster/sdn/zones", &[("zone", "lab"), ("type", "simple")]).await.data();
    post(&node, "/cluster/sdn/vnets", &[("vnet", "lab1"), ("zone", "lab")]).await.data();
    let subnets = "/cluster/sdn/vnets/lab1/subnets";
    let subnet = [("subnet", "10.9.0.0/24"), ("type", "subnet"), ("gateway", "10.9.0.1")];
    post(&node, subnets, &subnet).await.data();
    let said =
        post(&node, subnets, &[("subnet", "10.8.0.0/24"), ("type", "subnet"), ("gateway", "10.9.0.1")]).await;
    assert_eq!(said.status, 500, "{said:?}");
    let row = get(&node, &format!("{subnets}/lab-10.9.0.0-24")).await.data().clone();
    assert_eq!((&row["cidr"], &row["zone"]), (&json!("10.9.0.0/24"), &json!("lab")));
    let pending = call(&node, Method::Get, "/cluster/sdn/vnets", &[("pending", "1")]).await;
    assert_eq!(pending.data()[0]["state"], "new");
    assert_eq!(get(&node, "/cluster/firewall/refs").await.data(), &json!([]));
    let said = call(&node, Method::Put, "/cluster/sdn", &[]).await;
    ok(&node, said).await;
    let pending = call(&node, Method::Get, "/cluster/sdn/vnets", &[("pending", "1")]).await;
    assert_eq!(pending.data()[0].get("state"), None);
    let refs = get(&node, "/cluster/firewall/refs").await;
    assert_eq!(ids(refs.data(), "ref"), ["+lab1-all", "+lab1-gateway", "+lab1-no-gateway", "+lab1-dhcp"]);
    assert!(delete(&node, "/cluster/sdn/zones/lab").await.reason.contains("used by vnet lab1"));
    assert_eq!(delete(&node, "/cluster/sdn/vnets/lab1").await.status, 500);
    for path in [&format!("{subnets}/lab-10.9.0.0-24"), "/cluster/sdn/vnets/lab1", "/cluster/sdn/zones/lab"] {
        delete(&node, path).await.data();
    }
    let pending = call(&node, Method::Get, "/cluster/sdn/zones", &[("pending", "1")]).await;
    assert_eq!(pending.data()[0]["state"], "deleted");
    post(&node, "/cluster/sdn/rollback", &[]).await.data();
    assert_eq!(ids(get(&node, "/cluster/sdn/zones").await.data(), "zone"), ["lab"]);
}

#[tokio::test(start_paused = true)]
async fn a_locked_network_changes_only_for_who_holds_the_lock() {
    let node = node();
    let token = post(&node, "/cluster/sdn/lock", &[]).await.data().as_str().unwrap().to_owned();
    let zone = [("zone", "lab"), ("type", "simple")];
    assert_eq!(post(&node, "/cluster/sdn/zones", &zone).await.status, 500);
    let zone = [("zone", "lab"), ("type", "simple"), ("lock-token", token.as_str())];
    post(&node, "/cluster/sdn/zones", &zone).await.data();
    call(&node, Method::Delete, "/cluster/sdn/lock", &[("lock-token", &token)]).await.data();
    delete(&node, "/cluster/sdn/zones/lab").await.data();
}

#[tokio::test(start_paused = true)]
async fn built_in_notifications_come_back_and_secrets_are_not_shown() {
    let node = node();
    let endpoint = "/cluster/notifications/endpoints/gotify";
    let given = [("name", "phone"), ("server", "http://192.0.2.1"), ("token", "secret")];
    post(&node, endpoint, &given).await.data();
    let row = get(&node, &format!("{endpoint}/phone")).await.data().clone();
    assert_eq!((row.get("token"), &row["origin"]), (None, &json!("user-created")));
    assert_eq!(get(&node, &format!("{endpoint}/none")).await.status, 404);
    let said = post(&node, endpoint, &given).await;
    assert_eq!(said.status, 400);
    let matcher = "/cluster/notifications/matchers/default-matcher";
    put(&node, matcher, &[("target", "phone"), ("mode", "any")]).await.data();
    assert_eq!(get(&node, matcher).await.data()["origin"], "modified-builtin");
    let said = delete(&node, &format!("{endpoint}/phone")).await;
    assert_eq!(said.reason, "cannot delete 'phone', referenced by: default-matcher");
    delete(&node, matcher).await.data();
    assert_eq!(get(&node, matcher).await.data()["target"], json!(["mail-to-root"]));
    delete(&node, &format!("{endpoint}/phone")).await.data();
    assert_eq!(ids(get(&node, "/cluster/notifications/targets").await.data(), "name"), ["mail-to-root"]);
}

#[tokio::test(start_paused = true)]
async fn free_ids_are_looked_for_in_the_range_of_the_options() {
    let node = node();
    put(&node, "/cluster/options", &[("next-id", "lower=700,upper=702"), ("keyboard", "de")]).await.data();
    assert_eq!(get(&node, "/cluster/nextid").await.data(), "700");
    let options = get(&node, "/cluster/options").await.data().clone();
    assert_eq!(
        (&options["next-id"], &options["keyboard"]),
        (&json!({ "lower": 700, "upper": 702 }), &json!("de"))
    );
    put(&node, "/cluster/options", &[("delete", "next-id")]).await.data();
    assert_eq!(get(&node, "/cluster/nextid").await.data(), "100");
}

#[tokio::test(start_paused = true)]
async fn mappings_and_metric_servers_are_kept() {
    let node = node();
    post(&node, "/cluster/mapping/dir", &[("id", "share"), ("map", "node=phoenix,path=/srv")]).await.data();
    let row = get(&node, "/cluster/mapping/dir/share").await.data().clone();
    assert_eq!(row["map"], json!(["node=phoenix,path=/srv"]));
    let said = put(&node, "/cluster/mapping/dir/share", &[("delete", "map")]).await;
    assert_eq!(said.reason, "update dir mapping failed: unable to delete required option 'map'");
    let server = [("type", "graphite"), ("server", "192.0.2.9"), ("port", "2003")];
    post(&node, "/cluster/metrics/server/g1", &server).await.data();
    assert_eq!(get(&node, "/cluster/metrics/server/g1").await.data()["port"], 2003);
    delete(&node, "/cluster/metrics/server/g1").await.data();
    assert_eq!(get(&node, "/cluster/metrics/server/g1").await.status, 500);
}

#[tokio::test(start_paused = true)]
async fn many_guests_are_started_and_stopped_in_one_task() {
    let node = node();
    container(&node, "100").await;
    let said = post(&node, "/cluster/bulk-action/guest/start", &[("vms", "100")]).await;
    ok(&node, said).await;
    assert_eq!(get(&node, "/n/lxc/100/status/current").await.data()["status"], "running");
    let said = post(&node, "/n/stopall", &[]).await;
    ok(&node, said).await;
    assert_eq!(get(&node, "/n/lxc/100/status/current").await.data()["status"], "stopped");
    let log = get(&node, "/cluster/log").await;
    assert!(ids(log.data(), "msg")[0].contains("stopall"), "{log:?}");
}
