//! Firewalls: the exact calls of every change, what is done twice, and what somebody else does meanwhile.

use std::collections::BTreeSet;

use phoenix_core::{
    Action, Backend, BackendError, ErrorKind, FirewallScope, GuestId, Phase, Probe, Reader, Step,
    engine::Events,
    firewall::{AddressSet, Alias, FirewallChange, Found, Rule, mark},
};
use serde_json::{Value, json};

use crate::{
    contract::{Calls, tags, variants},
    script::{Reply, Script, call},
};

const RULES: &str = "/cluster/firewall/rules";
const DEAD: &str = "detected modified configuration - file changed by other user? Try again.";

fn rule(key: &str, action: &str, dport: &str) -> Rule {
    let comment = mark::with_key("web", key);
    let texts = [
        ("type", "in"),
        ("action", action),
        ("enable", "1"),
        ("proto", "tcp"),
        ("dport", dport),
        ("comment", &comment),
    ];
    texts.into_iter().map(|(key, text)| (key.to_owned(), text.to_owned())).collect()
}

/// Returns a list of rules as PVE gives it, in no order, with a digest.
fn list(digest: &str, rules: &[Rule]) -> Value {
    let row = |(pos, rule): (usize, &Rule)| {
        let mut row = json!({"pos": pos, "digest": digest, "ipversion": 4});
        for (key, value) in rule {
            row[key] =
                if key == "enable" { json!(value.parse::<u8>().expect("a switch")) } else { json!(value) };
        }
        row
    };
    rules.iter().enumerate().map(row).rev().collect()
}

fn get(path: &str, data: Value) -> (String, Reply) {
    call(format!("GET {path}"), data)
}

fn found(pos: usize) -> Option<Found> {
    Some(Found { pos, digest: "d1".to_owned() })
}

fn words(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn action(change: FirewallChange) -> Action {
    Action::Firewall { scope: FirewallScope::Cluster, change }
}

/// Returns every change with its calls, where nothing of it is done yet.
pub(crate) fn cases() -> Vec<(Action, Calls)> {
    let put = |rest: &str| call(format!("PUT {RULES}/{rest}"), Value::Null);
    let other = || rule("other", "ACCEPT", "80");
    let insert = |key: &str, action: &str, pos, digest: Option<&str>| FirewallChange::InsertRule {
        key: key.to_owned(),
        rule: rule(key, action, "443"),
        pos,
        digest: digest.map(str::to_owned),
    };
    let posted = |key: &str, action: &str, enable: u8, digest: &str| {
        let what = format!(
            "action={action} comment=web [phoenix:{key}] dport=443 enable={enable} proto=tcp type=in"
        );
        call(format!("POST {RULES} {what} digest={digest}"), Value::Null)
    };
    let of_cluster = vec![
        (
            FirewallChange::SetOptions {
                set: [("enable".to_owned(), "1".to_owned())].into(),
                delete: words(&["policy_out"]),
                digest: Some("d1".to_owned()),
            },
            vec![call("PUT /cluster/firewall/options enable=1 delete=policy_out digest=d1", Value::Null)],
        ),
        // At the top it is one call.
        (insert("a", "ACCEPT", 0, Some("d1")), vec![posted("a", "ACCEPT", 1, "d1")]),
        // Without a digest of the plan it is looked for first.
        (
            insert("b", "DROP", 0, None),
            vec![get(RULES, list("d2", &[other()])), posted("b", "DROP", 1, "d2")],
        ),
        // Elsewhere it comes by a move, which is held against what is there then.
        (
            insert("c", "ACCEPT", 1, Some("d1")),
            vec![
                posted("c", "ACCEPT", 1, "d1"),
                get(RULES, list("d2", &[rule("c", "ACCEPT", "443"), other()])),
                put("0 moveto=2 digest=d2"),
                get(RULES, list("d3", &[other(), rule("c", "ACCEPT", "443")])),
            ],
        ),
        // What blocks is off until it stands where it shall.
        (
            insert("d", "DROP", 1, Some("d1")),
            vec![
                posted("d", "DROP", 0, "d1"),
                get(RULES, list("d2", &[rule("d", "DROP", "443"), other()])),
                put("0 moveto=2 digest=d2"),
                get(RULES, {
                    let mut off = rule("d", "DROP", "443");
                    off.insert("enable".to_owned(), "0".to_owned());
                    list("d3", &[other(), off])
                }),
                put("1 enable=1 digest=d3"),
            ],
        ),
        (
            FirewallChange::UpdateRule {
                key: "a".to_owned(),
                set: [("dport".to_owned(), "8443".to_owned())].into(),
                delete: words(&["source"]),
                found: found(3),
            },
            vec![put("3 dport=8443 delete=source digest=d1")],
        ),
        (
            FirewallChange::MoveRule { key: "a".to_owned(), pos: 2, found: found(0) },
            vec![put("0 moveto=3 digest=d1")],
        ),
        (
            FirewallChange::MoveRule { key: "a".to_owned(), pos: 0, found: None },
            vec![get(RULES, list("d2", &[other(), rule("a", "ACCEPT", "443")])), put("1 moveto=0 digest=d2")],
        ),
        (
            FirewallChange::RemoveRule { key: "a".to_owned(), found: found(1) },
            vec![call(format!("DELETE {RULES}/1 digest=d1"), Value::Null)],
        ),
        (
            FirewallChange::SetAlias {
                name: "gateway".to_owned(),
                alias: Some(Alias { cidr: "10.0.0.153".to_owned(), comment: "nginx [phoenix]".to_owned() }),
            },
            vec![
                get("/cluster/firewall/aliases", json!([])),
                call(
                    "POST /cluster/firewall/aliases cidr=10.0.0.153 comment=nginx [phoenix] name=gateway",
                    Value::Null,
                ),
            ],
        ),
        (
            FirewallChange::SetAlias { name: "gateway".to_owned(), alias: None },
            vec![
                get("/cluster/firewall/aliases", json!([{"name": "Gateway", "cidr": "10.0.0.153"}])),
                call("DELETE /cluster/firewall/aliases/gateway", Value::Null),
            ],
        ),
        (
            FirewallChange::SetIpset {
                name: "clients".to_owned(),
                ipset: Some(AddressSet {
                    entries: words(&["10.0.0.0/24", "!10.0.0.9"]),
                    comment: "[phoenix]".to_owned(),
                }),
            },
            vec![
                get("/cluster/firewall/ipset", json!([{"name": "clients", "comment": "[phoenix]"}])),
                get(
                    "/cluster/firewall/ipset/clients",
                    json!([{"cidr": "10.0.0.9"}, {"cidr": "10.1.0.0/16"}]),
                ),
                call("DELETE /cluster/firewall/ipset/clients/10.0.0.9", Value::Null),
                call("DELETE /cluster/firewall/ipset/clients/10.1.0.0%2F16", Value::Null),
                call("POST /cluster/firewall/ipset/clients cidr=10.0.0.9 nomatch=1", Value::Null),
                call("POST /cluster/firewall/ipset/clients cidr=10.0.0.0/24", Value::Null),
            ],
        ),
        (
            FirewallChange::SetIpset { name: "clients".to_owned(), ipset: None },
            vec![
                get("/cluster/firewall/ipset", json!([{"name": "clients"}])),
                call("DELETE /cluster/firewall/ipset/clients force=1", Value::Null),
            ],
        ),
        (
            FirewallChange::Guard { seconds: 60, digest: Some("d1".to_owned()) },
            vec![
                get(RULES, list("d1", &[other()])),
                call("GUARD pve1 cluster Begin { seconds: 60 }", Value::Null),
                call(
                    format!(
                        "POST {RULES} action=ACCEPT comment=put back as it was, unless this is confirmed \
                         [phoenix:guard] enable=0 type=in digest=d1"
                    ),
                    Value::Null,
                ),
            ],
        ),
        (
            FirewallChange::Confirm,
            vec![
                get("/version", json!({})),
                call("GUARD pve1 cluster End", Value::Null),
                get(RULES, list("d2", &[mark::guard(), other()])),
                call(format!("DELETE {RULES}/0 digest=d2"), Value::Null),
            ],
        ),
    ];
    let guest = GuestId::vm(950);
    let row = json!({"vmid": 950, "type": "qemu", "node": "pve1", "status": "stopped"});
    let of_guest = Action::Firewall {
        scope: FirewallScope::Guest(guest),
        change: FirewallChange::SetOptions {
            set: [("enable".to_owned(), "1".to_owned())].into(),
            delete: BTreeSet::new(),
            digest: None,
        },
    };
    let found = vec![
        call("GET /cluster/resources type=vm", json!([row])),
        call("PUT /nodes/pve1/qemu/950/firewall/options enable=1", Value::Null),
    ];
    let of_cluster = of_cluster.into_iter().map(|(change, calls)| (action(change), calls));
    of_cluster.chain([(of_guest, found)]).collect()
}

/// Returns the calls that a probe of a firewall is answered from, where its guest is found.
pub(crate) fn questions(probe: &Probe, scope: &FirewallScope) -> Calls {
    let path = match scope {
        FirewallScope::Cluster => "/cluster/firewall".to_owned(),
        FirewallScope::Node(name) => format!("/nodes/{name}/firewall"),
        FirewallScope::Guest(guest) => format!("/nodes/pve1/{}/950/firewall", guest.kind.api_name()),
    };
    let of = |what: &str, data: Value| get(&format!("{path}/{what}"), data);
    let names = [
        of("aliases", json!([])),
        of("ipset", json!([{"name": "clients"}])),
        of("ipset/clients", json!([{"cidr": "10.0.0.0/24"}])),
    ];
    let groups = [of("groups", json!([{"group": "web"}])), of("groups/web", list("d1", &[]))];
    match (probe, scope) {
        (Probe::Firewall { .. }, _) => vec![of("options", json!({"digest": "d1"})), of("rules", json!([]))],
        // A node has no names of its own.
        (_, FirewallScope::Node(_)) => Vec::new(),
        (_, FirewallScope::Guest(_)) => names.into(),
        (_, FirewallScope::Cluster) => names.into_iter().chain(groups).collect(),
    }
}

async fn perform(change: FirewallChange, calls: Calls) -> Result<(), BackendError> {
    let script = Script::new(calls);
    let scope = FirewallScope::Cluster.resource();
    let step = Step::new(&scope, "firewall", "do", Phase::Configure, action(change.clone()), "test");
    let done = script.backend().perform(&step, &Events::silent()).await;
    script.check(&format!("{change:?}"));
    done
}

#[test]
fn every_change_stands_in_the_table() {
    let changes: Vec<FirewallChange> = cases()
        .into_iter()
        .filter_map(|(action, _)| match action {
            Action::Firewall { change, .. } => Some(change),
            _ => None,
        })
        .collect();
    assert_eq!(tags(&changes, "change"), variants::<FirewallChange>("change"));
}

#[tokio::test]
async fn what_was_done_before_its_answer_was_lost_is_not_done_again() {
    let refused = |line: &str| (line.to_owned(), Reply::Refusal(500, DEAD));
    let is_there = |at: usize, key: &str| {
        let mut rules = vec![rule("x", "ACCEPT", "1"), rule("y", "ACCEPT", "2")];
        rules.insert(at, rule(key, "ACCEPT", "443"));
        get(RULES, list("d9", &rules))
    };
    let insert = FirewallChange::InsertRule {
        key: "a".to_owned(),
        rule: rule("a", "ACCEPT", "443"),
        pos: 1,
        digest: Some("d1".to_owned()),
    };
    let post = format!(
        "POST {RULES} action=ACCEPT comment=web [phoenix:a] dport=443 enable=1 proto=tcp type=in digest=d1"
    );
    let moved = call(format!("PUT {RULES}/0 moveto=2 digest=d9"), Value::Null);
    let calls = vec![refused(&post), is_there(0, "a"), is_there(0, "a"), moved, is_there(1, "a")];
    perform(insert, calls).await.unwrap();

    let update = FirewallChange::UpdateRule {
        key: "a".to_owned(),
        set: [("dport".to_owned(), "443".to_owned())].into(),
        delete: words(&["source"]),
        found: found(0),
    };
    let calls = vec![refused(&format!("PUT {RULES}/0 dport=443 delete=source digest=d1")), is_there(0, "a")];
    perform(update, calls).await.unwrap();

    let moving = FirewallChange::MoveRule { key: "a".to_owned(), pos: 2, found: found(0) };
    let calls = vec![refused(&format!("PUT {RULES}/0 moveto=3 digest=d1")), is_there(2, "a")];
    perform(moving, calls).await.unwrap();

    let removal = FirewallChange::RemoveRule { key: "a".to_owned(), found: found(0) };
    let calls = vec![refused(&format!("DELETE {RULES}/0 digest=d1")), is_there(0, "b")];
    perform(removal, calls).await.unwrap();
}

#[tokio::test]
async fn what_somebody_else_has_changed_is_told_and_left_alone() {
    let changed = get(RULES, list("d9", &[rule("x", "ACCEPT", "1")]));
    let update = FirewallChange::UpdateRule {
        key: "a".to_owned(),
        set: [("dport".to_owned(), "443".to_owned())].into(),
        delete: BTreeSet::new(),
        found: found(0),
    };
    let refused = (format!("PUT {RULES}/0 dport=443 digest=d1"), Reply::Refusal(500, DEAD));
    let error = perform(update, vec![refused, changed.clone()]).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Changed, "{error}");

    // Nothing is guarded that the plan has not seen: it would be put back by mistake.
    let guard = FirewallChange::Guard { seconds: 60, digest: Some("d1".to_owned()) };
    let error = perform(guard, vec![changed]).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Changed, "{error}");
}

#[tokio::test]
async fn a_firewall_that_lets_no_new_connection_in_is_not_confirmed() {
    let knock = || ("GET /version".to_owned(), Reply::Lost);
    let script = Script::new([knock(), knock(), knock()]);
    let step = action(FirewallChange::Confirm);
    let scope = FirewallScope::Cluster.resource();
    let step = Step::new(&scope, "firewall", "confirm", Phase::Configure, step, "test");
    let error = script.backend().perform(&step, &Events::silent()).await.unwrap_err();
    script.check("three attempts and nothing else");
    assert_eq!(error.kind, ErrorKind::Failed);
    assert!(error.message.contains("no new connection comes through"), "{error}");
}

#[tokio::test]
async fn a_guest_that_is_nowhere_has_no_firewall() {
    let script = Script::new([call("GET /cluster/resources type=vm", json!([]))]);
    let scope = FirewallScope::Guest(GuestId::lxc(950));
    let answers = script.backend().read(&[Probe::Firewall { scope }]).await;
    script.check("one look");
    assert_eq!(*answers[0].as_ref().unwrap(), phoenix_core::Evidence::Absent);
}

#[tokio::test]
async fn rules_are_read_in_their_order_without_what_is_worked_out() {
    let rules = [rule("a", "ACCEPT", "443"), rule("b", "DROP", "22")];
    let options = json!({"digest": "o1", "enable": 1, "log_ratelimit": "enable=1"});
    let script = Script::new([get("/cluster/firewall/options", options), get(RULES, list("d1", &rules))]);
    let mut answers = script.backend().read(&[Probe::Firewall { scope: FirewallScope::Cluster }]).await;
    let phoenix_core::Evidence::Firewall(state) = answers.remove(0).unwrap() else { panic!("no firewall") };
    assert_eq!((state.digest.as_str(), state.options_digest.as_str()), ("d1", "o1"));
    assert_eq!(state.rules, rules);
    let options: Vec<_> = state.options.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(options, ["enable=1", "log_ratelimit=enable=1"]);
}
