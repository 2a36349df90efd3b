//! The node as a host: its network is changed in a plan, its settings stay, many calls go in one.

use serde_json::json;

use crate::kit::*;

#[tokio::test(start_paused = true)]
async fn a_change_of_the_network_waits_until_it_is_applied() {
    let node = node();
    let wish = [("iface", "vmbr7"), ("type", "bridge"), ("cidr", "10.9.0.1/24")];
    assert_eq!(post(&node, "/n/network", &wish).await.status, 200);
    let again = post(&node, "/n/network", &wish).await;
    assert_eq!((again.status, &again.json["errors"]["iface"]), (400, &"interface already exists".into()));
    let list = get(&node, "/n/network").await;
    assert!(
        list.json["changes"].as_str().expect("changes").contains("+auto")
            || list.json["changes"].as_str().expect("changes").contains("+iface vmbr7")
    );
    let one = get(&node, "/n/network/vmbr7").await;
    assert_eq!((&one.data()["address"], &one.data()["method"]), (&"10.9.0.1".into(), &"static".into()));
    assert_eq!(delete(&node, "/n/network").await.status, 200);
    assert_eq!(get(&node, "/n/network/vmbr7").await.json["errors"]["iface"], "interface does not exist");

    assert_eq!(post(&node, "/n/network", &wish).await.status, 200);
    ok(&node, put(&node, "/n/network", &[]).await).await;
    assert!(get(&node, "/n/network").await.json.get("changes").is_none());
    assert_eq!(get(&node, "/n/network/vmbr7").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn settings_are_kept_and_a_stale_digest_is_refused() {
    let node = node();
    assert_eq!(put(&node, "/n/config", &[("description", "a\nb")]).await.status, 200);
    assert_eq!(get(&node, "/n/config").await.data()["description"], "a\nb\n");
    let stale = "0".repeat(40);
    let said = put(&node, "/n/config", &[("description", "x"), ("digest", &stale)]).await;
    assert_eq!(said.reason, "detected modified configuration - file changed by other user? Try again.");
    assert_eq!(put(&node, "/n/dns", &[("search", "lan"), ("dns1", "10.0.0.53")]).await.status, 200);
    assert_eq!(get(&node, "/n/dns").await.data(), &json!({ "search": "lan", "dns1": "10.0.0.53" }));
    assert_eq!(put(&node, "/n/time", &[("timezone", "nowhere")]).await.status, 500);
    assert_eq!(put(&node, "/n/time", &[("timezone", "Europe/Vienna")]).await.status, 200);
    assert_eq!(get(&node, "/n/time").await.data()["timezone"], "Europe/Vienna");
    ok(&node, post(&node, "/n/services/cron/stop", &[]).await).await;
    assert_eq!(get(&node, "/n/services/cron/state").await.data()["state"], "dead");
}

#[tokio::test(start_paused = true)]
async fn guests_start_and_stop_together_in_their_order() {
    let node = node();
    container(&node, "100").await;
    assert_eq!(put(&node, "/n/lxc/100/config", &[("onboot", "1")]).await.status, 200);
    ok(&node, post(&node, "/n/startall", &[]).await).await;
    assert_eq!(get(&node, "/n/lxc/100/status/current").await.data()["status"], "running");
    ok(&node, post(&node, "/n/stopall", &[]).await).await;
    assert_eq!(get(&node, "/n/lxc/100/status/current").await.data()["status"], "stopped");
}

#[tokio::test(start_paused = true)]
async fn many_calls_go_in_one_and_each_has_its_answer() {
    let node = node();
    let commands = json!([
        { "method": "GET", "path": "version" },
        { "method": "GET", "path": "lxc/999/config" },
    ]);
    let said = post(&node, "/n/execute", &[("commands", &commands.to_string())]).await;
    assert_eq!(
        (&said.data()[0]["status"], &said.data()[0]["data"]["version"]),
        (&200.into(), &"9.2.11".into())
    );
    assert_eq!(said.data()[1]["status"], 500);
}
