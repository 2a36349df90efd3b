//! The feature from outside: whole plans as goldens, no plan where the facts agree, one step for each thing broken, and
//! what is refused.

#[path = "../../../tests/mended.rs"]
mod mended;
#[path = "../../../tests/settled.rs"]
mod settled;

use mended::{mends, refuses};
use phoenix_core::{Action, Content, Evidence, Facts, GuestId, Probe, Site, Step};
use phoenix_portainer::feature;
use serde_json::{Value, json};
use settled::{failed, file, said, settled, verbs};

fn site() -> Site {
    Site::Guest(GuestId::vm(1001))
}

fn image(name: &str) -> String {
    format!("portainer/{name}:2.33.2@sha256:{}", "ab".repeat(32))
}

fn server() -> Value {
    json!({
        "role": "server", "image": image("portainer-ce"), "admin_password": "env:PORTAINER_PASSWORD",
        "agent_secret": "env:AGENT_SECRET",
        "tls": {"certificate": "/etc/ssl/portainer.crt", "key": "/etc/ssl/portainer.key"},
    })
}

fn agent() -> Value {
    json!({"role": "agent", "image": image("agent"), "agent_secret": "env:AGENT_SECRET"})
}

fn plan(config: &Value) -> Vec<Step> {
    feature().plan(&site(), config, &Facts::new()).expect("a plan")
}

#[test]
fn the_first_plan_of_a_server_is_complete() {
    insta::assert_json_snapshot!(plan(&server()));
}

#[test]
fn the_first_plan_of_an_agent_is_complete() {
    insta::assert_json_snapshot!(plan(&agent()));
}

#[test]
fn the_password_is_there_before_the_server_starts_for_the_first_time() {
    let plan = plan(&server());
    let step = |verb: &str| plan.iter().find(|step| step.id.verb() == verb).expect("planned");
    assert!(step("bring-up").after.contains(&step("write-admin-password").id));
    let Action::WriteFile { content, mode: 0o600, .. } = &step("write-admin-password").action else {
        panic!("a file")
    };
    assert!(matches!(content, Content::Secret(_)), "{content:?}");
}

#[test]
fn the_compose_file_holds_no_secret_and_is_checked_before_it_takes_the_old_ones_place() {
    for config in [server(), agent()] {
        let step = plan(&config).into_iter().find(|step| step.id.verb() == "write-compose").expect("planned");
        let Action::WriteFile { content: Content::Text(text), check, .. } = step.action else {
            panic!("a text")
        };
        assert_eq!(check, ["docker", "compose", "-f", "{}", "config", "-q"]);
        let compose: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(compose["services"]["portainer"]["environment"], json!(["AGENT_SECRET"]));
    }
}

#[test]
fn what_is_broken_is_mended_and_nothing_else() {
    let healthy = settled(&*feature(), &site(), &server(), &Facts::new());
    let at = |path: &str| Probe::file(&site(), path);
    let status = Probe::command(&site(), ["curl", "-fsS", "-k", "https://127.0.0.1:9443/api/system/status"]);
    let is_inspection = |probe: &Probe| matches!(probe, Probe::Command { argv, .. } if argv.first().is_some_and(|word| word == "docker"));
    let probes = feature().probes(&site(), &server(), &healthy).expect("probes");
    let inspection = probes.into_iter().find(is_inspection).expect("the container is asked for");
    let again = ["bring-up", "await-answer"];
    let broken = [
        (
            at("/etc/portainer/compose.yaml"),
            file("", 0o644, "root"),
            vec!["write-compose", again[0], again[1]],
        ),
        (at("/etc/portainer/agent-secret"), Evidence::Absent, vec!["write-agent-secret", again[0], again[1]]),
        (inspection.clone(), said("false 0123\n"), again.to_vec()),
        (inspection, failed(1, "No such container"), again.to_vec()),
        (status, failed(7, "connection refused"), vec!["await-answer"]),
    ];
    mends(&*feature(), &site(), &server(), broken);
}

#[test]
fn another_configuration_makes_another_container() {
    let healthy = settled(&*feature(), &site(), &server(), &Facts::new());
    let mut other = server();
    other["port"] = json!(443);
    assert_eq!(verbs(&*feature(), &site(), &other, &healthy), ["write-compose", "bring-up", "await-answer"]);
}

#[test]
fn what_would_leave_a_door_open_is_refused() {
    let wrong = [
        (
            json!({"role": "server", "image": image("portainer-ce")}),
            "the first one who comes makes the administrator",
        ),
        (json!({"role": "agent", "image": image("agent")}), "works for the first server that comes"),
        (
            json!({"role": "agent", "image": "portainer/agent:latest", "agent_secret": "env:A"}),
            "has no digest",
        ),
        (
            json!({"role": "agent", "image": image("agent"), "agent_secret": "s3cret"}),
            "not a reference to a secret",
        ),
        (
            json!({"role": "agent", "image": image("agent"), "agent_secret": "env:A", "docker_volumes": "/a:b"}),
            "without `:` and `$`",
        ),
        (json!({"role": "primary", "image": image("agent")}), "unknown variant `primary`"),
        (json!({"image": image("agent")}), "missing field `role`"),
    ];
    refuses(&*feature(), &site(), wrong);
}
