//! The features for real: containers of the example lab that reach no network, with the programs themselves installed in
//! them, and probed from outside.

mod certificate;
mod docker;

use std::collections::BTreeMap;

use phoenix_core::{Desired, Evidence, FeatureUse, GuestId, Probe, Reader, Site, planner::Resolved};
use phoenix_tests::{
    lab::Lab,
    laws,
    stores::{Stores, WHEELS},
    way::Way,
    world::World,
};
use serde_json::{Value, json};

use crate::{homelab, on_the_real_way};

const APP: &str = "import json, os
async def app(scope, receive, send):
    if scope['type'] != 'http':
        return
    body = json.dumps({'path': scope['path'], 'greeting': os.environ['GREETING']}).encode()
    await send({'type': 'http.response.start', 'status': 200, 'headers': []})
    await send({'type': 'http.response.body', 'body': body})
";

/// The containers that stand for the lab's services.
const SERVICES: [u32; 5] = [900, 101, 102, 103, 953];

/// What no quoting may change.
const ODD: &str = "$(id) %n \"q\"";
const GREETING: &str = "it's \"quoted\" $(id) `id` %n ${HOME} \\ ü\nsecond line";

fn guest(vmid: u32) -> Site {
    Site::Guest(GuestId::lxc(vmid))
}

/// Runs a script at a site, and returns its exit status and what it says.
async fn said(world: &World, site: Site, script: &str) -> (i32, String) {
    let argv = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
    match &world.backend.read(&[Probe::Command { site, argv }]).await[..] {
        [Ok(Evidence::Output { status, stdout, stderr })] => (*status, format!("{}{stderr}", stdout.trim())),
        answers => panic!("{script}: {answers:?}"),
    }
}

async fn done(world: &World, site: Site, script: &str) -> String {
    let (status, said) = said(world, site, script).await;
    assert_eq!(status, 0, "{script}: {said}");
    said
}

/// Returns the example lab with only these containers, after a change.
fn example(
    stores: &Stores,
    kept: &[u32],
    change: impl FnOnce(&mut Desired),
) -> (Resolved, phoenix_node::NodeSeed) {
    let mut loaded = homelab::load();
    let seed = homelab::seed(&loaded);
    let desired = &mut loaded.desired;
    desired.resources.retain(|id, _| kept.iter().any(|vmid| id.as_str() == format!("lxc/{vmid}")));
    // The features as they are without a network plane: what follows from that has tests of its own.
    for (vmid, name, config) in by_hand() {
        let id = format!("lxc/{vmid}").parse().expect("an id");
        let Some(declared) = desired.resources.get_mut(&id) else { continue };
        match declared.features.iter_mut().find(|feature| feature.name == name) {
            Some(feature) => feature.config = config,
            None => declared.features.push(FeatureUse::new(name, config)),
        }
    }
    stores.give(desired);
    change(desired);
    (Resolved::new(&Lab::new().registry, desired).unwrap_or_else(|found| panic!("{found}")), seed)
}

/// Returns what the gateway and the router would be told without a network plane.
fn by_hand() -> [(u32, &'static str, Value); 4] {
    let root = json!({ "guest": "lxc/103", "path": "/etc/step-ca/certs/root_ca.crt" });
    let trust = json!({ "certificates": [{ "name": "step-ca", "from": root }] });
    let site = json!({ "server_names": ["_"], "locations": [{ "proxy": "http://10.0.0.12:80" }] });
    let route =
        json!({ "hosts": ["vscode-rag.internal.thinkheads.ai"], "servers": ["http://10.0.0.154:8000"] });
    [
        (101, "trusted-ca", trust.clone()),
        (102, "trusted-ca", trust),
        (101, "nginx", json!({ "sites": [site] })),
        (102, "traefik", json!({ "routes": { "vscode-rag": route } })),
    ]
}

/// Returns the configuration of a feature that a container of the lab has.
fn config<'d>(desired: &'d mut Desired, vmid: u32, feature: &str) -> &'d mut Value {
    let id = format!("lxc/{vmid}").parse().expect("an id");
    let declared = desired.resources.get_mut(&id).expect("a container of the lab");
    let is_it = |one: &&mut FeatureUse| one.name == feature;
    &mut declared.features.iter_mut().find(is_it).expect("a feature of the container").config
}

async fn steps(world: &World, resolved: &Resolved) -> Vec<String> {
    let plan = world.plan(resolved).await.unwrap_or_else(|found| panic!("{found}"));
    plan.steps
        .iter()
        .map(|step| format!("{}:{}:{}", step.resource, step.id.owner(), step.id.verb()))
        .collect()
}

/// Does harm, and checks that the next plan names exactly what mends it, which it then does. A step of another guest
/// than the harmed one has the guest before it.
async fn mends(world: &World, resolved: &Resolved, (vmid, harm): (u32, &str), expected: &[&str]) {
    done(world, guest(vmid), harm).await;
    let at = |step: &&str| {
        if step.starts_with("lxc/") { (*step).to_owned() } else { format!("lxc/{vmid}:{step}") }
    };
    let expected: Vec<String> = expected.iter().map(at).collect();
    assert_eq!(steps(world, resolved).await, expected, "after `{harm}`");
    let run = world.converge(resolved).await.unwrap_or_else(|found| panic!("{found}"));
    assert!(run.last.failed.is_empty(), "after `{harm}`: {:?}", run.last.failed);
    assert_eq!(steps(world, resolved).await, Vec::<String>::new(), "after `{harm}` was mended");
}

#[expect(clippy::print_stdout, reason = "a test that skips something says so")]
fn stores(artifacts: &[&str]) -> Option<Stores> {
    match Stores::find(artifacts) {
        Ok(stores) => Some(stores),
        Err(why) => {
            println!("skipped: {why}");
            None
        }
    }
}

#[test]
fn an_authority_a_gateway_a_router_and_a_service_stand_up_and_are_mended() {
    let Some(stores) = stores(&["traefik", "step-ca", "step-cli"]) else { return };
    on_the_real_way(async |way| services(way, &stores).await);
}

/// Adds a service with packages from PyPI, and values that no quoting may change, to the example's own.
fn with_odd_service(desired: &mut Desired) {
    config(desired, 953, "python-api-service")["services"]["hello"] = json!({
        "command": ["uvicorn", "app:app", "--host", "0.0.0.0", "--port", "8001", "--header", format!("x-odd:{ODD}")],
        "requirements": ["uvicorn==0.54.0"],
        "index": WHEELS,
        "files": {"app.py": APP},
        "environment": {"GREETING": GREETING},
        "health": "http://127.0.0.1:8001/",
    });
    config(desired, 102, "traefik")["routes"]["hello"] =
        json!({"hosts": ["hello.example"], "servers": ["http://10.0.0.154:8001"]});
}

async fn services(way: Way, stores: &Stores) {
    let (resolved, seed) = example(stores, &SERVICES, with_odd_service);
    let world = way.seeded(seed).await;
    laws::settle(&resolved, world.backend.as_ref()).await;
    world.channel.take();
    assert_eq!(steps(&world, &resolved).await, Vec::<String>::new());
    // What is as it shall be is looked at in one round trip a guest.
    let asked: BTreeMap<Site, usize> =
        [101, 102, 103, 953].into_iter().map(|vmid| (guest(vmid), 1)).collect();
    assert_eq!(world.channel.take(), asked);

    // The example's own service, and the authority's root where programs look for roots.
    let through = |host: &str, path: &str| {
        format!("curl -sS -i --max-time 10 -H 'Host: {host}' http://10.0.0.153{path}")
    };
    let answer = done(&world, guest(103), &through("vscode-rag.internal.thinkheads.ai", "/search")).await;
    let body: Value = serde_json::from_str(answer.lines().last().unwrap_or_default())
        .unwrap_or_else(|_| panic!("{answer}"));
    assert_eq!(body, json!({"path": "/search", "greeting": "hello from 953"}));
    let ask = &through("hello.example", "/there");
    // From another guest: through the gateway and the router to the service, which has its values as they were given.
    let answer = done(&world, guest(103), ask).await;
    let body: Value = serde_json::from_str(answer.lines().last().unwrap_or_default())
        .unwrap_or_else(|_| panic!("{answer}"));
    assert_eq!(body, json!({"path": "/there", "greeting": GREETING}));
    assert!(answer.to_lowercase().contains(&format!("x-odd: {ODD}")), "{answer}");
    let (_, unknown) =
        said(&world, guest(103), "curl -sS -o /dev/null -w '%{http_code}' http://10.0.0.153/").await;
    assert_eq!(unknown, "404");
    // Programs of a guest that is told to trust the authority do; those of another do not.
    done(&world, guest(101), "curl -fsS --max-time 10 https://10.0.0.10:9000/health").await;
    assert_ne!(said(&world, guest(953), "curl -fsS --max-time 10 https://10.0.0.10:9000/health").await.0, 0);

    let nginx = ["nginx:reload-nginx.service", "nginx:answers"];
    let behind = |first: &'static str, rest: &[&'static str]| [&[first], rest].concat();
    mends(
        &world,
        &resolved,
        (101, "echo '# mine' >>/etc/nginx/nginx.conf"),
        &behind("nginx:write-config", &nginx),
    )
    .await;
    mends(&world, &resolved, (101, "systemctl stop nginx"), &["nginx:start-nginx.service", "nginx:answers"])
        .await;
    mends(
        &world,
        &resolved,
        (
            101,
            "rm /usr/local/share/ca-certificates/phoenix-step-ca.crt; update-ca-certificates --fresh >/dev/null",
        ),
        &["trusted-ca:write-step-ca", "trusted-ca:trust-step-ca"],
    )
    .await;
    let routes = ["traefik:routes-hello", "traefik:routes-vscode-rag"];
    let traefik = [&["traefik:restart-traefik.service", "traefik:answers"][..], &routes].concat();
    mends(
        &world,
        &resolved,
        (102, "cp /bin/true /tmp/t; mv /tmp/t /usr/local/bin/traefik"),
        &behind("traefik:install-traefik", &traefik),
    )
    .await;
    mends(
        &world,
        &resolved,
        (102, "sed -i s/hello.example/other.example/ /etc/traefik/dynamic/phoenix.yml"),
        &behind("traefik:write-routes", &routes),
    )
    .await;
    mends(
        &world,
        &resolved,
        (103, "systemctl stop step-ca"),
        &["step-ca:start-step-ca.service", "step-ca:answers", "lxc/102:step-cli:reaches-authority"],
    )
    .await;
    mends(
        &world,
        &resolved,
        (953, "/opt/hello/.venv/bin/python -m pip -q uninstall -y uvicorn 2>/dev/null"),
        &[
            "python-api-service:install-hello",
            "python-api-service:restart-hello.service",
            "python-api-service:ready-hello",
        ],
    )
    .await;

    // A configuration that the program finds wrong never takes the place of a good one.
    let (broken, _) = example(stores, &SERVICES, |desired| {
        with_odd_service(desired);
        config(desired, 101, "nginx")["client_max_body_size"] = json!("lots");
    });
    let run = world.converge(&broken).await.unwrap_or_else(|found| panic!("{found}"));
    let failures: Vec<String> = run.last.failed.iter().map(|failure| failure.error.to_string()).collect();
    assert!(
        failures.iter().any(|said| said.contains("finds the new `/etc/nginx/nginx.conf` wrong")),
        "{failures:?}"
    );
    assert!(done(&world, guest(103), ask).await.contains("200 OK"));
}
