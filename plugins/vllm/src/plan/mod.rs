//! The feature itself: a virtual environment or an image, the unit, and the wait for the server's own health check.

mod program;

use phoenix_core::{
    Claim, Descriptor, Draft, Feature, Problems, Recipe,
    draft::{File, Service, from_inside},
    render,
};
use schemars::schema_for;
use serde_json::json;

use crate::{config::Config, engine::Engine};

const NAME: &str = "vllm";
const FOLDER: &str = "/etc/vllm";
const UNIT: &str = "vllm.service";
const UNIT_FILE: &str = "/etc/systemd/system/vllm.service";

/// Returns the feature for the registry.
pub fn feature() -> Box<dyn Feature> {
    let about = "serves a language model by vLLM's HTTP interface";
    let descriptor = Descriptor::new(NAME, about, schema_for!(Config));
    let descriptor = descriptor.after(["base-setup", "trusted-ca", "gpu", "docker"]);
    Box::new(Recipe::new(descriptor, draft).checked_by(problems).claiming(claims))
}

fn claims(config: &Config) -> Vec<Claim> {
    let engine = Engine::new(&config.engine);
    let wanted = usize::try_from(engine.cards()).unwrap_or(usize::MAX);
    let cards: Vec<u32> = match &config.gpus {
        Some(gpus) => gpus.iter().copied().take(wanted).collect(),
        None => (0..u32::try_from(wanted).unwrap_or(u32::MAX).min(64)).collect(),
    };
    Claim::of_server(&cards, Some(engine.share()), config.memory_mib)
}

fn draft(draft: &mut Draft<'_>, config: &Config) {
    let engine = Engine::new(&config.engine);
    let program = program::draft(draft, config, engine.words());
    let folder = draft.directory("make-folder", FOLDER, (0o755, "root"), []);
    let secrets = [("HF_TOKEN", &config.hf_token), ("VLLM_API_KEY", &config.api_key)];
    let secrets = secrets.iter().filter_map(|(name, secret)| Some((*name, secret.as_ref()?)));
    let owner = if config.image.is_some() { "root" } else { &config.user };
    let ready = program.steps.iter().cloned().map(Some).chain([folder]);
    let launch = draft.launch((FOLDER, owner), secrets, ready.collect::<Vec<_>>());
    let command = launch.argv.iter().chain(&program.argv).map(|word| render::systemd_argument(word));
    let values = json!({
        "user": owner,
        "model_dir": config.model_dir,
        "image": config.image.is_some(),
        "after": if config.image.is_some() { " docker.service" } else { "" },
        "environment": environment(config),
        "command": command.collect::<Vec<_>>().join(" "),
    });
    let Some(text) = draft.render(UNIT, include_str!("vllm.service"), values) else { return };
    let before: Vec<_> = program.steps.into_iter().chain(launch.steps).map(Some).collect();
    let unit = draft.write("write-unit", File::text(UNIT_FILE, text), before.clone());
    if unit.is_some() {
        program::known(draft, config, &program.argv);
    }
    let reads = launch.reads.into_iter().chain([UNIT_FILE.to_owned()]);
    let changes = before.into_iter().chain([unit]);
    let served = draft.service(&Service::new(UNIT, reads), changes);
    let health = draft.answers(&health(&engine));
    let reason = "the server has not said that it is healthy";
    draft.wait("await-health", health, config.ready_timeout_s, reason, [served]);
}

fn problems(config: &Config) -> Problems {
    let engine = Engine::new(&config.engine);
    let mut problems = engine.problems();
    let is_version = |text: &str| {
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || ".+".contains(letter);
        text.starts_with(|first: char| first.is_ascii_digit()) && text.chars().all(is_part)
    };
    if !is_version(&config.version) {
        let message = format!("`{}` is no version of vLLM", config.version);
        problems.refuse("/version", message, "write one that PyPI has, for instance \"0.33.0\"");
    }
    if !is_version(&config.python) {
        problems.refuse("/python", format!("`{}` is no version of Python", config.python), "write \"3.12\"");
    }
    if config.image.as_ref().is_some_and(|image| !image.contains("@sha256:") || image.starts_with('-')) {
        let message = "an image without a digest can be another one tomorrow";
        problems.refuse("/image", message, "write it with tag and digest: `NAME:TAG@sha256:…`");
    }
    let is_plain =
        |text: &str| text.chars().all(|letter| letter.is_ascii_alphanumeric() || "/._-".contains(letter));
    if !config.model_dir.starts_with('/') || !is_plain(&config.model_dir) {
        let message = format!("`{}` is no absolute path of plain letters", config.model_dir);
        problems.refuse("/model_dir", message, "write it from `/`, with letters, digits, `.`, `_` and `-`");
    }
    if config.user.is_empty()
        || config.user.starts_with('-')
        || !is_plain(&config.user)
        || config.user.contains('/')
    {
        problems.refuse("/user", format!("`{}` is no name of a user", config.user), "write \"vllm\"");
    }
    if let Some(gpus) = config.gpus.as_ref().filter(|gpus| !gpus.is_empty()) {
        let wanted = engine.cards();
        if u64::try_from(gpus.len()).is_ok_and(|has| has < wanted) {
            let message = format!("the engine computes on {wanted} cards, and the guest has {}", gpus.len());
            problems.refuse("/gpus", message, "lower `tensor_parallel_size`, or give the guest more cards");
        }
    }
    for (name, value) in &config.environment {
        if !render::is_variable(name, value) {
            let message = format!("`{name}` cannot be a variable, or not with this value");
            problems.refuse(
                "/environment",
                message,
                "use letters, digits and underscores, and no control characters",
            );
        }
    }
    problems
}

fn environment(config: &Config) -> Vec<String> {
    let own = [("HF_HOME", format!("{}/huggingface", config.model_dir)), ("HOME", config.model_dir.clone())];
    let own = own.into_iter().filter(|(name, _)| !config.environment.contains_key(*name));
    let own = own.map(|(name, value)| format!("{name}={value}"));
    own.chain(config.environment.iter().map(|(name, value)| format!("{name}={value}"))).collect()
}

/// Returns where the server says whether it is healthy.
fn health(engine: &Engine) -> String {
    let scheme = if engine.get("ssl-certfile").is_some() { "https" } else { "http" };
    let host = engine.text("host").unwrap_or_default();
    format!("{scheme}://{}/health", from_inside(host, engine.number("port", 8000)))
}
