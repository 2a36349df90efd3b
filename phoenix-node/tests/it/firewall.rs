//! Firewalls: rules, aliases, sets of addresses, groups and options, at each level.

use phoenix_pve::transport::Method;
use serde_json::{Value, json};

use crate::kit::*;

const LEVELS: &[&str] = &["/cluster/firewall", "/n/firewall", "/n/lxc/100/firewall", "/n/qemu/101/firewall"];

fn column(rows: &Value, key: &str) -> Vec<String> {
    let rows = rows.as_array().expect("rows").iter();
    rows.map(|row| row[key].as_str().map_or_else(|| row[key].to_string(), str::to_owned)).collect()
}

#[tokio::test(start_paused = true)]
async fn rules_are_added_at_the_top_and_are_off() {
    let node = node();
    for level in LEVELS {
        let rules = format!("{level}/rules");
        for comment in ["first", "second", "third"] {
            let given = [("type", "in"), ("action", "ACCEPT"), ("comment", comment), ("pos", "9")];
            assert_eq!(post(&node, &rules, &given).await.data(), &Value::Null);
        }
        let rows = get(&node, &rules).await.data().clone();
        assert_eq!(column(&rows, "comment"), ["third", "second", "first"], "{level}");
        assert_eq!(column(&rows, "enable"), ["0", "0", "0"]);
        assert_eq!(rows[1]["pos"], 1);
        let one = get(&node, &format!("{rules}/1")).await.data().clone();
        assert_eq!((&one["pos"], &one["comment"]), (&json!("1"), &json!("second")));
        assert_eq!(one["digest"], rows[0]["digest"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_moved_rule_stands_before_the_one_whose_place_it_was_given() {
    let node = node();
    for comment in ["d", "c", "b", "a"] {
        post(&node, "/cluster/firewall/rules", &[("type", "in"), ("action", "DROP"), ("comment", comment)])
            .await;
    }
    for (from, to, order) in [("0", "2", "bacd"), ("3", "0", "dbac"), ("0", "9", "bacd"), ("1", "1", "bacd")]
    {
        let path = format!("/cluster/firewall/rules/{from}");
        put(&node, &path, &[("moveto", to)]).await.data();
        let rows = get(&node, "/cluster/firewall/rules").await;
        assert_eq!(column(rows.data(), "comment").concat(), order, "{from} to {to}");
    }
    let said = delete(&node, "/cluster/firewall/rules/4").await;
    assert_eq!((said.status, said.reason.as_str()), (500, "no rule at position 4"));
}

#[tokio::test(start_paused = true)]
async fn a_rule_whose_parts_do_not_fit_is_refused() {
    let node = node();
    let rules = "/cluster/firewall/rules";
    for (key, value, at, text) in [
        ("dport", "443", "proto", "missing property - 'dport' requires this property"),
        (
            "source",
            "10.0.0.256",
            "source",
            "invalid format - invalid IP address: Invalid quad in IP address 10.0.0.256 - 256\n",
        ),
        ("dest", "missing", "dest", "no such alias 'missing'"),
        ("dest", "+missing", "dest", "no such ipset 'missing'"),
        ("macro", "Sesame", "macro", "unknown macro 'Sesame'"),
        ("proto", "tpc", "proto", "invalid format - unknown protocol 'tpc'\n"),
        ("sport", "ssh,99999", "sport", "invalid format - invalid port '99999'\n"),
        (
            "log",
            "loud",
            "log",
            "value 'loud' does not have a value in the enumeration 'emerg, alert, crit, err, warning, notice, info, debug, nolog'",
        ),
    ] {
        let said = post(&node, rules, &[("type", "in"), ("action", "ACCEPT"), (key, value)]).await;
        assert_eq!((said.status, said.json["errors"][at].as_str()), (400, Some(text)), "{key}={value}");
    }
    let said = post(&node, rules, &[("type", "in"), ("action", "PERHAPS")]).await;
    assert!(said.json["errors"]["action"].is_string(), "{said:?}");
    assert_eq!(get(&node, rules).await.data(), &json!([]));
    let mixed = [("type", "out"), ("action", "DROP"), ("macro", "ssh"), ("source", "10.0.0.0/8")];
    post(&node, rules, &mixed).await.data();
    let rows = get(&node, rules).await.data().clone();
    assert_eq!((&rows[0]["macro"], &rows[0]["ipversion"]), (&json!("SSH"), &json!(4)));
}

#[tokio::test(start_paused = true)]
async fn a_change_against_an_old_digest_is_refused() {
    let node = node();
    let rule = [("type", "in"), ("action", "ACCEPT"), ("source", "10.0.0.1"), ("comment", "x")];
    post(&node, "/n/firewall/rules", &rule).await.data();
    let digest = get(&node, "/n/firewall/rules/0").await.data()["digest"].as_str().unwrap().to_owned();
    put(&node, "/n/firewall/rules/0", &[("enable", "1"), ("delete", "comment,source"), ("digest", &digest)])
        .await
        .data();
    let row = get(&node, "/n/firewall/rules/0").await.data().clone();
    assert_eq!((row["enable"].clone(), row.get("comment"), row.get("source")), (json!(1), None, None));
    let said = put(&node, "/n/firewall/rules/0", &[("enable", "0"), ("digest", &digest)]).await;
    assert_eq!(said.reason, "detected modified configuration - file changed by other user? Try again.");
    let said = put(&node, "/n/firewall/rules/0", &[("delete", "action")]).await;
    assert_eq!(said.json["errors"]["delete"], "unable to delete required property 'action'");
}

#[tokio::test(start_paused = true)]
async fn aliases_keep_their_case_and_are_found_without_it() {
    let node = node();
    let aliases = "/n/lxc/100/firewall/aliases";
    post(&node, aliases, &[("name", "Office"), ("cidr", "192.0.2.7/32"), ("comment", "c")]).await.data();
    let said = post(&node, aliases, &[("name", "office"), ("cidr", "192.0.2.8")]).await;
    assert_eq!((said.status, &said.json["errors"]["name"]), (400, &json!("alias 'office' already exists")));
    let row = get(&node, &format!("{aliases}/OFFICE")).await.data().clone();
    assert_eq!((&row["name"], &row["cidr"]), (&json!("Office"), &json!("192.0.2.7")));
    let rules = "/n/lxc/100/firewall/rules";
    post(&node, rules, &[("type", "in"), ("action", "ACCEPT"), ("source", "guest/oFFice")]).await.data();
    put(&node, &format!("{aliases}/office"), &[("cidr", "2001:db8::/32"), ("rename", "Home")]).await.data();
    let rows = get(&node, aliases).await.data().clone();
    assert_eq!(
        (&rows[0]["name"], &rows[0]["ipversion"], rows[0].get("comment")),
        (&json!("Home"), &json!(6), None)
    );
    // The rule is still there, and says what is wrong with it now.
    let rule = get(&node, rules).await.data()[0].clone();
    assert_eq!(rule["errors"]["source"], "no such alias 'office'");
    assert_eq!(get(&node, &format!("{aliases}/office")).await.json["errors"]["name"], "no such alias");
    assert_eq!(delete(&node, &format!("{aliases}/office")).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_set_of_addresses_is_removed_when_it_is_empty_or_by_force() {
    let node = node();
    let sets = "/cluster/firewall/ipset";
    post(&node, sets, &[("name", "blocked")]).await.data();
    post(&node, &format!("{sets}/blocked"), &[("cidr", "10.0.0.0/8"), ("nomatch", "1")]).await.data();
    let said = post(&node, &format!("{sets}/blocked"), &[("cidr", "10.0.0.0/8")]).await;
    assert_eq!(said.json["errors"]["cidr"], "address '10.0.0.0/8' already exists");
    let said = post(&node, &format!("{sets}/blocked"), &[("cidr", "10.0.0.9/8")]).await;
    assert_eq!(said.status, 400);
    assert_eq!(delete(&node, &format!("{sets}/blocked")).await.reason, "IPSet 'blocked' is not empty");
    let entry = get(&node, &format!("{sets}/blocked/10.0.0.0%2F8")).await.data().clone();
    assert_eq!((&entry["cidr"], &entry["nomatch"]), (&json!("10.0.0.0/8"), &json!(1)));
    let said = call(&node, Method::Delete, &format!("{sets}/blocked"), &[("force", "1")]).await;
    assert_eq!(said.status, 200);
    assert_eq!(get(&node, &format!("{sets}/blocked")).await.reason, "no such IPSet 'blocked'");
}

#[tokio::test(start_paused = true)]
async fn groups_have_rules_and_options_have_names() {
    let node = node();
    let groups = "/cluster/firewall/groups";
    post(&node, groups, &[("group", "web"), ("comment", "c")]).await.data();
    let rule = [("type", "in"), ("action", "ACCEPT"), ("proto", "tcp"), ("dport", "80,443")];
    post(&node, &format!("{groups}/web"), &rule).await.data();
    let nested = [("type", "group"), ("action", "other")];
    assert_eq!(post(&node, &format!("{groups}/web"), &nested).await.status, 400);
    assert_eq!(delete(&node, &format!("{groups}/web")).await.reason, "Security group 'web' is not empty");
    assert_eq!(get(&node, &format!("{groups}/none")).await.reason, "no such security group 'none'");
    let options = "/n/qemu/101/firewall/options";
    put(&node, options, &[("enable", "1"), ("policy_in", "DROP")]).await.data();
    assert_eq!(get(&node, options).await.data()["enable"], 1);
    let said = put(&node, options, &[("delete", "nonsense")]).await;
    assert_eq!(said.json["errors"]["delete"], "no such option 'nonsense'");
    put(&node, options, &[("delete", "enable")]).await.data();
    assert_eq!(get(&node, options).await.data().get("enable"), None);
}

#[tokio::test(start_paused = true)]
async fn a_guest_takes_its_firewall_with_it() {
    let node = node();
    container(&node, "100").await;
    let rule = [("type", "in"), ("action", "ACCEPT"), ("comment", "kept")];
    post(&node, "/n/lxc/100/firewall/rules", &rule).await.data();
    let said = post(&node, "/n/lxc/100/clone", &[("newid", "105")]).await;
    ok(&node, said).await;
    assert_eq!(column(get(&node, "/n/lxc/105/firewall/rules").await.data(), "comment"), ["kept"]);
    let said = delete(&node, "/n/lxc/100").await;
    ok(&node, said).await;
    assert_eq!(get(&node, "/n/lxc/100/firewall/rules").await.data(), &json!([]));
    assert_eq!(column(get(&node, "/n/lxc/105/firewall/rules").await.data(), "comment"), ["kept"]);
}
