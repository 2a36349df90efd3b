//! The feature itself: packages, `daemon.json` that the engine finds good first, and the engine that answers.

use phoenix_core::{
    Claim, Descriptor, Draft, Feature, GuestKind, Recipe, StepId,
    draft::{File, Service},
    render::systemd,
};
use schemars::schema_for;
use serde_json::{Value, json};

use crate::config::Config;

const NAME: &str = "docker";
const DAEMON: &str = "/etc/docker/daemon.json";
const UNIT: &str = "docker.service";
const DROP_IN: &str = "/etc/systemd/system/docker.service.d/phoenix.conf";

/// Returns the feature for the registry.
pub fn feature() -> Box<dyn Feature> {
    let about = "installs Docker Engine and its compose plugin";
    let descriptor = Descriptor::new(NAME, about, schema_for!(Config));
    let descriptor = descriptor.after(["base-setup", "gpu", "trusted-ca"]);
    Box::new(Recipe::new(descriptor, draft).checked_by(Config::problems).claiming(claims))
}

fn claims(config: &Config) -> Vec<Claim> {
    let mount = config.data_root_on_host.as_ref().map(|source| Claim::Mount {
        source: source.clone(),
        target: "/var/lib/docker".to_owned(),
        read_only: false,
    });
    [Claim::Nesting, Claim::Keyctl].into_iter().chain(mount).collect()
}

fn draft(draft: &mut Draft<'_>, config: &Config) {
    let packages = draft.packages(config.packages.iter().map(String::as_str), []);
    let is_container = draft.site().guest().is_some_and(|guest| guest.kind == GuestKind::Lxc);
    let text = format!("{:#}\n", daemon(config, is_container));
    let file = File::text(DAEMON, text).checked_by(["dockerd", "--validate", "--config-file={}"]);
    let written = draft.write("write-daemon-json", file, [packages.clone()]);
    let settings = unit(draft, config, packages.clone());
    let certificates =
        config.remote.iter().flat_map(|remote| [&remote.authority, &remote.certificate, &remote.key]);
    let reads = certificates.map(String::as_str).chain([DAEMON, DROP_IN]);
    let up = draft.service(&Service::new(UNIT, reads), [packages, written, settings]);
    let answers = draft.succeeds(["docker", "info", "--format", "{{.ServerVersion}}"]);
    draft.wait("answers", answers, 120, "the engine answers", [up]);
}

/// Returns what `daemon.json` holds.
fn daemon(config: &Config, is_container: bool) -> Value {
    let mut keys = config.daemon.clone();
    if is_container && let Value::Object(features) = keys.entry("features").or_insert_with(|| json!({})) {
        // Docker 29 would keep images by containerd's overlay, which fails on a root file system that is an overlay itself;
        // its own drivers find out what there is. And all data stays below `/var/lib/docker`.
        features.entry("containerd-snapshotter").or_insert(json!(false));
    }
    keys.insert("log-driver".to_owned(), json!("json-file"));
    let logs = json!({ "max-size": config.log_max_size, "max-file": config.log_max_file.to_string() });
    keys.insert("log-opts".to_owned(), logs);
    if !config.dns.is_empty() {
        keys.insert("dns".to_owned(), json!(config.dns));
    }
    if !config.registry_mirrors.is_empty() {
        keys.insert("registry-mirrors".to_owned(), json!(config.registry_mirrors));
    }
    if let Some(remote) = &config.remote {
        keys.insert("tlsverify".to_owned(), json!(true));
        keys.insert("tlscacert".to_owned(), json!(remote.authority));
        keys.insert("tlscert".to_owned(), json!(remote.certificate));
        keys.insert("tlskey".to_owned(), json!(remote.key));
    }
    Value::Object(keys)
}

/// Writes what the engine's unit has beside what its package brings.
fn unit(draft: &mut Draft<'_>, config: &Config, packages: Option<StepId>) -> Option<StepId> {
    if config.environment.is_empty() && config.remote.is_none() {
        let reason = format!("`{DROP_IN}` is there and shall not be");
        return draft.removed("remove-unit-settings", DROP_IN, reason, [packages]);
    }
    let mut text = String::from("[Service]\n");
    for (name, value) in &config.environment {
        text.push_str(&format!("Environment={}\n", systemd(&format!("{name}={value}"))));
    }
    if let Some(remote) = &config.remote {
        // The command line of the packages asks for the socket, and `daemon.json` cannot add to it.
        text.push_str("ExecStart=\nExecStart=dockerd -H fd:// ");
        text.push_str(&format!(
            "-H tcp://0.0.0.0:{} --containerd=/run/containerd/containerd.sock\n",
            remote.port
        ));
    }
    draft.write("write-unit-settings", File::text(DROP_IN, text), [packages])
}
