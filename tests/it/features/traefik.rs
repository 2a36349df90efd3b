//! `traefik`.

use serde_json::{Value, json};

use super::{Harm, check_laws, first_plan, lab, mends, refusals};

fn router() -> Value {
    json!({
        "entrypoints": {"web": 80, "websecure": 443},
        "routes": {
            "service-a": {"hosts": ["a.example"], "servers": ["http://10.0.0.102:8081"], "entrypoints": ["web"]},
            "api": {"hosts": ["b.example", "c.example"], "path_prefix": "/v1", "servers": ["https://10.0.0.102:8443"], "tls": true},
        },
        "certificates": [{"certificate": "/etc/ssl/b.crt", "key": "/etc/ssl/b.key"}],
        "trusted_roots": ["/etc/ssl/certs/ca-certificates.crt"],
    })
}

#[test]
fn the_first_plan_is_complete_and_keeps_the_laws() {
    let lab = lab(&[("traefik", router())]);
    insta::assert_json_snapshot!(first_plan(&lab, "traefik"));
    check_laws(&lab);
}

#[test]
fn routes_are_followed_without_a_restart_and_the_rest_is_mended() {
    let lab = lab(&[("traefik", router())]);
    let routes = "/etc/traefik/dynamic/phoenix.yml";
    let taken = ["traefik:write-routes", "traefik:routes-api", "traefik:routes-service-a"];
    mends(&lab, &Harm::Edit(routes), &taken);
    let again = [
        "traefik:restart-traefik.service",
        "traefik:answers",
        "traefik:routes-api",
        "traefik:routes-service-a",
    ];
    let behind = |first: &'static str| std::iter::once(first).chain(again).collect::<Vec<_>>();
    mends(&lab, &Harm::Edit("/etc/traefik/traefik.yml"), &behind("traefik:write-static"));
    mends(&lab, &Harm::Edit("/usr/local/bin/traefik"), &behind("traefik:install-traefik"));
    mends(&lab, &Harm::Edit("/etc/systemd/system/traefik.service"), &behind("traefik:write-unit"));
}

#[test]
fn a_route_that_leads_nowhere_is_refused() {
    let with = |route: Value| refusals(&lab(&[("traefik", json!({"routes": {"a": route}}))]));
    for (wrong, says) in [
        (json!({"hosts": ["a.example"], "servers": ["10.0.0.1:80"]}), "`10.0.0.1:80` has no scheme"),
        (json!({"hosts": ["a`) || Path(`/"], "servers": ["http://a"]}), "is no host name"),
        (
            json!({"hosts": ["a"], "servers": ["http://a"], "entrypoints": ["x"]}),
            "there is no entry point `x`",
        ),
        (json!({"hosts": [], "servers": ["http://a"]}), "needs a host and a server"),
        (json!({"hosts": ["a"], "servers": ["http://a"], "path_prefix": "x`"}), "is no path"),
    ] {
        let messages = with(wrong);
        assert!(messages.iter().any(|message| message.contains(says)), "{says}: {messages:?}");
    }
}

#[test]
fn a_site_may_have_the_program_from_elsewhere_but_never_another_content() {
    let mut lab = lab(&[("traefik", json!({}))]);
    lab.desired.artifacts.mirror = Some("https://mirror.example/files".to_owned());
    let plan = first_plan(&lab, "traefik").to_string();
    assert!(plan.contains("https://mirror.example/files/traefik_v3.7.10_linux_amd64.tar.gz"), "{plan}");
    assert!(plan.contains("01811bb12d44f17280550f425f5e3128d6c325f2665c09e67a651ca535f490ce"), "{plan}");
}
