//! `docker`.

use serde_json::{Value, json};

use super::{Harm, check_laws, first_plan, lab, mends, refusals};

fn engine() -> Value {
    json!({
        "data_root_on_host": "/srv/docker/100",
        "dns": ["10.0.0.13"],
        "daemon": {"live-restore": true},
        "environment": {"HTTPS_PROXY": "http://10.0.0.1:3128/?a=\"%n\""},
        "images": {"homelab/hello:1": {"url": "https://example.com/hello.tar", "sha256": "ab".repeat(32)}},
        "remote": {"authority": "/etc/ssl/ca.crt", "certificate": "/etc/ssl/d.crt", "key": "/etc/ssl/d.key"},
    })
}

#[test]
fn the_first_plan_is_complete_and_keeps_the_laws() {
    let lab = lab(&[("docker", engine())]);
    insta::assert_json_snapshot!(first_plan(&lab, "docker"));
    check_laws(&lab);
}

#[test]
fn what_is_broken_is_mended_and_nothing_else() {
    let lab = lab(&[("docker", json!({}))]);
    let (again, answers) = ("docker:restart-docker.service", "docker:answers");
    mends(&lab, &Harm::Edit("/etc/docker/daemon.json"), &["docker:write-daemon-json", again, answers]);
    mends(&lab, &Harm::Stop("docker.service"), &["docker:start-docker.service", answers]);
    let settings = "/etc/systemd/system/docker.service.d/phoenix.conf";
    mends(&lab, &Harm::Edit(settings), &["docker:remove-unit-settings", again, answers]);
}

#[test]
fn an_image_without_a_registry_is_loaded_once_from_its_pinned_archive() {
    let config = json!({"images": {"homelab/hello:1": {"url": "https://example.com/h.tar", "sha256": "ab".repeat(32)}}});
    let lab = lab(&[("docker", config)]);
    let (install, load) = ("docker:install-image-homelab-hello-1", "docker:load-image-homelab-hello-1");
    let image = "/var/lib/phoenix/images/homelab/hello:1.tar";
    mends(&lab, &Harm::Remove(image), &[install, load]);
    mends(&lab, &Harm::Edit(image), &[install, load]);
    mends(&lab, &Harm::Run("docker image rm homelab/hello:1"), &[load]);
    // An engine that does not answer cannot say what it has.
    let engine = ["docker:start-docker.service", "docker:answers"];
    mends(&lab, &Harm::Stop("docker.service"), &[&engine[..], &[load]].concat());
}

#[test]
fn the_engine_is_not_opened_without_certificates() {
    let with = |config: Value| refusals(&lab(&[("docker", config)]));
    for (wrong, says) in [
        (json!({"daemon": {"hosts": ["tcp://0.0.0.0:2375"]}}), "`hosts` would open the engine"),
        (json!({"daemon": {"tlsverify": false}}), "`tlsverify` would open the engine"),
        (json!({"remote": {"port": 2376}}), "missing field `authority`"),
        (json!({"environment": {"A B": "c"}}), "`A B` cannot be a variable"),
        (json!({"images": {"hello": {"url": "https://a/b", "sha256": ""}}}), "`hello` is no name and tag"),
        (json!({"images": {"h:1": {"url": "file:///a", "sha256": ""}}}), "`file:///a` is no address"),
        (json!({"images": {"h:1": {"url": "https://a/b", "sha256": "ab"}}}), "`ab` is no SHA-256"),
    ] {
        let messages = with(wrong);
        assert!(messages.iter().any(|message| message.contains(says)), "{says}: {messages:?}");
    }
}
