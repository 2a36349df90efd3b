//! The feature itself: the release as a tree, the model, the unit, and the wait for the server's health check.

use phoenix_core::{
    Artifact, Claim, Content, Descriptor, Draft, Feature, Problems, Recipe, StepId,
    artifact::Format,
    draft::{File, Service, from_inside},
    render,
};
use schemars::schema_for;
use serde_json::json;

use crate::config::Config;

const NAME: &str = "llama-cpp";
const TREE: &str = "/opt/llama-cpp";
const MODELS: &str = "/var/lib/llama-cpp";
const FOLDER: &str = "/etc/llama-cpp";
const KEY: &str = "/etc/llama-cpp/api-key";
const UNIT: &str = "llama-cpp.service";
const UNIT_FILE: &str = "/etc/systemd/system/llama-cpp.service";

/// Returns the feature for the registry.
pub fn feature() -> Box<dyn Feature> {
    let about = "serves one language model by llama.cpp";
    let descriptor = Descriptor::new(NAME, about, schema_for!(Config));
    let descriptor = descriptor.after(["base-setup", "trusted-ca", "gpu"]).with_artifacts([release()]);
    Box::new(Recipe::new(descriptor, draft).checked_by(problems).claiming(claims))
}

/// The release that is installed where the site has no other. It computes on processors.
fn release() -> Artifact {
    let url =
        "https://github.com/ggml-org/llama.cpp/releases/download/b11146/llama-b11146-bin-ubuntu-x64.tar.gz";
    let sha256 = "c150306eb16b5ab696f76a8bdf810c35fd98a24e82158742e6fa28f420ff8410";
    Artifact::fetched(NAME, "b11146", url, sha256).unpacked(Format::Tar, None)
}

fn claims(config: &Config) -> Vec<Claim> {
    Claim::of_server(&config.gpus, config.gpu_memory_percent, config.memory_mib)
}

fn draft(draft: &mut Draft<'_>, config: &Config) {
    let release = draft.chosen(&release());
    let packages = draft.packages(["ca-certificates", "curl", "libgomp1"], []);
    let user = draft.account(NAME, &[], []);
    let installed = draft.artifact(&release, TREE, 0o755, []);
    let (model, fetched) = model(draft, config);
    let key = key(draft, config, user.clone());
    let program = config.program.clone().unwrap_or_else(|| format!("llama-{}/llama-server", release.version));
    let words = words(config, &format!("{TREE}/{program}"), &model);
    let values = json!({
        "environment": config.environment.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>(),
        "command": words.iter().map(|word| render::systemd_argument(word)).collect::<Vec<_>>().join(" "),
    });
    let Some(text) = draft.render(UNIT, include_str!("llama-cpp.service"), values) else { return };
    let unit = draft.write("write-unit", File::text(UNIT_FILE, text), [user.clone()]);
    let reads = [UNIT_FILE].into_iter().chain(config.api_key.as_ref().map(|_| KEY));
    let changes =
        [packages, user, installed, unit].into_iter().chain(fetched.into_iter().chain(key).map(Some));
    let served = draft.service(&Service::new(UNIT, reads), changes);
    let url = format!("http://{}/health", from_inside(&config.host, config.port));
    let health = draft.answers(&url);
    let reason = "the server has not said that it is healthy";
    draft.wait("await-health", health, config.ready_timeout_s, reason, [served]);
}

/// Returns the model's file, and the steps that fetch it.
fn model(draft: &mut Draft<'_>, config: &Config) -> (String, Vec<StepId>) {
    match (&config.model.artifact, &config.model.path) {
        (Some(artifact), _) => {
            let path = format!("{MODELS}/{}.gguf", artifact.name);
            let folder = draft.directory("make-model-dir", MODELS, (0o755, "root"), []);
            let fetched = draft.artifact(artifact, &path, 0o644, [folder.clone()]);
            (path, folder.into_iter().chain(fetched).collect())
        }
        (None, path) => (path.clone().unwrap_or_default(), Vec::new()),
    }
}

fn key(draft: &mut Draft<'_>, config: &Config, user: Option<StepId>) -> Vec<StepId> {
    let Some(secret) = &config.api_key else { return Vec::new() };
    let folder = draft.directory("make-folder", FOLDER, (0o755, "root"), []);
    let file = File::text(KEY, "").holding(Content::Secret(secret.clone())).with_mode(0o600).owned_by(NAME);
    let written = draft.write("write-api-key", file, [folder.clone(), user]);
    folder.into_iter().chain(written).collect()
}

fn words(config: &Config, program: &str, model: &str) -> Vec<String> {
    let mut words: Vec<String> =
        [program, "--model", model, "--host", &config.host].map(str::to_owned).to_vec();
    words.extend(["--port".to_owned(), config.port.to_string()]);
    let numbers = [
        ("--ctx-size", config.context),
        ("--parallel", config.parallel),
        ("--threads", config.threads),
        ("--n-gpu-layers", config.gpu_layers),
    ];
    for (option, number) in numbers {
        words.extend(number.into_iter().flat_map(|number| [option.to_owned(), number.to_string()]));
    }
    words.extend(config.alias.iter().flat_map(|alias| ["--alias".to_owned(), alias.clone()]));
    if config.api_key.is_some() {
        words.extend(["--api-key-file".to_owned(), KEY.to_owned()]);
    }
    words.extend(config.arguments.iter().cloned());
    words
}

fn problems(config: &Config) -> Problems {
    let mut problems = Problems::default();
    match (&config.model.path, &config.model.artifact) {
        (Some(path), None) if !path.starts_with('/') => {
            problems.refuse("/model/path", format!("`{path}` is no absolute path"), "write it from `/`");
        }
        (Some(_), None) => {}
        (None, Some(artifact)) if artifact.unpack.is_some() || !is_plain(&artifact.name) => {
            let message = format!("the model `{}` is no single file with a plain name", artifact.name);
            problems.refuse("/model/artifact", message, "name a .gguf file, without `unpack`");
        }
        (None, Some(artifact)) if artifact.name == NAME => {
            let message = format!("`{NAME}` is the name of the server's own release");
            problems.refuse("/model/artifact/name", message, "give the model another name");
        }
        (None, Some(_)) => {}
        (Some(_), Some(_)) | (None, None) => {
            let message = "the model needs either `path` or `artifact`";
            problems.refuse("/model", message, "`phoenix explain llama-cpp` shows what each means");
        }
    }
    for (index, word) in config.arguments.iter().enumerate() {
        if ["--api-key", "--hf-token", "-hft"]
            .iter()
            .any(|secret| word == secret || word.starts_with(&format!("{secret}=")))
        {
            let message = format!("`arguments` {index} would have a secret in clear in the unit");
            problems.refuse(
                "/arguments",
                message,
                "use `api_key` with a reference, for instance \"env:NAME\"",
            );
        }
    }
    if config
        .program
        .as_ref()
        .is_some_and(|path| path.starts_with('/') || path.split('/').any(|part| part == ".."))
    {
        let message = "`program` is no path in the archive";
        problems.refuse("/program", message, "write it as the archive has it: `build/bin/llama-server`");
    }
    if config.gpu_memory_percent.is_some_and(|percent| percent == 0 || percent > 100) {
        let message = "`gpu_memory_percent` is outside 1 to 100";
        problems.refuse("/gpu_memory_percent", message, "write the share that it takes at most");
    }
    problems
}

fn is_plain(name: &str) -> bool {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    !name.is_empty() && !name.starts_with('.') && name.chars().all(is_letter)
}
