//! Portainer and its stacks: the features of its server and its agents, and the resource `stacks/production` with what
//! runs where, from the roles and lists of virtual machines and the files below `stacks/`.

use std::collections::BTreeMap;

use phoenix_core::{Declared, Desired, Diagnostic, FeatureUse, ResourceId, SecretRef};
use serde_json::{Map, Value, json};

use super::{Context, canonical_feature};
use crate::{
    format::{
        feature::FeatureEntry,
        vm::{PortainerRole, Vm},
    },
    model::{Entry, Guest, HYPERVISOR_FILE, Spot, StackFiles},
    source::Sources,
};

/// The environment of the manifests that runs.
const PRODUCTION: &str = "production";
const AGENT_PORT: u32 = 9001;

/// A virtual machine and what it is for Portainer.
type Part<'a> = (&'a Guest<'a>, &'a Vm);

/// Adds Portainer's features and the stacks to what is desired.
pub(super) fn derive(context: &mut Context<'_>, sources: &Sources, desired: &mut Desired) {
    let parts: Vec<Part<'_>> = context
        .guests
        .iter()
        .filter_map(|guest| match guest.entry {
            Entry::Vm(vm) if !guest.is_template => Some((guest, vm)),
            Entry::Vm(_) | Entry::Lxc(_) => None,
        })
        .collect();
    let of = |role: PortainerRole| -> Vec<Part<'_>> {
        parts.iter().filter(|(_, vm)| vm.portainer_role == Some(role)).copied().collect()
    };
    let (servers, agents) = (of(PortainerRole::Primary), of(PortainerRole::Agent));
    for (guest, vm) in parts.iter().filter(|(_, vm)| !vm.docker_stacks.is_empty()) {
        let is_reached = matches!(vm.portainer_role, Some(PortainerRole::Primary | PortainerRole::Agent));
        if !is_reached || servers.is_empty() {
            let message = format!("no Portainer runs the stacks of `{}`", guest.name);
            let hint = "give it \"portainer_role\": \"agent\", and one virtual machine \"primary\"";
            warn(context, &guest.spot.at("docker_stacks"), "stack-without-portainer", message, hint);
        }
    }
    for (guest, _) in servers.iter().skip(1) {
        let finding =
            Diagnostic::error("several-servers", "there are several servers of Portainer".to_owned());
        let hint = "one is `primary`; the others are `agent`";
        context.findings.push(guest.spot.at("portainer_role").put(finding.with_hint(hint)));
    }
    let Some(server) = servers.first().copied() else { return };
    if !context.registered.contains("portainer") || !context.registered.contains("portainer-stacks") {
        return;
    }
    let Some(settings) = settings(context, server, &agents) else { return };
    install(context, desired, server.0, settings.server(server.0));
    for agent in &agents {
        install(context, desired, agent.0, settings.agent(context, agent.0));
    }
    let stacks = stacks(context, sources, server, &agents);
    let mut environments = Map::new();
    for (guest, vm) in &agents {
        let host = address(guest).or(vm.portainer_agent_hostname.as_deref()).unwrap_or(guest.name);
        let url = format!("tcp://{host}:{}", agent_port(context));
        environments.insert(environment_name(guest, vm), json!({ "kind": "agent", "url": url }));
    }
    let own = environment_name(server.0, server.1);
    if stacks.values().any(|stack| stack["environment"] == own.as_str()) {
        environments.insert(own, json!({ "kind": "local" }));
    }
    let config = json!({
        "name": settings.name, "admin_user": settings.user, "admin_password": settings.password.to_string(),
        "environments": environments, "stacks": stacks,
    });
    let spec = json!({
        "name": PRODUCTION, "server": server.0.id,
        "agents": agents.iter().map(|(guest, _)| guest.id).collect::<Vec<_>>(),
    });
    let path = format!("{}/portainer_role", server.0.spot.pointer);
    let features = vec![FeatureUse { name: "portainer-stacks".to_owned(), config, path: path.clone() }];
    let declared = Declared { spec, features, file: server.0.spot.file.clone(), path };
    desired.resources.insert(ResourceId::new("stacks", PRODUCTION), declared);
}

/// What the host's file says of Portainer.
struct Settings {
    name: String,
    user: String,
    password: SecretRef,
    agent_secret: Option<SecretRef>,
    server_image: (String, bool),
    agent_image: (String, bool),
}

impl Settings {
    fn server(&self, guest: &Guest<'_>) -> FeatureUse {
        let (image, pull) = &self.server_image;
        self.part(
            guest,
            json!({
                "role": "server", "image": image, "pull": pull, "admin_password": self.password.to_string(),
            }),
        )
    }

    fn agent(&self, context: &Context<'_>, guest: &Guest<'_>) -> FeatureUse {
        let (image, pull) = &self.agent_image;
        self.part(
            guest,
            json!({ "role": "agent", "image": image, "pull": pull, "port": agent_port(context) }),
        )
    }

    /// Returns a part that a guest has in Portainer.
    fn part(&self, guest: &Guest<'_>, mut config: Value) -> FeatureUse {
        if let Some(secret) = &self.agent_secret {
            config["agent_secret"] = json!(secret.to_string());
        }
        FeatureUse {
            name: "portainer".to_owned(),
            config,
            path: format!("{}/portainer_role", guest.spot.pointer),
        }
    }
}

/// Returns what the host's file says of Portainer. What is missing in it is told of, and then Portainer is left out.
fn settings(context: &mut Context<'_>, server: Part<'_>, agents: &[Part<'_>]) -> Option<Settings> {
    let file = &context.model.hypervisor;
    let api = file.portainer_api.clone().unwrap_or_default();
    let docker = file.docker.clone().unwrap_or_default();
    let reference = |text: &Option<String>| text.clone().and_then(|text| SecretRef::try_from(text).ok());
    let password = reference(&api.admin_password);
    let agent_secret = reference(&api.agent_secret);
    let server_image = image(docker.portainer_server_image, &[server]);
    let agent_image = image(docker.portainer_agent_image, agents);
    let has_agents = !agents.is_empty();
    let lacking = [
        (
            password.is_none(),
            "portainer_api.admin_password",
            "a reference to a secret of at least 12 characters",
        ),
        (
            has_agents && agent_secret.is_none(),
            "portainer_api.agent_secret",
            "a reference to the secret of its agents",
        ),
        (
            server_image.is_none(),
            "docker.portainer_server_image",
            "the image, with tag and digest: `NAME:TAG@sha256:…`",
        ),
        (
            has_agents && agent_image.is_none(),
            "docker.portainer_agent_image",
            "the image, with tag and digest: `NAME:TAG@sha256:…`",
        ),
    ];
    let lacking: Vec<_> = lacking.iter().filter(|(is_missing, ..)| *is_missing).collect();
    for (_, key, what) in &lacking {
        let message = format!("Portainer is left out: `{key}` does not give {what}");
        let hint = format!(
            "add it to `{HYPERVISOR_FILE}`; an image can also be one that `images` of `docker` loads"
        );
        warn(context, &server.0.spot.at("portainer_role"), "portainer-incomplete", message, &hint);
    }
    if !lacking.is_empty() {
        return None;
    }
    let domain = context.host.domain.as_deref();
    let own = domain.map_or_else(|| server.0.name.to_owned(), |domain| format!("{}.{domain}", server.0.name));
    Some(Settings {
        name: api.portainer_hostname.unwrap_or(own),
        user: api.admin_user.unwrap_or_else(|| "admin".to_owned()),
        password: password?,
        agent_secret,
        server_image: server_image?,
        agent_image: agent_image.unwrap_or_default(),
    })
}

/// Returns an image and whether it is pulled, if it is always the same: by its digest, or because each of these guests
/// loads it from a pinned archive.
fn image(name: Option<String>, guests: &[Part<'_>]) -> Option<(String, bool)> {
    let name = name?;
    if name.contains("@sha256:") {
        return Some((name, true));
    }
    let loads = |(guest, _): &Part<'_>| {
        guest.features.iter().any(|entry| match entry {
            FeatureEntry::Configured(feature) if canonical_feature(&feature.name) == "docker" => {
                feature.config.get("images").is_some_and(|images| images.get(&name).is_some())
            }
            FeatureEntry::Configured(_) | FeatureEntry::Name(_) => false,
        })
    };
    guests.iter().all(loads).then_some((name, false))
}

/// Adds a feature to a guest that has none of that name, and Docker before it.
fn install(context: &Context<'_>, desired: &mut Desired, guest: &Guest<'_>, feature: FeatureUse) {
    let Some(declared) = desired.resources.get_mut(&guest.id.resource()) else { return };
    let has = |declared: &Declared, name: &str| declared.features.iter().any(|one| one.name == name);
    if !has(declared, "docker") && context.registered.contains("docker") {
        let docker = FeatureUse { name: "docker".to_owned(), config: json!({}), path: feature.path.clone() };
        declared.features.push(docker);
    }
    if !has(declared, &feature.name) {
        declared.features.push(feature);
    }
}

/// Returns the stacks of a server and its agents, by name.
fn stacks(
    context: &mut Context<'_>,
    sources: &Sources,
    server: Part<'_>,
    agents: &[Part<'_>],
) -> BTreeMap<String, Value> {
    let mut all: BTreeMap<String, Value> = BTreeMap::new();
    for (guest, vm) in std::iter::once(&server).chain(agents) {
        for (index, name) in vm.docker_stacks.iter().enumerate() {
            let spot = guest.spot.at(&format!("docker_stacks/{index}"));
            let Some(files) = context.model.stacks.get(name) else { continue };
            let Some(document) = files.compose_file.as_deref().and_then(|file| sources.document(file)) else {
                continue;
            };
            if is_portainer(&document.value) {
                let message =
                    format!("the stack `{name}` is Portainer itself, which the feature `portainer` runs");
                let finding = Diagnostic::note("stack-is-portainer", message);
                context.findings.push(spot.put(finding.with_hint("take it out of `docker_stacks`")));
                continue;
            }
            if all.contains_key(name) {
                let message = format!("the stack `{name}` is given to two virtual machines");
                let finding = Diagnostic::error("stack-placed-twice", message);
                let hint = "give one of them a copy of another name";
                context.findings.push(spot.put(finding.with_hint(hint)));
                continue;
            }
            let compose = match files_of(context, &spot, name, files) {
                contents if contents.is_empty() => document.text().to_owned(),
                contents => with_files(&document.value, &contents),
            };
            let stack = json!({
                "environment": environment_name(guest, vm), "compose": compose, "variables": variables(files),
            });
            all.insert(name.clone(), stack);
        }
    }
    all
}

/// Tells whether a compose file runs Portainer's server.
fn is_portainer(compose: &Value) -> bool {
    let services = compose["services"].as_object().into_iter().flatten();
    services
        .filter_map(|(_, service)| service["image"].as_str())
        .any(|image| image.contains("portainer/portainer-"))
}

fn variables(files: &StackFiles) -> Map<String, Value> {
    let manifest = files.manifest.as_ref().and_then(|manifest| manifest.environments.get(PRODUCTION));
    let variables = manifest.iter().flat_map(|environment| &environment.variables);
    let value = |text: &str| match SecretRef::try_from(text.to_owned()) {
        Ok(secret) => json!({ "secret": secret.to_string() }),
        Err(_) => json!(text),
    };
    variables.map(|variable| (variable.name.clone(), value(&variable.value))).collect()
}

/// Returns the files of a stack: where each is put, and what it holds. They go into the compose file, so that they reach
/// the Docker that it runs in on the same way.
fn files_of(context: &mut Context<'_>, spot: &Spot, name: &str, files: &StackFiles) -> Vec<(String, String)> {
    let manifest = files.manifest.as_ref().and_then(|manifest| manifest.environments.get(PRODUCTION));
    let mut contents = Vec::new();
    for file in manifest.iter().flat_map(|environment| &environment.files) {
        let beside = context.model.dir.join("stacks").join(name).join(&file.source);
        let path = if beside.is_file() { beside } else { context.model.dir.join(&file.source) };
        match std::fs::read_to_string(&path) {
            Ok(text) => contents.push((file.destination_in_container.clone(), text)),
            // One that is not there is reported where the manifest names it.
            Err(_) if !path.exists() => {}
            Err(error) => {
                let message = format!("the file `{}` of the stack `{name}` is no text: {error}", file.source);
                let finding = Diagnostic::error("unreadable-file", message);
                context.findings.push(spot.put(finding.with_hint("put what is no text into the image")));
            }
        }
    }
    contents
}

/// Returns a compose file whose services have these files. What is JSON is YAML as well.
fn with_files(compose: &Value, files: &[(String, String)]) -> String {
    let mut compose = compose.clone();
    for (index, (target, text)) in files.iter().enumerate() {
        let source = format!("phoenix-{index}");
        // A dollar sign would begin a variable.
        compose["configs"][&source] = json!({ "content": text.replace('$', "$$") });
        for (_, service) in compose["services"].as_object_mut().into_iter().flatten() {
            if let Some(service) = service.as_object_mut()
                && let Some(configs) = service.entry("configs").or_insert_with(|| json!([])).as_array_mut()
            {
                configs.push(json!({ "source": source, "target": target }));
            }
        }
    }
    format!("{compose:#}\n")
}

fn environment_name(guest: &Guest<'_>, vm: &Vm) -> String {
    vm.portainer_environment_name.clone().unwrap_or_else(|| guest.name.to_owned())
}

fn agent_port(context: &Context<'_>) -> u32 {
    context
        .model
        .hypervisor
        .network
        .as_ref()
        .and_then(|network| network.portainer_agent_port)
        .unwrap_or(AGENT_PORT)
}

/// Returns a guest's own address, if it is a fixed one.
fn address<'a>(guest: &Guest<'a>) -> Option<&'a str> {
    let (network, _) = guest.networks.first()?;
    Some(network.ip.as_deref()?.split_once('/')?.0)
}

fn warn(context: &mut Context<'_>, spot: &Spot, code: &str, message: String, hint: &str) {
    context.findings.push(spot.put(Diagnostic::warning(code, message).with_hint(hint)));
}
