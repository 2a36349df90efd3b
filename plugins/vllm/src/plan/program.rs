//! What is started: a virtual environment of its own for each version, or an image.

use phoenix_core::{Condition, Draft, Expect, Probe, StepId, draft::Command};

use crate::config::{Config, VERSION};

const ROOT: &str = "/opt/vllm";

/// A program that is in place once its steps are done.
pub(super) struct Program {
    /// Its command line.
    pub(super) argv: Vec<String>,
    /// What puts it in place.
    pub(super) steps: Vec<StepId>,
}

pub(super) fn draft(draft: &mut Draft<'_>, config: &Config, words: Vec<String>) -> Program {
    match &config.image {
        Some(image) => container(draft, config, image, words),
        None => environment(draft, config, words),
    }
}

fn environment(draft: &mut Draft<'_>, config: &Config, words: Vec<String>) -> Program {
    let python = format!("python{}", config.python);
    let (venv, headers) = (format!("{python}-venv"), format!("{python}-dev"));
    // Kernels are compiled when they are first needed: that takes a compiler and Python's headers.
    let needed = ["build-essential", "ca-certificates", "curl", venv.as_str(), headers.as_str()];
    let packages = draft.packages(needed, []);
    let user = draft.account(&config.user, &[], []);
    let models = draft.directory("make-model-dir", &config.model_dir, (0o750, &config.user), [user.clone()]);
    let root = draft.directory("make-root", ROOT, (0o755, "root"), []);
    let folder = format!("{ROOT}/{}", config.version);
    let interpreter = format!("{folder}/bin/python");
    let made = Condition::new(Probe::file(draft.site(), &interpreter), Expect::Present);
    let make = Command::new([python.as_str(), "-m", "venv", &folder], made, format!("`{folder}` is missing"));
    let made = draft.run("make-environment", make, [packages.clone(), root.clone()]);
    let ask = "import importlib.metadata as m; print(m.version('vllm'))";
    let told = Probe::command(draft.site(), [interpreter.as_str(), "-c", ask]);
    let proof = Condition::new(told, Expect::SaysLine { line: config.version.clone() });
    let mut argv = vec![interpreter, "-m".to_owned(), "pip".to_owned(), "install".to_owned()];
    argv.extend(["--no-input", "--no-cache-dir", "--disable-pip-version-check"].map(str::to_owned));
    let sources = [
        ("--index-url", &config.packages.index_url),
        ("--extra-index-url", &config.packages.extra_index_url),
        ("--find-links", &config.packages.find_links),
    ];
    for (option, value) in sources {
        argv.extend(value.iter().map(|value| format!("{option}={value}")));
    }
    argv.push(format!("vllm=={}", config.version));
    argv.extend(config.packages.requirements.iter().cloned());
    let install = Command::new(argv, proof, format!("vLLM {} is not installed", config.version));
    let installed = draft.run("install-vllm", install, [made.clone()]);
    let argv = [format!("{folder}/bin/vllm"), "serve".to_owned()].into_iter().chain(words).collect();
    let steps = [packages, user, models, root, made, installed].into_iter().flatten().collect();
    Program { argv, steps }
}

fn container(draft: &mut Draft<'_>, config: &Config, image: &str, words: Vec<String>) -> Program {
    let packages = draft.packages(["curl"], []);
    let models = draft.directory("make-model-dir", &config.model_dir, (0o755, "root"), []);
    let there = Condition::new(
        Probe::command(draft.site(), ["docker", "image", "inspect", "--format", "present", image]),
        Expect::SaysLine { line: "present".to_owned() },
    );
    let pull = Command::new(["docker", "pull", "--quiet", image], there, format!("`{image}` is not here"));
    let pulled = draft.run("pull-image", pull, []);
    let mount = format!("{0}:{0}", config.model_dir);
    let mut argv: Vec<String> =
        ["/usr/bin/docker", "run", "--rm", "--name", "vllm", "--network=host", "--ipc=host"]
            .map(str::to_owned)
            .to_vec();
    // By the Container Device Interface, which the feature `gpu` describes the cards for.
    argv.extend(["--device=nvidia.com/gpu=all".to_owned(), format!("--volume={mount}")]);
    let own = ["HF_HOME", "HOME"].into_iter().filter(|name| !config.environment.contains_key(*name));
    let names = own.map(str::to_owned).chain(config.environment.keys().cloned());
    let secrets = [("HF_TOKEN", &config.hf_token), ("VLLM_API_KEY", &config.api_key)];
    let secret = secrets.into_iter().filter(|(_, secret)| secret.is_some()).map(|(name, _)| name.to_owned());
    // A name alone: the value comes from the environment of the unit.
    argv.extend(names.chain(secret).map(|name| format!("--env={name}")));
    argv.push(image.to_owned());
    argv.extend(words);
    Program { argv, steps: [packages, models, pulled].into_iter().flatten().collect() }
}

/// Refuses options that the installed version does not have, where it is another one than this feature knows.
pub(super) fn known(draft: &mut Draft<'_>, config: &Config, argv: &[String]) {
    if config.image.is_some() || config.version == VERSION {
        return;
    }
    let program = format!("{ROOT}/{}/bin/vllm", config.version);
    let Some(help) = draft.output([program.as_str(), "serve", "--help=all"]) else { return };
    for word in argv.iter().filter(|word| word.starts_with("--")) {
        let option = word.split('=').next().unwrap_or(word);
        let is_end = |letter: char| !letter.is_ascii_alphanumeric() && letter != '-';
        if !help.split(is_end).any(|known| known == option) {
            let message = format!("vLLM {} has no option `{option}`", config.version);
            draft.refuse("/engine", message, format!("take it out, or use vLLM {VERSION}"));
        }
    }
}
