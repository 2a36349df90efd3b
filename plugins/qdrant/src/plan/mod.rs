//! The feature itself: the release's one program, its settings, the unit, and the wait until it is ready.

use phoenix_core::{
    Artifact, Claim, Descriptor, Draft, Feature, Problems, Recipe,
    artifact::Format,
    draft::{File, Service, from_inside},
    render,
};
use schemars::schema_for;
use serde_json::{Map, Value, json};

use crate::config::Config;

const NAME: &str = "qdrant";
const PROGRAM: &str = "/usr/local/bin/qdrant";
const FOLDER: &str = "/etc/qdrant";
const SETTINGS: &str = "/etc/qdrant/config.yaml";
const UNIT: &str = "qdrant.service";
const UNIT_FILE: &str = "/etc/systemd/system/qdrant.service";

/// Returns the feature for the registry.
pub fn feature() -> Box<dyn Feature> {
    let about = "runs Qdrant, a database of vectors";
    let descriptor = Descriptor::new(NAME, about, schema_for!(Config));
    let descriptor = descriptor.after(["base-setup", "trusted-ca"]).with_artifacts([release()]);
    Box::new(Recipe::new(descriptor, draft).checked_by(problems).claiming(claims))
}

/// The release that is installed where the site has no other: linked statically, so that it runs everywhere.
fn release() -> Artifact {
    let url =
        "https://github.com/qdrant/qdrant/releases/download/v1.18.3/qdrant-x86_64-unknown-linux-musl.tar.gz";
    let sha256 = "b4faedcdf8c9577bf1c8f2ab9b454636b87e056c116c99d49bd4f9fb2e634285";
    Artifact::fetched(NAME, "1.18.3", url, sha256).unpacked(Format::Tar, Some(NAME))
}

fn claims(config: &Config) -> Vec<Claim> {
    Claim::of_server(&[], None, config.memory_mib)
}

fn draft(draft: &mut Draft<'_>, config: &Config) {
    let packages = draft.packages(["ca-certificates", "curl"], []);
    let user = draft.account(NAME, &[], []);
    let storage = draft.directory("make-storage-dir", &config.storage_dir, (0o750, NAME), [user.clone()]);
    let folder = draft.directory("make-folder", FOLDER, (0o755, "root"), []);
    let installed = draft.artifact(&release(), PROGRAM, 0o755, []);
    // What is JSON is YAML as well.
    let text = format!("{:#}\n", Value::Object(settings(config)));
    let written = draft.write("write-settings", File::text(SETTINGS, text), [folder.clone()]);
    let secrets = [
        ("QDRANT__SERVICE__API_KEY", &config.api_key),
        ("QDRANT__SERVICE__READ_ONLY_API_KEY", &config.read_only_api_key),
    ];
    let secrets = secrets.into_iter().filter_map(|(name, secret)| Some((name, secret.as_ref()?)));
    let launch = draft.launch((FOLDER, NAME), secrets, [folder.clone(), user.clone()]);
    let own = [PROGRAM, "--config-path", SETTINGS].map(str::to_owned);
    let command = launch.argv.iter().chain(&own).map(|word| render::systemd_argument(word));
    let command = command.collect::<Vec<_>>().join(" ");
    let values = json!({ "storage_dir": config.storage_dir, "command": command });
    let Some(text) = draft.render(UNIT, include_str!("qdrant.service"), values) else { return };
    let unit = draft.write("write-unit", File::text(UNIT_FILE, text), [user.clone()]);
    let reads = launch.reads.into_iter().chain([SETTINGS.to_owned(), UNIT_FILE.to_owned()]);
    let reads = reads.chain(config.tls.iter().flat_map(|tls| [tls.certificate.clone(), tls.key.clone()]));
    let changes = [packages, user, storage, folder, installed, written, unit];
    let changes = changes.into_iter().chain(launch.steps.into_iter().map(Some));
    let served = draft.service(&Service::new(UNIT, reads), changes);
    // It needs no key.
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let ready = draft.answers(&format!("{scheme}://{}/readyz", from_inside(&config.host, config.http_port)));
    let reason = "it has not said that it is ready";
    draft.wait("await-ready", ready, config.ready_timeout_s, reason, [served]);
}

fn settings(config: &Config) -> Map<String, Value> {
    let service = json!({
        "host": config.host, "http_port": config.http_port, "grpc_port": config.grpc_port,
        "enable_tls": config.tls.is_some(),
    });
    let mut own = json!({
        "storage": {
            "storage_path": format!("{}/storage", config.storage_dir),
            "snapshots_path": format!("{}/snapshots", config.storage_dir),
        },
        "telemetry_disabled": true,
    });
    if let Some(tls) = &config.tls {
        own["tls"] = json!({ "cert": tls.certificate, "key": tls.key });
    }
    own["service"] = service;
    let mut all = config.settings.clone();
    merge(&mut all, own);
    all
}

/// Puts what an object says over what there is.
fn merge(base: &mut Map<String, Value>, over: Value) {
    let Value::Object(over) = over else { return };
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Object(base)), Value::Object(value)) => merge(base, Value::Object(value)),
            // What the user says of it counts: nothing depends on it.
            (Some(_), _) if key == "telemetry_disabled" => {}
            (_, value) => drop(base.insert(key, value)),
        }
    }
}

fn problems(config: &Config) -> Problems {
    let mut problems = Problems::default();
    let paths = [("/storage_dir", Some(&config.storage_dir))];
    let tls = config.tls.as_ref();
    let paths = paths.into_iter().chain([
        ("/tls/certificate", tls.map(|tls| &tls.certificate)),
        ("/tls/key", tls.map(|tls| &tls.key)),
    ]);
    for (pointer, path) in paths {
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-".contains(letter);
        if let Some(path) = path.filter(|path| !path.starts_with('/') || !path.chars().all(is_plain)) {
            let message = format!("`{path}` is no absolute path of plain letters");
            problems.refuse(pointer, message, "write it from `/`, with letters, digits, `.`, `_` and `-`");
        }
    }
    let service = config.settings.get("service").and_then(Value::as_object);
    for key in ["api_key", "read_only_api_key", "alt_api_key"] {
        if service.is_some_and(|service| service.contains_key(key)) {
            let message = format!("`service.{key}` would stand in clear in `{SETTINGS}`");
            problems.refuse(
                "/settings/service",
                message,
                "use `api_key` with a reference, for instance \"env:NAME\"",
            );
        }
    }
    if config.host.parse::<std::net::IpAddr>().is_err() {
        problems.refuse(
            "/host",
            format!("`{}` is no address", config.host),
            "write \"0.0.0.0\" or \"127.0.0.1\"",
        );
    }
    problems
}
