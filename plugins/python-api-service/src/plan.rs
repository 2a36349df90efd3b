//! The feature itself: for each service an account, a virtual environment with exactly what is pinned, its files, a unit,
//! and its own word that it is ready.

use std::collections::BTreeSet;

use phoenix_core::{
    Content, Descriptor, Draft, Feature, Recipe, StepId,
    draft::{Command, File, Service as Unit},
    render::{systemd, systemd_argument},
};
use schemars::schema_for;

use crate::config::{Config, Service};

const NAME: &str = "python-api-service";

/// Returns the feature for the registry.
pub fn feature() -> Box<dyn Feature> {
    let about = "runs HTTP services in Python, each in a virtual environment of its own";
    let descriptor = Descriptor::new(NAME, about, schema_for!(Config));
    let descriptor = descriptor.after(["base-setup", "trusted-ca"]);
    Box::new(Recipe::new(descriptor, draft).checked_by(Config::problems))
}

fn draft(draft: &mut Draft<'_>, config: &Config) {
    let packages = draft.packages(["curl", "python3", "python3-pip", "python3-venv"], []);
    for (name, service) in &config.services {
        serve(draft, name, service, packages.clone());
    }
}

fn serve(draft: &mut Draft<'_>, name: &str, service: &Service, packages: Option<StepId>) {
    let (account, home) = (format!("api-{name}"), format!("/opt/{name}"));
    let made = draft.account(&account, &[], []);
    let directory = draft.directory(&format!("make-{name}"), &home, (0o755, "root"), []);
    let installed = environment(draft, name, service, [packages, directory.clone()]);
    let mut reads = BTreeSet::new();
    let mut changes = vec![installed.clone(), made.clone()];
    for (path, text) in &service.files {
        let path = format!("{home}/{path}");
        let verb = format!("write-{name}-{}", slug(&path[home.len() + 1..]));
        changes.push(draft.write(&verb, File::text(&path, text.clone()), [directory.clone()]));
        reads.insert(path);
    }
    let secrets = format!("/etc/phoenix/{name}");
    for (variable, secret) in &service.secret_files {
        let path = format!("{secrets}/{variable}");
        let file = File::text(&path, "").holding(Content::Secret(secret.clone()));
        let file = file.with_mode(0o400).owned_by(&account);
        changes.push(draft.write(&format!("write-{name}-{}", slug(variable)), file, [made.clone()]));
        reads.insert(path);
    }
    let (unit, unit_file) = (format!("{name}.service"), format!("/etc/systemd/system/{name}.service"));
    let text = unit_text(name, service);
    changes.push(draft.write(&format!("write-{name}-unit"), File::text(&unit_file, text), []));
    reads.extend([unit_file, format!("{home}/.venv/requirements.txt")]);
    let up = draft.service(&Unit::new(&unit, reads), changes);
    if let Some(health) = &service.health {
        let argv = ["curl", "-fsS", "-o", "/dev/null", "--max-time", "5", health];
        let ready = draft.succeeds(argv);
        draft.wait(&format!("ready-{name}"), ready, 120, format!("`{health}` answers"), [up]);
    }
}

/// Makes the virtual environment and has exactly the pinned packages in it.
fn environment(
    draft: &mut Draft<'_>,
    name: &str,
    service: &Service,
    after: [Option<StepId>; 2],
) -> Option<StepId> {
    let venv = format!("/opt/{name}/.venv");
    let python = format!("{venv}/bin/python");
    let proof = draft.succeeds([python.as_str(), "-c", "import pip"]);
    let make = Command::new(
        ["python3", "-m", "venv", "--clear", &venv],
        proof,
        format!("`{venv}` is no virtual environment"),
    );
    let made = draft.run(&format!("make-{name}-venv"), make, after);
    let list = format!("{venv}/requirements.txt");
    let mut text: String =
        service.requirements.iter().map(|requirement| format!("{requirement}\n")).collect();
    text.insert_str(0, "# Written by Phoenix (feature python-api-service).\n");
    let written = draft.write(&format!("write-{name}-requirements"), File::text(&list, text), [made.clone()]);
    if service.requirements.is_empty() {
        return written.or(made);
    }
    let mut argv = vec![python.as_str(), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"];
    match service.index.as_deref() {
        Some(path) if path.starts_with('/') => argv.extend(["--no-index", "--find-links", path]),
        Some(index) => argv.extend(["--index-url", index]),
        None => {}
    }
    argv.extend(["-r", &list]);
    // pip would install nothing more: that is how it says that each is there in its version.
    let mut check = vec![python.as_str(), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"];
    check.extend(["--no-index", "--no-deps", "--dry-run", "-r", &list]);
    let proof = draft.succeeds(check);
    let install = Command::new(argv, proof, format!("`{venv}` has not what is pinned")).again();
    let installed = draft.run(&format!("install-{name}"), install, [made, written.clone()]);
    installed.or(written)
}

fn unit_text(name: &str, service: &Service) -> String {
    let home = format!("/opt/{name}");
    let mut command = systemd_argument(&format!("{home}/.venv/bin/{}", service.command[0]));
    for word in &service.command[1..] {
        command.push(' ');
        command.push_str(&systemd_argument(word));
    }
    let own = service.environment.iter().map(|(key, value)| format!("{key}={value}"));
    let secret = service.secret_files.keys().map(|key| format!("{key}=/etc/phoenix/{name}/{key}"));
    let environment: String =
        own.chain(secret).map(|line| format!("Environment={}\n", systemd(&line))).collect();
    format!(
        "[Unit]
Description={name}
After=network-online.target
Wants=network-online.target

[Service]
WorkingDirectory={home}
Environment=PYTHONUNBUFFERED=1
{environment}ExecStart={command}
User=api-{name}
Group=api-{name}
NoNewPrivileges=true
ProtectSystem=full
ProtectHome=true
PrivateTmp=true
Restart=on-failure
RestartSec=2

[Install]
WantedBy=multi-user.target
"
    )
}

/// Returns a part of a step's name for a path.
fn slug(path: &str) -> String {
    path.chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' })
        .collect()
}
