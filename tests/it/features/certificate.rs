//! `certificate`: an authority in one container, and in another one a key that is born there and what is served by it.

use phoenix_core::{Action, Content, FeatureUse};
use phoenix_tests::{
    lab::{Lab, container},
    world::{World, resolve},
};
use serde_json::{Value, json};

use super::{Harm, check_laws, first_plan, lab, mends, refusals, steps};
use crate::block_on;

const FOLDER: &str = "/etc/phoenix/certificates";

/// Returns a lab of an authority, and of a container with these features.
fn served(features: &[(&str, Value)]) -> Lab {
    let authority = FeatureUse::new("step-ca", json!({"dns": ["ca.example", "10.0.0.10"]}));
    lab(features).with("lxc", container(103), vec![authority])
}

fn certificate(change: Value) -> (&'static str, Value) {
    let mut one = json!({"name": "web", "names": ["web.example", "10.0.0.5"]});
    for (key, value) in change.as_object().expect("keys") {
        one[key] = value.clone();
    }
    ("certificate", json!({"authority": "lxc/103", "certificates": [one]}))
}

fn gateway() -> Lab {
    let tls = json!({"certificate": format!("{FOLDER}/web.crt"), "key": format!("{FOLDER}/web.key")});
    let site = json!({
        "server_names": ["web.example"],
        "tls": tls,
        "locations": [{"path": "/", "proxy": "http://10.0.0.6"}],
    });
    served(&[certificate(json!({"reload": "nginx.service"})), ("nginx", json!({"sites": [site]}))])
}

#[test]
fn the_first_plan_is_complete_and_keeps_the_laws() {
    insta::assert_json_snapshot!(first_plan(&gateway(), "certificate"));
    check_laws(&gateway());
}

#[test]
fn a_watched_file_is_touched_and_a_key_is_given_to_its_owner() {
    let route = json!({"hosts": ["web.example"], "servers": ["http://10.0.0.6"], "tls": true});
    let shown = json!({"certificate": "/etc/traefik/tls/web.crt", "key": "/etc/traefik/tls/web.key"});
    let lab = served(&[
        certificate(json!({
            "certificate": "/etc/traefik/tls/web.crt", "key": "/etc/traefik/tls/web.key",
            "owner": "traefik", "mode": "0640", "touch": "/etc/traefik/dynamic/phoenix.yml",
        })),
        ("traefik", json!({"routes": {"web": route}, "certificates": [shown]})),
    ]);
    let written = ["certificate:write-web", "certificate:touch-web"];
    mends(&lab, &Harm::Remove("/etc/traefik/tls/web.crt"), &written);
    mends(&lab, &Harm::Run("chmod 0644 /etc/traefik/tls/web.key"), &["certificate:close-key-web"]);
    mends(&lab, &Harm::Run("chown root:root /etc/traefik/tls/web.key"), &["certificate:own-key-web"]);
    // Somebody else has put another one there: Traefik reads it again all the same.
    let touched = ["certificate:touch-web", "traefik:reread-certificates"];
    mends(&lab, &Harm::Run("touch /etc/traefik/tls/web.crt"), &touched);
}

#[test]
fn what_is_broken_is_mended_and_nothing_else() {
    let lab = gateway();
    let (certificate, key) = (format!("{FOLDER}/web.crt"), format!("{FOLDER}/web.key"));
    let again = ["certificate:write-web", "certificate:reload-nginx.service"];
    mends(&lab, &Harm::Remove(&certificate), &again);
    mends(
        &lab,
        &Harm::Edit(&certificate),
        &[&again[..], &["nginx:reload-nginx.service", "nginx:answers"]].concat(),
    );
    mends(
        &lab,
        &Harm::Edit(&key),
        &[
            "certificate:make-key-web",
            "certificate:close-key-web",
            "certificate:write-web",
            "certificate:reload-nginx.service",
            "nginx:reload-nginx.service",
            "nginx:answers",
        ],
    );
    mends(&lab, &Harm::Edit(&format!("{FOLDER}/root.crt")), &["certificate:write-root"]);
}

/// Returns why each step of the certificate is planned, when a lab that is up is wanted otherwise.
fn reasons(before: &Lab, after: &Lab) -> Vec<String> {
    block_on(async {
        let world = World::new();
        world.converge(&resolve(before).expect("a good lab")).await.expect("it comes up");
        let after = resolve(after).expect("a good lab");
        let plan = world.plan(&after).await.expect("a plan");
        let own = plan.steps.iter().filter(|step| step.id.owner() == "certificate");
        let reasons = own.map(|step| format!("{}: {}", step.id.verb(), step.reason)).collect();
        world.converge(&after).await.expect("it is mended");
        assert_eq!(steps(&world, &after).await, Vec::<String>::new());
        reasons
    })
}

#[test]
fn a_certificate_is_asked_for_anew_before_its_end_and_when_it_is_for_other_names() {
    let with = |change: Value| served(&[certificate(change)]);
    let path = format!("`{FOLDER}/web.crt`");
    let long = json!({"lifetime_h": 720, "renew_before_h": 48});
    assert_eq!(
        reasons(&with(json!({"lifetime_h": 24})), &with(long)),
        [format!("write-web: {path} is good until 24 hours after now, less than 48 hours")]
    );
    assert_eq!(
        reasons(&with(json!({})), &with(json!({"names": ["web.example", "fd00:0::5"]}))),
        [format!("write-web: {path} is for `10.0.0.5`, `web.example` instead of `fd00::5`, `web.example`")]
    );
    // The order and the form in which names are written are nothing to ask for a new one.
    assert_eq!(
        reasons(&with(json!({})), &with(json!({"names": ["10.0.0.5", "WEB.example"]}))),
        Vec::<String>::new()
    );
    assert_eq!(
        reasons(&with(json!({})), &with(json!({"reload": "ssh.service"}))),
        ["reload-ssh.service: `ssh.service` has not read `/etc/phoenix/certificates/web.crt`, \
          `/etc/phoenix/certificates/web.key` since it changed"]
    );
}

#[test]
fn the_host_has_certificates_too_and_renews_all_in_time() {
    let (name, asked) = certificate(json!({}));
    let renewal = FeatureUse::new("cert-renewal", json!({"config_dir": "/root/lab"}));
    let authority = FeatureUse::new("step-ca", json!({"dns": ["ca.example"]}));
    let lab = Lab::new()
        .with("lxc", container(103), vec![authority])
        .with_host("phoenix", vec![FeatureUse::new(name, asked), renewal]);
    let plan = first_plan(&lab, "cert-renewal").to_string();
    let line = "ExecStart=/usr/local/bin/phoenix --config-dir /root/lab --host local cert renew";
    assert!(plan.contains(line) && plan.contains("OnUnitInactiveSec=6h"), "{plan}");
    check_laws(&lab);
    let odd =
        Lab::new().with_host("phoenix", vec![FeatureUse::new("cert-renewal", json!({"config_dir": "/a b"}))]);
    let messages = refusals(&odd);
    assert!(messages.iter().any(|message| message.contains("`/a b` is no absolute path")), "{messages:?}");
}

#[test]
fn a_private_key_is_in_no_plan_and_in_no_facts() {
    block_on(async {
        let resolved = resolve(&gateway()).expect("a good lab");
        let world = World::new();
        world.converge(&resolved).await.expect("it comes up");
        let facts = world.facts(&resolved).await.expect("facts");
        let said = serde_json::to_string(&facts).expect("facts are JSON");
        assert!(said.contains("BEGIN PUBLIC KEY") && !said.contains("PRIVATE KEY"));
    });
}

#[test]
fn a_certificate_is_an_answer_to_an_answer_and_tells_no_secret() {
    block_on(async {
        let resolved = resolve(&gateway()).expect("a good lab");
        let plan = World::new().plan(&resolved).await.expect("a plan");
        let step = plan.steps.iter().find(|step| step.id.verb() == "write-web").expect("it is written");
        let Action::WriteFile { content: Content::Answer { site, argv, stdin }, .. } = &step.action else {
            panic!("{step:?}");
        };
        assert_eq!((site.to_string().as_str(), argv[1].as_str()), ("lxc/103", "720h"));
        let Some(Content::Answer { site, argv, stdin: None }) = stdin.as_deref() else { panic!("{stdin:?}") };
        assert_eq!(site.to_string(), "lxc/100");
        assert!(argv.iter().any(|word| word == "subjectAltName=IP:10.0.0.5,DNS:web.example"), "{argv:?}");
    });
}

#[test]
fn what_cannot_be_a_certificate_is_refused() {
    for (change, says) in [
        (json!({"name": "A/b"}), "`A/b` is no name"),
        (json!({"names": []}), "for no name and no address"),
        (json!({"names": ["a b"]}), "`a b` is no host name"),
        (json!({"names": ["/CN=x"]}), "`/CN=x` is no host name"),
        (json!({"key": "web.key"}), "`web.key` is no absolute path"),
        (json!({"key": format!("{FOLDER}/web.crt")}), "two files of certificates would be"),
        (json!({"lifetime_h": 24, "renew_before_h": 24}), "cannot be renewed 24 hours before its end"),
        (json!({"reload": "--now"}), "`--now` is no name of a service"),
        (json!({"mode": "0644"}), "unknown variant `0644`"),
        (json!({"refused": ["xyz"]}), "`xyz` is no serial number"),
    ] {
        let messages = refusals(&served(&[certificate(change)]));
        assert!(messages.iter().any(|message| message.contains(says)), "{says}: {messages:?}");
    }
    let lonely = lab(&[certificate(json!({}))]);
    let messages = refusals(&lonely);
    assert!(
        messages.iter().any(|message| message.contains("`lxc/103`, which is not declared")),
        "{messages:?}"
    );
}
