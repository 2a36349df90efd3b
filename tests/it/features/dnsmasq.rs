//! `dnsmasq`, on the host and in a guest.

use phoenix_core::{Action, FeatureUse, Site, UnitGoal};
use phoenix_pve::GuestChannel;
use phoenix_tests::{
    lab::Lab,
    world::{World, resolve},
};
use serde_json::{Value, json};

use super::{Harm, check_laws, first_plan, lab, mends, refusals, steps, text_of, write};
use crate::block_on;

const RESOLV: &str = "/etc/resolv.conf";

fn names() -> Value {
    json!({
        "listen": ["10.0.0.13"],
        "domain": "lab.example",
        "records": [
            {"name": "ca", "addresses": ["10.0.0.10"], "txt": "the authority"},
            {"name": "service-a.lab.example", "addresses": ["10.0.0.12", "fd00::12"]},
            {"name": "elsewhere.example", "addresses": ["10.0.0.20"]},
        ],
        "upstream": ["1.1.1.1", "9.9.9.9#5353"],
        "outside": {"listen": ["203.0.113.1"], "addresses": ["203.0.113.1"]},
    })
}

fn on_host(config: Value) -> Lab {
    Lab::new().with_host("phoenix", vec![FeatureUse::new("dnsmasq", config)])
}

fn site() -> Site {
    Site::Host("phoenix".into())
}

#[test]
fn the_first_plan_is_complete_and_keeps_the_laws() {
    let lab = on_host(names());
    insta::assert_json_snapshot!(first_plan(&lab, "dnsmasq"));
    check_laws(&lab);
}

#[test]
fn a_guest_can_be_the_server_and_its_own_questions_stay_proxmox_ves() {
    let mut config = names();
    config["outside"] = Value::Null;
    let lab = lab(&[("dnsmasq", config)]);
    let plan = first_plan(&lab, "dnsmasq").to_string();
    assert!(!plan.contains("resolv.conf"), "{plan}");
    check_laws(&lab);
    let written = ["dnsmasq:write-conf", "dnsmasq:restart-phoenix-dns.service", "dnsmasq:answers"];
    mends(&lab, &Harm::Edit("/etc/phoenix/dns/dns.conf"), &written);
    let read = ["dnsmasq:write-names", "dnsmasq:reload-phoenix-dns.service", "dnsmasq:answers"];
    mends(&lab, &Harm::Edit("/etc/phoenix/dns/names"), &read);
    mends(
        &lab,
        &Harm::Stop("phoenix-dns.service"),
        &["dnsmasq:start-phoenix-dns.service", "dnsmasq:answers"],
    );
}

#[test]
fn a_name_more_is_read_without_a_restart() {
    block_on(async {
        let world = World::new();
        world.converge(&resolve(&on_host(names())).expect("a good lab")).await.expect("it comes up");
        let mut more = names();
        more["outside"] = Value::Null;
        more["records"]
            .as_array_mut()
            .expect("a list")
            .push(json!({"name": "new", "addresses": ["10.0.0.30"]}));
        let more = resolve(&on_host(more)).expect("a good lab");
        let planned = steps(&world, &more).await;
        assert_eq!(
            planned,
            [
                "dnsmasq:stop-phoenix-dns-outside.service",
                "dnsmasq:remove-conf-outside",
                "dnsmasq:remove-names-outside",
                "dnsmasq:remove-unit-outside",
                "dnsmasq:write-names",
                "dnsmasq:reload-phoenix-dns.service",
                "dnsmasq:answers",
            ]
        );
        world.converge(&more).await.expect("it is done");
        assert_eq!(steps(&world, &more).await, Vec::<String>::new());
        assert_eq!(text_of(&world, &site(), "/etc/systemd/system/phoenix-dns-outside.service").await, None);
    });
}

#[test]
fn the_host_asks_its_server_while_that_runs_and_whom_it_asked_before_while_it_does_not() {
    block_on(async {
        let world = World::new();
        write(&world, &site(), RESOLV, "nameserver 192.0.2.53\n").await;
        let lab = resolve(&on_host(names())).expect("a good lab");
        world.converge(&lab).await.expect("it comes up");
        let ours = text_of(&world, &site(), RESOLV).await.expect("is there");
        assert!(
            ours.contains("search lab.example\nnameserver 10.0.0.13\nnameserver 1.1.1.1\noptions"),
            "{ours}"
        );

        let stop = Action::SetUnit {
            site: site(),
            name: "phoenix-dns.service".into(),
            goal: UnitGoal::Stopped,
            enabled: true,
        };
        world.node.act(&site(), &stop, None).await.expect("is stopped");
        let planned = steps(&world, &lab).await;
        assert_eq!(planned[0], "dnsmasq:restore-resolv-conf");
        assert_eq!(planned.last().map(String::as_str), Some("dnsmasq:write-resolv-conf"));
        world.converge(&lab).await.expect("it is mended");
        assert_eq!(text_of(&world, &site(), RESOLV).await.as_ref(), Some(&ours));
        assert_eq!(steps(&world, &lab).await, Vec::<String>::new());

        // Not wanted any more: as it was.
        let mut left = names();
        left["manage_resolv_conf"] = json!(false);
        let left = resolve(&on_host(left)).expect("a good lab");
        assert_eq!(steps(&world, &left).await, ["dnsmasq:restore-resolv-conf"]);
        world.converge(&left).await.expect("it is done");
        assert_eq!(steps(&world, &left).await, Vec::<String>::new());
    });
}

#[test]
fn names_and_addresses_that_cannot_be_are_refused() {
    let with = |change: &dyn Fn(&mut Value)| {
        let mut config = names();
        change(&mut config);
        refusals(&on_host(config))
    };
    let record = |record: Value| move |config: &mut Value| config["records"] = json!([record]);
    let twice = json!([
        {"name": "ca", "addresses": ["10.0.0.10"]},
        {"name": "CA.lab.example", "addresses": ["10.0.0.11"]},
    ]);
    type Change = Box<dyn Fn(&mut Value)>;
    let cases: [(Change, &str); 10] = [
        (
            Box::new(move |config| config["records"] = twice.clone()),
            "the name `CA.lab.example` is there twice",
        ),
        (Box::new(record(json!({"name": "a b", "addresses": ["10.0.0.1"]}))), "`a b` is no name of a host"),
        (Box::new(record(json!({"name": "*.x", "addresses": ["10.0.0.1"]}))), "`*.x` would be all names"),
        (Box::new(record(json!({"name": "x", "addresses": ["10.0.0"]}))), "`10.0.0` is no address"),
        (Box::new(record(json!({"name": "x", "addresses": []}))), "`x` has no address"),
        (
            Box::new(record(json!({"name": "x", "addresses": ["10.0.0.1"], "txt": "a\nb"}))),
            "the text of `x` is not one line",
        ),
        (Box::new(|config| config["listen"] = json!(["0.0.0.0"])), "`0.0.0.0` would be every address"),
        (Box::new(|config| config["upstream"] = json!(["10.0.0.13"])), "`10.0.0.13` is this server itself"),
        (
            Box::new(|config| config["upstream"] = json!(["dns.example"])),
            "`dns.example` is neither `ADDRESS`",
        ),
        (
            Box::new(|config| config["outside"]["listen"] = json!(["10.0.0.13"])),
            "`10.0.0.13` is taken by `/listen/0` already",
        ),
    ];
    for (change, says) in cases {
        let messages = with(&change);
        assert!(messages.iter().any(|message| message.contains(says)), "{says}: {messages:?}");
    }
    let mut guest = names();
    guest["manage_resolv_conf"] = json!(true);
    let messages = refusals(&lab(&[("dnsmasq", guest)]));
    assert!(messages.iter().any(|message| message.contains("Proxmox VE writes")), "{messages:?}");
}
