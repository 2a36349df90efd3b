//! The feature itself: the release as a tree, the unit, the server's answer, and a step for each model.

use std::collections::BTreeMap;

use phoenix_core::{
    Artifact, Claim, Descriptor, Draft, Feature, Problems, Recipe,
    artifact::Format,
    draft::{Command, File, Service, from_inside},
    render::is_variable,
};
use schemars::schema_for;
use serde_json::json;

use crate::config::Config;

const NAME: &str = "ollama";
const HOME: &str = "/var/lib/ollama";
const TREE: &str = "/opt/ollama";
const UNIT: &str = "ollama.service";
const UNIT_FILE: &str = "/etc/systemd/system/ollama.service";

/// Returns the feature for the registry.
pub fn feature() -> Box<dyn Feature> {
    let about = "serves language models by Ollama, and has those that it shall";
    let descriptor = Descriptor::new(NAME, about, schema_for!(Config));
    let descriptor = descriptor.after(["base-setup", "trusted-ca", "gpu"]).with_artifacts([release()]);
    Box::new(Recipe::new(descriptor, draft).checked_by(problems).claiming(claims))
}

/// The release that is installed where the site has no other. It is large because it brings CUDA's libraries.
fn release() -> Artifact {
    let url = "https://github.com/ollama/ollama/releases/download/v0.32.15/ollama-linux-amd64.tar.zst";
    let sha256 = "50539c5fe9bf85887733355098dcdb266b433cb8c73fa180713417e9ed6e42bb";
    Artifact::fetched(NAME, "0.32.15", url, sha256).unpacked(Format::Tar, None)
}

fn claims(config: &Config) -> Vec<Claim> {
    Claim::of_server(&config.gpus, config.gpu_memory_percent, config.memory_mib)
}

fn draft(draft: &mut Draft<'_>, config: &Config) {
    let packages = draft.packages(["ca-certificates", "curl", "zstd"], []);
    let user = draft.account(NAME, &[], []);
    let home = draft.directory("make-home", HOME, (0o755, NAME), [user.clone()]);
    let models =
        draft.directory("make-model-dir", &config.model_dir, (0o755, NAME), [user.clone(), home.clone()]);
    let release = draft.chosen(&release());
    let installed = draft.artifact(&release, TREE, 0o755, [packages.clone()]);
    let lines: Vec<String> =
        environment(config).iter().map(|(name, value)| format!("{name}={value}")).collect();
    let Some(text) = draft.render(UNIT, include_str!("ollama.service"), json!({ "environment": lines }))
    else {
        return;
    };
    let unit = draft.write("write-unit", File::text(UNIT_FILE, text), [user.clone()]);
    let changes = [packages, user, home, models, installed, unit];
    let served = draft.service(&Service::new(UNIT, [UNIT_FILE]), changes);
    let url = format!("http://{}/api/tags", from_inside(&config.host, config.port));
    let answers = draft.answers(&url);
    let reason = "the server has not answered";
    let ready = draft.wait("await-answer", answers, config.ready_timeout_s, reason, [served]);
    for model in &config.models {
        // Its own program is the server's client; it does not start without a home.
        let client = |verb: &str| -> Vec<String> {
            let variables =
                [format!("HOME={HOME}"), format!("OLLAMA_HOST={}", from_inside(&config.host, config.port))];
            let words = [format!("{TREE}/bin/ollama"), verb.to_owned(), model.clone()];
            ["env".to_owned()].into_iter().chain(variables).chain(words).collect()
        };
        let has = draft.succeeds(client("show"));
        let pull = Command::new(client("pull"), has, format!("the model `{model}` is missing"));
        draft.run(&format!("pull-{}", verb(model)), pull, [ready.clone()]);
    }
}

fn problems(config: &Config) -> Problems {
    let mut problems = Problems::default();
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for model in &config.models {
        let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "._-/:".contains(letter);
        if model.is_empty() || model.starts_with('-') || !model.chars().all(is_letter) {
            problems.refuse("/models", format!("`{model}` is no name of a model"), "write NAME or NAME:TAG");
        }
        if let Some(other) = seen.insert(verb(model), model) {
            let message = format!("`{other}` and `{model}` cannot be told apart");
            problems.refuse("/models", message, "take one of them out");
        }
    }
    let is_host = |letter: char| letter.is_ascii_alphanumeric() || ".:-".contains(letter);
    if config.host.is_empty() || !config.host.chars().all(is_host) {
        problems.refuse(
            "/host",
            format!("`{}` is no address", config.host),
            "write \"0.0.0.0\" or \"127.0.0.1\"",
        );
    }
    if !config.model_dir.starts_with('/') {
        problems.refuse("/model_dir", "`model_dir` is no absolute path", "write it from `/`");
    }
    for (name, _) in config.environment.iter().filter(|(name, value)| !is_variable(name, value)) {
        let message = format!("`{name}` cannot be a variable, or not with this value");
        problems.refuse(
            "/environment",
            message,
            "use letters, digits and underscores, and no control characters",
        );
    }
    if config.gpu_memory_percent.is_some_and(|percent| percent == 0 || percent > 100) {
        let message = "`gpu_memory_percent` is outside 1 to 100";
        problems.refuse("/gpu_memory_percent", message, "write the share that it takes at most");
    }
    problems
}

fn environment(config: &Config) -> BTreeMap<String, String> {
    let host = if config.host.contains(':') { format!("[{}]", config.host) } else { config.host.clone() };
    let own = [
        ("HOME", HOME.to_owned()),
        ("OLLAMA_HOST", format!("{host}:{}", config.port)),
        ("OLLAMA_MODELS", config.model_dir.clone()),
    ];
    let mut all: BTreeMap<String, String> = own.map(|(name, value)| (name.to_owned(), value)).into();
    all.extend(config.environment.clone());
    all
}

fn verb(model: &str) -> String {
    model.to_lowercase().replace(['/', ':'], "-")
}
