//! `step-ca` and `step-cli`: an authority, and guests that know it.

use phoenix_core::FeatureUse;
use phoenix_tests::{
    lab::{Lab, container},
    world::{World, resolve},
};
use serde_json::{Value, json};

use super::{Harm, check_laws, first_plan, lab, mends, refusals, steps};
use crate::block_on;

fn authority() -> [(&'static str, Value); 2] {
    [
        ("step-cli", json!({})),
        ("step-ca", json!({"authority": "Lab \"1\"", "dns": ["ca.example", "10.0.0.10"]})),
    ]
}

/// Returns a lab of an authority in one container, and another that trusts it.
fn both() -> Lab {
    let root = json!({"guest": "lxc/100", "path": "/etc/step-ca/certs/root_ca.crt"});
    let known = json!({"ca_url": "https://10.0.0.10:9000", "root": {"guest": "lxc/100"}});
    let trusted = json!({"certificates": [{"name": "lab", "from": root}]});
    let uses = vec![FeatureUse::new("step-cli", known), FeatureUse::new("trusted-ca", trusted)];
    lab(&authority()).with("lxc", container(101), uses)
}

#[test]
fn the_first_plan_is_complete_and_keeps_the_laws() {
    insta::assert_json_snapshot!(first_plan(&lab(&authority()), "step-ca"));
    let lab = both();
    insta::assert_json_snapshot!(first_plan(&lab, "step-cli"));
    check_laws(&lab);
}

#[test]
fn what_is_broken_is_mended_and_the_authority_is_never_made_anew() {
    let lab = lab(&authority());
    let again = ["step-ca:restart-step-ca.service", "step-ca:answers"];
    let behind = |first: &'static str| std::iter::once(first).chain(again).collect::<Vec<_>>();
    mends(&lab, &Harm::Edit("/etc/systemd/system/step-ca.service"), &behind("step-ca:write-unit"));
    mends(&lab, &Harm::Remove("/usr/local/bin/step-ca"), &behind("step-ca:install-step-ca"));
    mends(&lab, &Harm::Edit("/etc/step-ca/config/ca.json"), &behind("step-ca:own-state"));
    // A key that its account can read again, as one that came from a backup.
    mends(&lab, &Harm::Edit("/etc/step-ca/secrets/root_ca_key"), &["step-ca:take-root-key-away"]);
    mends(&lab, &Harm::Run("chmod 0755 /etc/step-ca/offline"), &["step-ca:make-offline"]);
    // Who has taken it to another place has taken nothing that is needed.
    mends(&lab, &Harm::Remove("/etc/step-ca/offline/root_ca_key"), &[]);
    mends(&lab, &Harm::Stop("step-ca.service"), &["step-ca:start-step-ca.service", "step-ca:answers"]);
}

#[test]
fn an_authority_gets_other_names_and_another_port_and_keeps_its_keys() {
    block_on(async {
        let world = World::new();
        let with = |config: Value| lab(&[("step-ca", config)]);
        let before = resolve(&with(json!({"dns": ["ca.example"]}))).expect("a good lab");
        world.converge(&before).await.expect("it comes up");
        let after = with(json!({"dns": ["ca.example", "ca.other"], "port": 8443}));
        let after = resolve(&after).expect("a good lab");
        let planned = steps(&world, &after).await;
        assert_eq!(
            planned,
            [
                "step-ca:write-names",
                "step-ca:restart-step-ca.service",
                "step-ca:answers",
                "step-ca:write-revoke-certificate",
                "step-ca:write-sign-certificate",
                "guest:seal"
            ]
        );
        world.converge(&after).await.expect("it is named anew");
        assert_eq!(steps(&world, &after).await, Vec::<String>::new());
    });
}

#[test]
fn a_root_that_changed_is_followed() {
    let lab = both();
    super::mends(
        &lab,
        &Harm::Edit("/etc/step-ca/certs/root_ca.crt"),
        &[
            "step-cli:write-root",
            "step-cli:reaches-authority",
            "trusted-ca:write-lab",
            "trusted-ca:trust-lab",
        ],
    );
}

#[test]
fn what_has_no_name_or_no_root_is_refused() {
    for (features, says) in [
        (vec![("step-ca", json!({"dns": []}))], "needs a name or address"),
        (vec![("step-ca", json!({"dns": ["--force"]}))], "`--force` is no host name"),
        (vec![("step-cli", json!({"ca_url": "https://a"}))], "`root` says which guest"),
        (
            vec![("step-cli", json!({"ca_url": "http://a", "root": {"guest": "lxc/101"}}))],
            "no address with `https://`",
        ),
    ] {
        let lab = lab(&features).with("lxc", container(101), vec![]);
        let messages = refusals(&lab);
        assert!(messages.iter().any(|message| message.contains(says)), "{says}: {messages:?}");
    }
}
