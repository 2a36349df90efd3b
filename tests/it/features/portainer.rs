//! `portainer`, in a simulated Docker.

use phoenix_tests::lab::Lab;
use serde_json::{Value, json};

use super::{Harm, check_laws, first_plan, lab, mends, refusals};

fn image(name: &str) -> String {
    format!("portainer/{name}:2.33.2@sha256:{}", "ab".repeat(32))
}

fn server() -> Lab {
    let config = json!({
        "role": "server", "image": image("portainer-ce"),
        "admin_password": "cmd:echo secret-secret", "agent_secret": "cmd:echo shared",
    });
    lab(&[("docker", json!({})), ("portainer", config)])
}

/// An agent whose image comes from an archive.
fn loaded() -> Lab {
    let archive = json!({"url": "https://example.com/agent.tar", "sha256": "ab".repeat(32)});
    let config =
        json!({"role": "agent", "image": "agent:1", "pull": false, "agent_secret": "cmd:echo shared"});
    lab(&[("docker", json!({"images": {"agent:1": archive}})), ("portainer", config)])
}

fn agent() -> Lab {
    let config = json!({"role": "agent", "image": image("agent"), "agent_secret": "cmd:echo shared"});
    lab(&[("docker", json!({})), ("portainer", config)])
}

#[test]
fn the_first_plan_is_complete_and_keeps_the_laws() {
    let lab = server();
    insta::assert_json_snapshot!(first_plan(&lab, "portainer"));
    check_laws(&lab);
    check_laws(&agent());
    check_laws(&loaded());
    let compose = first_plan(&loaded(), "portainer").to_string();
    assert!(compose.contains("pull_policy"), "{compose}");
}

#[test]
fn what_is_broken_is_mended_and_nothing_else() {
    for lab in [server(), agent()] {
        let again = ["portainer:bring-up", "portainer:await-answer"];
        let behind = |first: &'static str| std::iter::once(first).chain(again).collect::<Vec<_>>();
        mends(&lab, &Harm::Edit("/etc/portainer/compose.yaml"), &behind("portainer:write-compose"));
        mends(&lab, &Harm::Run("docker stop portainer"), &again);
        mends(&lab, &Harm::Run("docker rm -f portainer"), &again);
        // Somebody has made another one of that name.
        let other = Harm::Run("docker run -d --name other --label phoenix.compose=1 image");
        mends(&lab, &other, &[]);
        let engine = ["docker:start-docker.service", "docker:answers"];
        mends(&lab, &Harm::Stop("docker.service"), &[&engine[..], &again[..]].concat());
    }
}

#[test]
fn what_is_open_to_the_first_who_comes_is_refused() {
    let with = |config: Value| refusals(&lab(&[("portainer", config)]));
    for (config, says) in [
        (
            json!({"role": "server", "image": image("portainer-ce")}),
            "without a password the first one who comes",
        ),
        (json!({"role": "agent", "image": image("agent")}), "without a secret the agent works for the first"),
        (
            json!({"role": "agent", "image": "portainer/agent:latest", "agent_secret": "env:A"}),
            "has no digest and can be another one tomorrow",
        ),
    ] {
        let messages = with(config);
        assert!(messages.iter().any(|message| message.contains(says)), "{says}: {messages:?}");
    }
}
