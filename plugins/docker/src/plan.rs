//! The feature itself: packages, `daemon.json` that the engine finds good first, and the engine that answers.

use phoenix_core::{
    Artifact, Claim, Descriptor, Draft, Feature, Recipe, StepId,
    draft::{Command, File, Service},
    render::systemd,
};
use schemars::schema_for;
use serde_json::{Value, json};

use crate::config::Config;

const NAME: &str = "docker";
const DAEMON: &str = "/etc/docker/daemon.json";
/// Where the archives of images are kept.
const IMAGES: &str = "/var/lib/phoenix/images";
const UNIT: &str = "docker.service";
const DROP_IN: &str = "/etc/systemd/system/docker.service.d/phoenix.conf";

/// Returns the feature for the registry.
pub fn feature() -> Box<dyn Feature> {
    let about = "installs Docker Engine and its compose plugin";
    let descriptor = Descriptor::new(NAME, about, schema_for!(Config));
    let descriptor = descriptor.after(["base-setup", "gpu", "trusted-ca", "certificate"]);
    let recipe = Recipe::new(descriptor, draft).checked_by(Config::problems);
    Box::new(recipe.installing(artifacts).claiming(claims))
}

fn artifacts(config: &Config) -> Vec<Artifact> {
    config.images.iter().map(|(reference, image)| image.artifact(reference)).collect()
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
    // What fetches the archives of images.
    let fetching = (!config.images.is_empty()).then_some("curl");
    let packages = draft.packages(config.packages.iter().map(String::as_str).chain(fetching), []);
    let text = format!("{:#}\n", daemon(config));
    let file = File::text(DAEMON, text).checked_by(["dockerd", "--validate", "--config-file={}"]);
    let written = draft.write("write-daemon-json", file, [packages.clone()]);
    let settings = unit(draft, config, packages.clone());
    let certificates =
        config.remote.iter().flat_map(|remote| [&remote.authority, &remote.certificate, &remote.key]);
    let reads = certificates.map(String::as_str).chain([DAEMON, DROP_IN]);
    let up = draft.service(&Service::new(UNIT, reads), [packages.clone(), written, settings]);
    let answers = draft.succeeds(["docker", "info", "--format", "{{.ServerVersion}}"]);
    let ready = draft.wait("answers", answers, 120, "the engine answers", [up]);
    for (reference, image) in &config.images {
        load(draft, reference, &image.artifact(reference), [packages.clone(), ready.clone()]);
    }
}

/// Has the engine know an image whose archive the guest keeps: the file's name says what is in it.
fn load(draft: &mut Draft<'_>, reference: &str, archive: &Artifact, after: [Option<StepId>; 2]) {
    let [packages, ready] = after;
    let path = format!("{IMAGES}/{reference}.tar");
    let kept = draft.artifact(archive, &path, 0o600, [packages]);
    let known = draft.succeeds(["docker", "image", "inspect", "--format", "{{.Id}}", reference]);
    let again = kept.is_some();
    let reason = format!("the engine does not have the image `{reference}`");
    let mut command = Command::new(["docker", "load", "--quiet", "--input", path.as_str()], known, reason);
    // Another archive is another image; an engine that is begun again keeps those that it has.
    command.again = again;
    draft.run(&format!("load-{}", archive.name), command, [kept, ready]);
}

/// Returns what `daemon.json` holds.
fn daemon(config: &Config) -> Value {
    let mut keys = config.daemon.clone();
    if let Value::Object(features) = keys.entry("features").or_insert_with(|| json!({})) {
        // Docker 29 would keep images by containerd's overlay, which fails on a root file system that is an overlay itself, as
        // containers and what stands for machines may have; its own drivers find out what there is. And all data stays below
        // `/var/lib/docker`.
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
