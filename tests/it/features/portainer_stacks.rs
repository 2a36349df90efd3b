//! `portainer-stacks`, in front of a simulated Portainer: the script itself is tried against a stub of the API.

use phoenix_core::{
    Declared, FeatureUse,
    engine::{Cancel, Events, converge},
    planner::{self, Leftovers, Request},
};
use phoenix_tests::{
    lab::Lab,
    world::{World, resolve},
};
use serde_json::{Value, json};

use super::{Harm, check_laws, findings, first_plan, lab, mends, steps};
use crate::block_on;

const COMPOSE: &str = "services:\n  web:\n    image: homelab/hello:1\n    ports: [\"8081:80\"]\n";

fn portainer() -> Value {
    let image = format!("portainer/portainer-ce:2.33.2@sha256:{}", "ab".repeat(32));
    json!({
        "role": "server", "image": image, "admin_password": "cmd:echo secret-secret", "agent_secret": "cmd:echo shared",
    })
}

fn stacks() -> Value {
    json!({
        "name": "portainer.example", "admin_password": "cmd:echo secret-secret",
        "environments": {
            "here": {"kind": "local"},
            "drphoenix": {"kind": "agent", "url": "tcp://10.0.0.102:9001"},
        },
        "stacks": {
            "service-a": {"environment": "drphoenix", "compose": COMPOSE, "variables": {
                "GREETING": "it's ü", "TOKEN": {"secret": "cmd:echo token"},
            }},
            "service-b": {"environment": "drphoenix", "compose": COMPOSE},
        },
    })
}

/// Returns a lab of a Portainer server with these stacks.
fn lab_of(config: Value) -> Lab {
    let mut lab = lab(&[("docker", json!({})), ("portainer", portainer())]);
    let spec = json!({"name": "production", "server": "lxc/100"});
    let features = vec![FeatureUse::new("portainer-stacks", config)];
    let declared = Declared { features, ..Declared::new(spec) };
    lab.desired.resources.insert("stacks/production".parse().expect("an id"), declared);
    lab
}

#[test]
fn the_first_plan_is_complete_and_keeps_the_laws() {
    let lab = lab_of(stacks());
    insta::assert_json_snapshot!(first_plan(&lab, "portainer-stacks"));
    check_laws(&lab);
}

#[test]
fn what_is_broken_is_mended_and_nothing_else() {
    let lab = lab_of(stacks());
    let api = |words: &str| format!("/usr/local/lib/phoenix/portainer-api /etc/phoenix/portainer {words}");
    let own = |verb: &str| format!("portainer-stacks:{verb}");
    mends(&lab, &Harm::Run(&api("remove-stack service-a")), &[&own("stack-service-a")]);
    let moved = api("environment drphoenix agent tcp://10.0.0.9:9001");
    mends(&lab, &Harm::Run(&moved), &[&own("environment-drphoenix")]);
    mends(&lab, &Harm::Edit("/etc/phoenix/portainer/server.json"), &[&own("write-server")]);
    mends(
        &lab,
        &Harm::Remove("/etc/phoenix/portainer/secrets/service-a/TOKEN"),
        &[&own("write-secret-service-a-TOKEN")],
    );
    let database = Harm::Edit("/var/lib/portainer/portainer.json");
    let everything =
        ["environment-drphoenix", "environment-here", "stack-service-a", "stack-service-b"].map(own);
    mends(&lab, &database, &everything.each_ref().map(String::as_str));
    // One that does not answer is waited for; what it has is looked at then.
    let server = ["portainer:bring-up", "portainer:await-answer", "portainer-stacks:await-answer"];
    mends(&lab, &Harm::Run("docker stop portainer"), &server);
}

#[test]
fn a_change_of_a_stack_is_one_step_and_what_is_declared_no_more_is_only_told_of() {
    block_on(async {
        let lab = lab_of(stacks());
        let world = World::seeded(lab.seed.clone());
        world.converge(&resolve(&lab).expect("a good lab")).await.expect("it comes up");

        let mut changed = stacks();
        changed["stacks"]["service-b"]["compose"] = json!(COMPOSE.replace("8081", "8082"));
        let changed = resolve(&lab_of(changed)).expect("a good lab");
        let plan = world.plan(&changed).await.expect("a plan");
        let told: Vec<_> = plan.steps.iter().map(|step| (step.id.verb(), step.reason.as_str())).collect();
        let reason = "the stack `service-b` has another file or other variables";
        assert_eq!(told, [("stack-service-b", reason)]);
        world.converge(&changed).await.expect("it is changed");

        let mut fewer = stacks();
        fewer["stacks"].as_object_mut().expect("an object").remove("service-b");
        let fewer = resolve(&lab_of(fewer)).expect("a good lab");
        let plan = world.plan(&fewer).await.expect("a plan");
        let notes: Vec<_> = plan.notes.iter().map(|note| &*note.code).collect();
        assert_eq!((plan.steps.len(), notes), (0, vec!["undeclared-stack"]));
        let request = Request::converge_all().with_leftovers(Leftovers::Remove);
        let facts = world.facts(&fewer).await.expect("answers");
        let plan = planner::plan(&fewer, &request, &facts).expect("a plan");
        let told: Vec<_> = plan.steps.iter().map(|step| (step.id.verb(), step.reason.as_str())).collect();
        assert_eq!(told, [("remove-stack-service-b", "the stack `service-b` is not declared any more")]);
        let (silent, cancel) = (Events::silent(), Cancel::default());
        converge(&fewer, &request, world.backend.as_ref(), &silent, &cancel).await.expect("it is removed");
        assert_eq!(steps(&world, &fewer).await, Vec::<String>::new());
        assert!(world.plan(&fewer).await.expect("a plan").notes.is_empty());
    });
}

#[test]
fn what_no_server_could_do_is_refused_before_anything_is_asked() {
    let with = |change: fn(&mut Value)| {
        let mut config = stacks();
        change(&mut config);
        findings(&lab_of(config)).into_iter().map(|(_, message)| message).collect::<Vec<_>>()
    };
    type Change = fn(&mut Value);
    let cases: [(Change, &str); 6] = [
        (|config| config["name"] = json!("a b"), "`a b` is no host name"),
        (|config| config["stacks"]["service-a"]["environment"] = json!("x"), "there is no environment `x`"),
        (
            |config| config["stacks"]["Service"] = config["stacks"]["service-b"].clone(),
            "`Service` is no name of a stack",
        ),
        (|config| config["stacks"]["service-a"]["compose"] = json!("a: b"), "has no `services`"),
        (
            |config| config["stacks"]["service-a"]["variables"] = json!({"A B": "c"}),
            "`A B` cannot be a variable",
        ),
        (
            |config| config["environments"]["drphoenix"]["url"] = json!("https://a"),
            "`https://a` is no address of an agent",
        ),
    ];
    for (change, says) in cases {
        let messages = with(change);
        assert!(messages.iter().any(|message| message.contains(says)), "{says}: {messages:?}");
    }
}
