//! `host-base` on the host.

use phoenix_core::{Action, FeatureUse, Probe, Site};
use phoenix_pve::GuestChannel;
use phoenix_tests::{
    lab::{Lab, container},
    world::{World, resolve},
};
use serde_json::{Value, json};

use super::{check_laws, first_plan, refusals, steps, text_of, write};
use crate::block_on;

const KEY: &str =
    "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQINBFit\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n";
const PVE: &str = "/etc/apt/sources.list.d/pve-enterprise.sources";

fn base() -> Value {
    json!({
        "hostname": "phoenix", "domain": "lab.example", "address": "10.0.0.13",
        "repositories": [
            "pve-no-subscription",
            {"name": "smallstep", "uris": ["https://packages.smallstep.com/stable/debian"], "suites": ["debs"],
             "components": ["main"], "signed_by": KEY},
            {"name": "flat", "uris": ["https://example.com/debian"], "suites": ["./"],
             "key_url": "https://example.com/key.asc", "key_sha256": "a".repeat(64)},
        ],
        "time_servers": ["0.pool.ntp.org", "10.0.0.1"],
    })
}

fn on_host(config: Value) -> Lab {
    Lab::new().with_host("phoenix", vec![FeatureUse::new("host-base", config)])
}

fn site() -> Site {
    Site::Host("phoenix".into())
}

#[test]
fn the_first_plan_is_complete_and_keeps_the_laws() {
    let lab = on_host(base());
    insta::assert_json_snapshot!(first_plan(&lab, "host-base"));
    check_laws(&lab);
}

#[test]
fn what_nobody_pays_for_is_switched_off_in_its_place_and_what_is_there_is_not_there_twice() {
    block_on(async {
        let world = World::new();
        let one = "Types: deb\nURIs: https://enterprise.proxmox.com/debian/pve\nSuites: trixie\nComponents: pve-enterprise\nSigned-By: /usr/share/keyrings/proxmox-archive-keyring.gpg\n";
        write(&world, &site(), PVE, one).await;
        let own = "deb http://download.proxmox.com/debian/pve trixie pve-no-subscription\n";
        write(&world, &site(), "/etc/apt/sources.list", own).await;
        let config = json!({"repositories": ["pve-no-subscription"]});
        let lab = resolve(&on_host(config)).expect("a good lab");
        assert_eq!(steps(&world, &lab).await, ["host-base:switch-off-pve-enterprise-sources"]);
        world.converge(&lab).await.expect("it is done");
        assert_eq!(text_of(&world, &site(), PVE).await, Some(format!("{one}Enabled: false\n")));
        assert_eq!(steps(&world, &lab).await, Vec::<String>::new());
        // Whoever pays for it says so, and has it again.
        let config = json!({"repositories": ["pve-enterprise"]});
        let lab = resolve(&on_host(config)).expect("a good lab");
        assert_eq!(steps(&world, &lab).await, ["host-base:write-source-pve-enterprise"]);
        world.converge(&lab).await.expect("it is done");
        assert_eq!(steps(&world, &lab).await, Vec::<String>::new());
        assert!(text_of(&world, &site(), PVE).await.is_some_and(|text| !text.contains("Enabled")));
    });
}

#[test]
fn a_host_keeps_its_name_while_guests_live_on_it() {
    block_on(async {
        let world = World::new();
        let guest = Lab::new().with("lxc", container(100), vec![]);
        world.converge(&resolve(&guest).expect("a good lab")).await.expect("it comes up");
        let call = Action::Run {
            site: site(),
            argv: vec!["hostname".into(), "phoenix".into()],
            stdin: None,
            proof: phoenix_core::Condition::new(Probe::file(&site(), "/"), phoenix_core::Expect::Present),
        };
        world.node.act(&site(), &call, None).await.expect("is called");
        let lab = |name: &str| resolve(&on_host(json!({"hostname": name}))).expect("a good lab");
        let found = world.plan(&lab("other")).await.expect_err("is refused").to_string();
        assert!(
            found.contains("this host is `phoenix`, and cannot become `other` while a guest lives on it"),
            "{found}"
        );
        assert_eq!(steps(&world, &lab("phoenix")).await, Vec::<String>::new());
    });
}

#[test]
fn servers_more_restart_what_asks_them() {
    block_on(async {
        let world = World::new();
        let lab = |servers: Value| {
            resolve(&on_host(json!({"time_servers": servers, "time_program": "systemd-timesyncd"})))
                .expect("a good lab")
        };
        world.converge(&lab(json!(["10.0.0.1"]))).await.expect("it comes up");
        let planned = steps(&world, &lab(json!(["10.0.0.1", "10.0.0.2"]))).await;
        assert_eq!(
            planned,
            ["host-base:write-timesyncd-conf", "host-base:restart-systemd-timesyncd.service"]
        );
    });
}

#[test]
fn what_cannot_be_is_refused() {
    let with = |key: &str, value: Value| {
        let mut config = base();
        config[key] = value;
        refusals(&on_host(config))
    };
    let source = |change: &dyn Fn(&mut Value)| {
        let mut source = base()["repositories"][1].clone();
        change(&mut source);
        with("repositories", json!([source]))
    };
    for (messages, says) in [
        (with("hostname", json!("a.b")), "`a.b` is no name of a host"),
        (with("address", json!("127.0.0.1")), "it is no address that others know the host by"),
        (with("repositories", json!(["pve-free"])), "`pve-free` is no source that is known"),
        (with("repositories", json!(["pve-test", "pve-test"])), "`pve-test` is there twice"),
        (with("time_servers", json!(["a b"])), "`a b` is neither a name nor an address"),
        (source(&|one| one["signed_by"] = Value::Null), "nothing signs `smallstep`"),
        (source(&|one| one["signed_by"] = json!("abc")), "neither an armored public key"),
        (source(&|one| one["components"] = json!([])), "a suite has components"),
        (source(&|one| one["uris"] = json!(["ftp://x"])), "one that apt cannot fetch from"),
        (source(&|one| one["name"] = json!("pve-test")), "cannot be a name of one's own"),
        (source(&|one| one["suites"] = json!(["a\nb"])), "no single word"),
    ] {
        assert!(messages.iter().any(|message| message.contains(says)), "{says}: {messages:?}");
    }
}
