//! The feature itself: a compose file that Docker has found good, its one container, and an answer over HTTPS.

use phoenix_core::{
    Condition, Content, Descriptor, Draft, Expect, Feature, Probe, Problems, Recipe, StepId,
    draft::{Command, File},
};
use schemars::schema_for;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::config::{Config, Role};

const NAME: &str = "portainer";
const FOLDER: &str = "/etc/portainer";
const COMPOSE: &str = "/etc/portainer/compose.yaml";
const PASSWORD: &str = "/etc/portainer/admin-password";
/// What a container was made from.
const LABEL: &str = "phoenix.compose";
/// How a container reaches Docker.
const SOCKET: &str = "/var/run/docker.sock:/var/run/docker.sock";

/// Returns the feature for the registry.
pub fn feature() -> Box<dyn Feature> {
    let about = "runs Portainer's server, or its agent, in the guest's Docker";
    let descriptor = Descriptor::new(NAME, about, schema_for!(Config));
    let descriptor = descriptor.after(["base-setup", "trusted-ca", "step-cli", "certificate", "docker"]);
    Box::new(Recipe::new(descriptor, draft).checked_by(problems))
}

fn draft(draft: &mut Draft<'_>, config: &Config) {
    let packages = draft.packages(["curl"], []);
    let folder = draft.directory("make-folder", FOLDER, (0o755, "root"), []);
    let mut before: Vec<Option<StepId>> = vec![packages, folder.clone()];
    if config.role == Role::Server {
        before.push(draft.directory("make-data-dir", &config.data_dir, (0o700, "root"), []));
        if let Some(secret) = &config.admin_password {
            let file = File::text(PASSWORD, "").holding(Content::Secret(secret.clone())).with_mode(0o600);
            before.push(draft.write("write-admin-password", file, [folder.clone()]));
        }
    }
    let secret = config.agent_secret.as_ref().map(|secret| ("AGENT_SECRET", secret));
    let launch = draft.launch((FOLDER, "root"), secret, [folder]);
    let (text, mark) = compose(config);
    let file = File::text(COMPOSE, text).checked_by(["docker", "compose", "-f", "{}", "config", "-q"]);
    before.extend(launch.steps.into_iter().map(Some));
    before.push(draft.write("write-compose", file, before.clone()));
    let format = format!("{{{{.State.Running}}}} {{{{index .Config.Labels \"{LABEL}\"}}}}");
    let runs = Condition::new(
        Probe::command(draft.site(), ["docker", "inspect", "--type", "container", "--format", &format, NAME]),
        Expect::SaysLine { line: format!("true {mark}") },
    );
    let up = ["docker", "compose", "-f", COMPOSE, "up", "--detach", "--remove-orphans", "--quiet-pull"];
    let argv = launch.argv.into_iter().chain(up.map(str::to_owned));
    let reason = "its container does not run as it is described";
    let up = draft.run("bring-up", Command::new(argv, runs, reason).again(), before);
    let path = match config.role {
        Role::Server => "api/system/status",
        Role::Agent => "ping",
    };
    let answers = draft.answers(&format!("https://127.0.0.1:{}/{path}", config.port()));
    draft.wait("await-answer", answers, config.ready_timeout_s, "it has not answered", [up]);
}

/// Returns the compose file, and the mark of what stands in it. What is JSON is YAML as well.
fn compose(config: &Config) -> (String, String) {
    let mut service = match config.role {
        Role::Server => server(config),
        Role::Agent => json!({
            "volumes": [SOCKET, format!("{}:/var/lib/docker/volumes", config.docker_volumes), "/:/host"],
            "ports": [format!("{}:9001", config.port())],
        }),
    };
    service["image"] = config.image.as_str().into();
    service["container_name"] = NAME.into();
    service["restart"] = "always".into();
    if !config.pull {
        service["pull_policy"] = "never".into();
    }
    if config.agent_secret.is_some() {
        // The name alone: its value comes from the environment of the command.
        service["environment"] = json!(["AGENT_SECRET"]);
    }
    let digest = Sha256::digest(service.to_string());
    let mark: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    service["labels"] = json!({ LABEL: mark });
    (format!("{:#}\n", json!({ "name": NAME, "services": { NAME: service } })), mark)
}

fn server(config: &Config) -> Value {
    let mut volumes = vec![SOCKET.to_owned(), format!("{}:/data", config.data_dir)];
    let mut command: Vec<String> = Vec::new();
    if config.admin_password.is_some() {
        volumes.push(format!("{PASSWORD}:/run/secrets/admin-password:ro"));
        command.push("--admin-password-file=/run/secrets/admin-password".to_owned());
    }
    if let Some(tls) = &config.tls {
        volumes.push(format!("{}:/certs/certificate:ro", tls.certificate));
        volumes.push(format!("{}:/certs/key:ro", tls.key));
        command.extend(["--sslcert=/certs/certificate", "--sslkey=/certs/key"].map(str::to_owned));
    }
    json!({ "volumes": volumes, "command": command, "ports": [format!("{}:9443", config.port())] })
}

fn problems(config: &Config) -> Problems {
    let mut problems = Problems::default();
    let digest = config.image.split_once("@sha256:").map(|(_, digest)| digest);
    if config.pull
        && !digest
            .is_some_and(|digest| digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()))
    {
        let message = format!("the image `{}` has no digest and can be another one tomorrow", config.image);
        let hint = "write it with tag and digest: `NAME:TAG@sha256:…`; or have the feature `docker` load it (`images`) \
                    and write \"pull\": false";
        problems.refuse("/image", message, hint);
    }
    if config.image.contains('$') {
        problems.refuse("/image", "`$` would begin a variable in the compose file", "take it out");
    }
    let is_server = config.role == Role::Server;
    if is_server && config.admin_password.is_none() {
        let message = "without a password the first one who comes makes the administrator's account";
        problems.refuse(
            "/admin_password",
            message,
            "give a reference, for instance \"env:PORTAINER_PASSWORD\"",
        );
    }
    if !is_server && config.agent_secret.is_none() {
        let message = "without a secret the agent works for the first server that comes";
        problems.refuse("/agent_secret", message, "give a reference; the server has the same one");
    }
    if !is_server && (config.admin_password.is_some() || config.tls.is_some()) {
        let message = "`admin_password` and `tls` are for the server";
        problems.refuse("/role", message, "take them out, or write \"role\": \"server\"");
    }
    let tls = config.tls.as_ref();
    let paths = [
        ("/data_dir", Some(&config.data_dir)),
        ("/docker_volumes", Some(&config.docker_volumes)),
        ("/tls/certificate", tls.map(|tls| &tls.certificate)),
        ("/tls/key", tls.map(|tls| &tls.key)),
    ];
    for (pointer, path) in paths {
        // In a volume's short form a colon ends the path, and a `$` begins a variable.
        if let Some(path) = path.filter(|path| !path.starts_with('/') || path.contains([':', '$'])) {
            let message = format!("`{path}` is no absolute path without `:` and `$`");
            problems.refuse(pointer, message, "write it from `/`");
        }
    }
    problems
}
