//! `trusted-ca`.

use phoenix_core::FeatureUse;
use phoenix_tests::lab::container;
use serde_json::{Value, json};

use super::{Harm, check_laws, first_plan, lab, mends, refusals};

const PEM: &str = "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIR\n-----END CERTIFICATE-----\n";

fn own() -> Value {
    json!({"certificates": [{"name": "lab", "pem": PEM}]})
}

#[test]
fn the_first_plan_is_complete_and_keeps_the_laws() {
    let lab = lab(&[("trusted-ca", own())]);
    insta::assert_json_snapshot!(first_plan(&lab, "trusted-ca"));
    check_laws(&lab);
}

#[test]
fn a_certificate_of_another_guest_is_copied_and_followed() {
    let source = json!({"locale": "C.UTF-8", "packages": [], "root_ssh_keys": []});
    let from =
        json!({"certificates": [{"name": "other", "from": {"guest": "lxc/101", "path": "/etc/hostname"}}]});
    let lab =
        lab(&[("trusted-ca", from)]).with("lxc", container(101), vec![FeatureUse::new("base-setup", source)]);
    check_laws(&lab);
}

#[test]
fn what_is_broken_is_mended_and_nothing_else() {
    let lab = lab(&[("trusted-ca", own())]);
    let (file, bundle) =
        ("/usr/local/share/ca-certificates/phoenix-lab.crt", "/etc/ssl/certs/ca-certificates.crt");
    mends(&lab, &Harm::Edit(file), &["trusted-ca:write-lab", "trusted-ca:trust-lab"]);
    mends(&lab, &Harm::Remove(file), &["trusted-ca:write-lab", "trusted-ca:trust-lab"]);
    mends(&lab, &Harm::Edit(bundle), &["trusted-ca:trust-lab"]);
}

#[test]
fn a_certificate_that_is_none_is_refused() {
    let refused =
        |certificate: Value| refusals(&lab(&[("trusted-ca", json!({"certificates": [certificate]}))]));
    for (wrong, says) in [
        (json!({"name": "a/b", "pem": PEM}), "`a/b` is no name"),
        (json!({"name": "a", "pem": "hello"}), "needs either `pem`"),
        (json!({"name": "a"}), "needs either `pem`"),
        (json!({"name": "a", "from": {"guest": "lxc/100", "path": "/x"}}), "which is the guest itself"),
        (
            json!({"name": "a", "from": {"guest": "lxc/177", "path": "/x"}}),
            "`lxc/177`, which is not declared",
        ),
    ] {
        let messages = refused(wrong);
        assert!(messages.iter().any(|message| message.contains(says)), "{says}: {messages:?}");
    }
}
