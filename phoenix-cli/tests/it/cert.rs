//! `cert`: what the configuration declares, where it stands, and getting and giving certificates up.

use serde_json::{Value, json};

use crate::lab::{LXC, Lab};

fn lab() -> Lab {
    let lab = Lab::new();
    let authority = json!([{"name": "step-ca", "dns": ["ca.example"]}]);
    lab.set(LXC, "/lxc_configs/101/features", authority);
    let web = json!({"name": "web", "names": ["web.example", "10.0.0.5"], "reload": "ssh.service"});
    let asked = json!([{"name": "certificate", "authority": "lxc/101", "certificates": [web]}]);
    lab.set(LXC, "/lxc_configs/102/features", asked);
    lab
}

fn listed(lab: &Lab) -> Value {
    serde_json::from_str(&lab.does(&["--json", "cert", "list"])).expect("one certificate")
}

#[test]
fn certificates_are_listed_shown_renewed_and_revoked() {
    let lab = lab();
    assert_eq!(listed(&lab)["state"], "unknown", "its guest is not there");
    lab.does(&["letsgo"]);
    let first = listed(&lab);
    assert_eq!(
        (&first["name"], &first["at"], &first["state"]),
        (&json!("web"), &json!("lxc/102"), &json!("ok"))
    );
    assert_eq!(first["path"], "/etc/phoenix/certificates/web.crt");
    let table = lab.does(&["cert", "list"]);
    assert!(table.starts_with("NAME  AT       STATE  EXPIRES  DAYS  FOR\nweb   lxc/102  ok "), "{table}");
    assert!(table.contains("web.example, 10.0.0.5"), "{table}");
    assert!(lab.does(&["cert", "show", "web"]).starts_with("web of lxc/102: ok\n"));
    assert_eq!(lab.does(&["cert", "renew"]), "nothing to do\n");

    // Who shall have another name gets it by `cert renew`, and nothing else of the guest is touched.
    let names = json!(["other.example"]);
    lab.set(LXC, "/lxc_configs/102/features/0/certificates/0/names", names);
    lab.set(LXC, "/lxc_configs/102/memory_mb", json!(3072));
    let due = listed(&lab);
    assert_eq!(due["state"], "wrong names");
    assert!(
        due["problem"].as_str().is_some_and(|told| told.ends_with("instead of `other.example`")),
        "{due}"
    );
    let status = lab.does(&["status", "102"]);
    let row = status.lines().find(|line| line.starts_with("lxc/102")).expect("a row");
    assert!(status.lines().next().is_some_and(|line| line.ends_with("CERTIFICATE")), "{status}");
    assert!(row.ends_with("  wrong names"), "{status}");
    let renewed = lab.says(&["cert", "renew", "web"]);
    assert!(renewed.contains("done: 2 steps in 1 round"), "{renewed}");
    assert_eq!(lab.does(&["cert", "renew"]), "nothing to do\n");
    assert!(lab.does(&["plan", "102"]).contains("memory"), "that is still to be done");

    let before = listed(&lab)["serial"].clone();
    let refused = lab.says(&["cert", "revoke", "web"]);
    assert!(refused.contains("exit: 1") && refused.contains("--yes"), "{refused}");
    let revoked = lab.says(&["cert", "revoke", "web", "--yes"]);
    assert!(revoked.contains("done: 2 steps in 1 round"), "{revoked}");
    let after = listed(&lab);
    assert_eq!(after["state"], "ok");
    assert_ne!(after["serial"], before);
}

#[test]
fn a_certificate_that_nobody_declares_is_told_and_the_nearest_named() {
    let lab = lab();
    let told = lab.says(&["cert", "show", "wbe"]);
    assert!(told.contains("the configuration declares no certificate `wbe`"), "{told}");
    assert!(told.contains("did you mean `web`?"), "{told}");
    let none = Lab::new();
    assert_eq!(none.does(&["cert", "list"]), "the configuration declares no certificates\n");
    assert_eq!(none.does(&["cert", "renew"]), "nothing to do\n");
}
