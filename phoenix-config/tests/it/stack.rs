//! Portainer and its stacks: what the keys of the files become.

use std::collections::BTreeSet;

use phoenix_config::{Loaded, load};
use phoenix_core::{Declared, Severity};
use serde_json::{Value, json};

use crate::kit::Config;

const DIGEST: &str = "sha256:abababababababababababababababababababababababababababababababab";
const COMPOSE: &str =
    "services:\n  web:\n    image: hello:1\n    environment: [\"A=${A}\", \"TOKEN=${TOKEN}\"]\n";
const MANIFEST: &str = r#"{ "environments": { "production": { "variables": [
    { "name": "A", "value": "it's" }, { "name": "TOKEN", "value": "env:TOKEN" }] } } }"#;

fn host() -> Value {
    json!({
        "domain_name": "lab.example",
        "docker": {
            "portainer_server_image": format!("portainer/portainer-ce:2.33.2@{DIGEST}"),
            "portainer_agent_image": "agent:1",
        },
        "portainer_api": { "admin_password": "env:PASSWORD", "agent_secret": "env:SECRET" },
    })
}

fn vms() -> Value {
    let archive = json!({ "agent:1": { "url": "https://example.com/agent.tar", "sha256": "ab".repeat(32) } });
    let vm = |vmid: u32, name: &str| {
        json!({
            "vmid": vmid, "name": name, "template_image": "i.img", "storage_pool": "local",
            "networks": [{ "ip": format!("10.0.0.{}/24", vmid - 1000) }],
        })
    };
    let (mut server, mut agent) = (vm(1001, "portainer"), vm(1002, "drphoenix"));
    server["portainer_role"] = json!("primary");
    agent["portainer_role"] = json!("agent");
    agent["dependencies"] = json!([1001]);
    agent["docker_stacks"] = json!(["service-a"]);
    agent["features"] = json!([{ "name": "docker", "images": archive }]);
    json!({ "vms": [server, agent] })
}

fn loaded(host: &Value, vms: &Value, files: &[(&str, &str)]) -> Loaded {
    let mut config = Config::new().host(&host.to_string()).vm(&vms.to_string());
    config = config.file("stacks/service-a/docker-compose.yml", COMPOSE);
    config = config.file("stacks/service-a/phoenix.json", MANIFEST);
    for (name, text) in files {
        config = config.file(name, text);
    }
    let features = ["base-setup", "docker", "portainer", "portainer-stacks"].map(str::to_owned);
    load(config.path(), &BTreeSet::from(features))
}

fn codes(loaded: &Loaded, severity: Severity) -> Vec<String> {
    let of = loaded.findings.iter().filter(|finding| finding.severity == severity);
    of.map(|finding| finding.code.to_string()).collect()
}

fn declared<'a>(loaded: &'a Loaded, id: &str) -> &'a Declared {
    &loaded.desired.resources[&id.parse().expect("an id")]
}

fn config<'a>(declared: &'a Declared, feature: &str) -> &'a Value {
    &declared.features.iter().find(|one| one.name == feature).expect("the feature").config
}

#[test]
fn a_server_its_agents_and_their_stacks_follow_from_roles_and_lists() {
    let loaded = loaded(&host(), &vms(), &[]);
    assert_eq!(codes(&loaded, Severity::Error), Vec::<String>::new());
    assert_eq!(codes(&loaded, Severity::Warning), Vec::<String>::new());
    let server = config(declared(&loaded, "vm/1001"), "portainer");
    assert_eq!(server["role"], "server");
    assert_eq!(
        (&server["admin_password"], &server["agent_secret"]),
        (&json!("env:PASSWORD"), &json!("env:SECRET"))
    );
    // Docker comes with it where nobody has asked for it, and what a guest loads is not pulled.
    config(declared(&loaded, "vm/1001"), "docker");
    let agent = config(declared(&loaded, "vm/1002"), "portainer");
    assert_eq!(
        (&agent["role"], &agent["image"], &agent["pull"]),
        (&json!("agent"), &json!("agent:1"), &json!(false))
    );
    let stacks = declared(&loaded, "stacks/production");
    assert_eq!(stacks.spec, json!({ "name": "production", "server": "vm/1001", "agents": ["vm/1002"] }));
    let wanted = json!({
        "name": "portainer.lab.example", "admin_user": "admin", "admin_password": "env:PASSWORD",
        "environments": { "drphoenix": { "kind": "agent", "url": "tcp://10.0.0.2:9001" } },
        "stacks": { "service-a": {
            "environment": "drphoenix", "compose": COMPOSE,
            "variables": { "A": "it's", "TOKEN": { "secret": "env:TOKEN" } },
        } },
    });
    assert_eq!(config(stacks, "portainer-stacks"), &wanted);
}

#[test]
fn files_of_a_stack_go_into_its_compose_file() {
    let manifest = r#"{ "environments": { "production": {
        "variables": [{ "name": "A", "value": "" }, { "name": "TOKEN", "value": "" }],
        "files": [{ "source": "app.env", "destination_in_container": "/app/.env" }] } } }"#;
    let files = [("stacks/service-a/phoenix.json", manifest), ("stacks/service-a/app.env", "PRICE=$5\n")];
    let loaded = loaded(&host(), &vms(), &files);
    assert_eq!(codes(&loaded, Severity::Error), Vec::<String>::new());
    let stacks = config(declared(&loaded, "stacks/production"), "portainer-stacks");
    let compose: Value =
        serde_json::from_str(stacks["stacks"]["service-a"]["compose"].as_str().unwrap()).unwrap();
    assert_eq!(compose["configs"]["phoenix-0"]["content"], "PRICE=$$5\n");
    let mounted = json!([{ "source": "phoenix-0", "target": "/app/.env" }]);
    assert_eq!(compose["services"]["web"]["configs"], mounted);
    assert_eq!(compose["services"]["web"]["image"], "hello:1");
}

#[test]
fn what_is_missing_for_portainer_is_told_and_it_is_left_out() {
    let mut bare = host();
    bare["portainer_api"] = json!({});
    bare["docker"] = json!({ "portainer_server_image": "portainer/portainer-ce:latest" });
    let loaded = loaded(&bare, &vms(), &[]);
    assert_eq!(codes(&loaded, Severity::Warning), ["portainer-incomplete"; 4]);
    assert!(declared(&loaded, "vm/1001").features.iter().all(|one| one.name != "portainer"));
    assert!(!loaded.desired.resources.contains_key(&"stacks/production".parse().unwrap()));
}

#[test]
fn a_stack_has_one_place_and_a_server_to_run_it() {
    let mut alone = vms();
    alone["vms"][0]["portainer_role"] = json!("none");
    assert_eq!(codes(&loaded(&host(), &alone, &[]), Severity::Warning), ["stack-without-portainer"]);
    let mut twice = vms();
    twice["vms"][0]["docker_stacks"] = json!(["service-a"]);
    assert_eq!(codes(&loaded(&host(), &twice, &[]), Severity::Error), ["stack-placed-twice"]);
    let mut servers = vms();
    servers["vms"][1]["portainer_role"] = json!("primary");
    assert_eq!(codes(&loaded(&host(), &servers, &[]), Severity::Error), ["several-servers"]);
    // The stack that is Portainer itself, as the scripts had it.
    let mut itself = vms();
    itself["vms"][0]["docker_stacks"] = json!(["portainer_service"]);
    let compose = "services:\n  portainer:\n    image: portainer/portainer-ce:latest\n";
    let loaded = loaded(&host(), &itself, &[("stacks/portainer_service/docker-compose.yml", compose)]);
    assert!(codes(&loaded, Severity::Note).contains(&"stack-is-portainer".to_owned()));
    let stacks = config(declared(&loaded, "stacks/production"), "portainer-stacks");
    assert_eq!(stacks["stacks"].as_object().unwrap().keys().collect::<Vec<_>>(), ["service-a"]);
}
