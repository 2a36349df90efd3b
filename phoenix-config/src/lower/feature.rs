//! Features of a guest: old spellings, what is known but not built yet, and what other keys of the entry tell them.

use phoenix_core::{Diagnostic, FeatureUse, GuestId};
use serde_json::{Map, Value, json};

use super::{Context, setup};
use crate::{
    format::feature::FeatureEntry,
    model::{Entry, Guest, HYPERVISOR_FILE, Spot},
    shape::nearest,
};

/// The feature that is the lab's authority, and where that keeps its root.
const AUTHORITY: &str = "step-ca";
const ROOT: &str = "/etc/step-ca/certs/root_ca.crt";

/// The features that Phoenix has or will have, without those of the host itself.
const KNOWN: [&str; 18] = [
    "base-setup",
    "dnsmasq",
    "trusted-ca",
    "step-cli",
    "step-ca",
    "gpu",
    "docker",
    "vllm",
    "ollama",
    "llama-cpp",
    "traefik",
    "nfs-mounts",
    "nfs-server",
    "nginx",
    "portainer",
    "python-api-service",
    "qdrant",
    "volume-directories",
];

/// Goes through the features that Phoenix has or will have.
pub(crate) fn known_features() -> impl Iterator<Item = &'static str> {
    KNOWN.into_iter().chain(setup::FEATURES.into_iter().filter(|name| !KNOWN.contains(name)))
}

/// Returns the name that a feature has today.
pub(crate) fn canonical(name: &str) -> String {
    match name {
        "nvidia" => "gpu".to_owned(),
        "llamacpp" | "llama_cpp" => "llama-cpp".to_owned(),
        _ => name.replace('_', "-"),
    }
}

/// Returns the features that a guest shall have and that are registered.
pub(super) fn uses(context: &mut Context<'_>, guest: &Guest<'_>) -> Vec<FeatureUse> {
    let mut uses: Vec<FeatureUse> = Vec::new();
    for (index, entry) in guest.features.iter().enumerate() {
        let spot = guest.spot.at(&format!("features/{index}"));
        let Some(name) = known(context, entry.name(), &spot) else { continue };
        if uses.iter().any(|other| other.name == name) {
            let finding =
                Diagnostic::error("duplicate-feature", format!("the feature `{name}` is given twice"))
                    .with_hint("remove one of them");
            context.findings.push(spot.put(finding));
            continue;
        }
        let mut config = match entry {
            FeatureEntry::Name(_) => Map::new(),
            FeatureEntry::Configured(feature) => feature.config.clone(),
        };
        complete(context, guest, &name, &mut config);
        uses.push(FeatureUse { name, config: Value::Object(config), path: spot.pointer.clone() });
    }
    // Passing a GPU through is the `gpu` feature's work, also where the driver itself comes from the layer below.
    if let Some(devices) = gpus(guest)
        && !uses.iter().any(|other| other.name == "gpu")
    {
        let spot = guest.spot.at("gpu_assignment");
        let mut config = Map::from_iter([("devices".to_owned(), json!(devices))]);
        complete(context, guest, "gpu", &mut config);
        uses.push(FeatureUse { name: "gpu".to_owned(), config: Value::Object(config), path: spot.pointer });
    }
    uses.retain(|feature| {
        let is_registered = context.registered.contains(&feature.name);
        if !is_registered {
            let spot = Spot { file: guest.spot.file.clone(), pointer: feature.path.clone() };
            let finding = Diagnostic::warning(
                "feature-unavailable",
                format!(
                    "the feature `{}` is not built yet; `{}` comes up without it",
                    feature.name, guest.name
                ),
            );
            context.findings.push(spot.put(finding.with_hint("a later release of Phoenix brings it")));
        }
        is_registered
    });
    uses
}

/// Returns the features that the host itself shall have and that are registered.
pub(super) fn of_host(context: &mut Context<'_>) -> Vec<FeatureUse> {
    let mut uses = Vec::new();
    for (index, entry) in context.model.hypervisor.features.iter().enumerate() {
        let spot = Spot::new(HYPERVISOR_FILE, format!("/features/{index}"));
        let Some(name) = known(context, entry.name(), &spot) else { continue };
        let config = match entry {
            FeatureEntry::Name(_) => Map::new(),
            FeatureEntry::Configured(feature) => feature.config.clone(),
        };
        uses.push(FeatureUse { name, config: Value::Object(config), path: spot.pointer });
    }
    uses
}

/// Returns the name that a feature has today, and reports an old or unknown one.
fn known(context: &mut Context<'_>, given: &str, spot: &Spot) -> Option<String> {
    let exists = |name: &str| known_features().any(|one| one == name) || context.registered.contains(name);
    if exists(given) {
        return Some(given.to_owned());
    }
    let name = canonical(given);
    if exists(&name) {
        let finding =
            Diagnostic::warning("old-spelling", format!("`{given}` is the old spelling of `{name}`"))
                .with_hint(format!("write `\"{name}\"`"));
        context.findings.push(spot.put(finding));
        return Some(name);
    }
    let known: Vec<&str> = known_features().collect();
    let all = known.iter().copied().chain(context.registered.iter().map(String::as_str));
    let hint = match nearest(&name, all) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known: {}", known.join(", ")),
    };
    let finding =
        Diagnostic::error("unknown-feature", format!("there is no feature `{given}`")).with_hint(hint);
    context.findings.push(spot.put(finding));
    None
}

/// Adds what the host and other keys of the entry say to a feature's configuration, where it says nothing itself.
fn complete(context: &Context<'_>, guest: &Guest<'_>, name: &str, config: &mut Map<String, Value>) {
    let mut add = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            config.entry(key).or_insert(value);
        }
    };
    match (name, guest.entry) {
        ("base-setup", _) => {
            add("timezone", context.host.timezone.as_deref().map(Value::from));
            add("locale", Some(Value::from("en_US.UTF-8")));
        }
        ("gpu", Entry::Lxc(_)) => {
            add("devices", gpus(guest).map(Value::from));
            add("driver_version", context.model.lxc.nvidia_driver_version.clone().map(Value::from));
        }
        ("vllm", Entry::Lxc(lxc)) => {
            add("engine", lxc.vllm_engine_config.as_ref().map(|engine| json!(engine)));
            add("gpus", gpus(guest).map(Value::from));
        }
        ("ollama" | "llama-cpp", _) => add("gpus", gpus(guest).map(Value::from)),
        ("step-ca", _) => {
            let domain = context.host.domain.as_deref();
            let name =
                domain.map_or_else(|| guest.name.to_owned(), |domain| format!("{}.{domain}", guest.name));
            let names = std::iter::once(name).chain(address(guest));
            add("dns", Some(names.collect()));
        }
        // The lab's own authority is known by the guest that it lives in: nothing has to be written twice.
        ("trusted-ca", _) => add(
            "certificates",
            authority(context, guest)
                .map(|(id, _)| json!([{ "name": AUTHORITY, "from": { "guest": id, "path": ROOT } }])),
        ),
        ("step-cli", _) if !config.contains_key("ca_url") && !config.contains_key("root") => {
            if let Some((id, url)) = authority(context, guest) {
                config.insert("ca_url".to_owned(), Value::from(url));
                config.insert("root".to_owned(), json!({ "guest": id, "path": ROOT }));
            }
        }
        _ => {}
    }
}

/// Returns another guest that the authority of the lab lives in, and where it answers there.
fn authority(context: &Context<'_>, guest: &Guest<'_>) -> Option<(GuestId, String)> {
    let has = |other: &&Guest<'_>| other.features.iter().any(|entry| canonical(entry.name()) == AUTHORITY);
    let found = context.guests.iter().filter(|other| !other.is_template).find(has)?;
    // Whoever stands below it cannot wait for it.
    let is_other = found.id != guest.id && !guest.is_template;
    is_other.then(|| Some((found.id, format!("https://{}:9000", address(found)?))))?
}

/// Returns a guest's own address, if it is a fixed one.
fn address(guest: &Guest<'_>) -> Option<String> {
    let (network, _) = guest.networks.first()?;
    let (address, _) = network.ip.as_deref()?.split_once('/')?;
    Some(address.to_owned())
}

fn gpus(guest: &Guest<'_>) -> Option<Vec<u32>> {
    let Entry::Lxc(lxc) = guest.entry else { return None };
    let text = lxc.gpu_assignment.as_deref().filter(|text| *text != "none")?;
    Some(text.split(',').filter_map(|gpu| gpu.trim().parse().ok()).collect())
}
