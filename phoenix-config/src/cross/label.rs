//! Labels of stacks: routes of the reverse proxy must name what it has, and say the same as the guest.

use std::collections::BTreeSet;

use super::Check;
use crate::{
    format::feature::FeatureEntry,
    format::stack::Stack,
    lower::canonical_feature,
    model::{Entry, STACKS_FILE, Spot},
};

/// What Traefik has without any configuration of a guest: the entry point of plain HTTP and its own.
const ENTRYPOINTS: [&str; 2] = ["web", "traefik"];

pub(super) fn check(check: &mut Check<'_>) {
    let entrypoints = defined(check, "entrypoints");
    let resolvers = defined(check, "resolvers");
    let stacks = &check.model.stacks;
    for (name, files) in stacks {
        if let Some(manifest) = &files.manifest {
            labels(check, &Spot::new(&files.manifest_file, ""), manifest, &entrypoints, &resolvers);
            ports(check, name, &Spot::new(&files.manifest_file, ""), manifest);
        }
    }
    let catalogue = check.model.catalogue.iter().flat_map(|catalogue| &catalogue.docker_stacks);
    for (name, stack) in catalogue {
        let spot = Spot::new(STACKS_FILE, format!("/docker_stacks/{name}"));
        labels(check, &spot, stack, &entrypoints, &resolvers);
    }
}

/// Returns what features `traefik` define beyond what is always there.
fn defined(check: &Check<'_>, key: &str) -> BTreeSet<String> {
    let features = check.guests.iter().flat_map(|guest| guest.features);
    let of_features = features.filter_map(|feature| match feature {
        FeatureEntry::Configured(feature) if canonical_feature(&feature.name) == "traefik" => {
            feature.config.get(key)?.as_array().cloned()
        }
        FeatureEntry::Configured(_) | FeatureEntry::Name(_) => None,
    });
    let mut names: BTreeSet<String> =
        of_features.flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect();
    if key == "entrypoints" {
        names.extend(ENTRYPOINTS.map(str::to_owned));
    }
    names
}

/// Goes through the labels of a stack with their places.
fn all_labels(spot: &Spot, stack: &Stack) -> Vec<(Spot, String, String)> {
    let mut all = Vec::new();
    for (environment, settings) in &stack.environments {
        for (service, labels) in &settings.services {
            for (index, label) in labels.traefik_labels.iter().enumerate() {
                let at =
                    spot.at(&format!("environments/{environment}/services/{service}/traefik_labels/{index}"));
                if let Some((key, value)) = label.split_once('=') {
                    all.push((at, key.to_owned(), value.to_owned()));
                }
            }
        }
    }
    all
}

fn labels(
    check: &mut Check<'_>,
    spot: &Spot,
    stack: &Stack,
    entrypoints: &BTreeSet<String>,
    resolvers: &BTreeSet<String>,
) {
    for (at, key, value) in all_labels(spot, stack) {
        if key.ends_with(".entrypoints") {
            for name in value.split(',').map(str::trim).filter(|name| !entrypoints.contains(*name)) {
                let known: Vec<&str> = entrypoints.iter().map(String::as_str).collect();
                let message =
                    format!("no reverse proxy defines the entry point `{name}`, so it drops the route");
                let hint = format!(
                    "write one of {}, or define it in `entrypoints` of the feature `traefik`",
                    known.join(", ")
                );
                check.warning(&at, "undefined-entrypoint", message, hint);
            }
        } else if key.ends_with(".tls.certresolver") && !resolvers.contains(&value) {
            let message = format!("no reverse proxy defines the certificate resolver `{value}`");
            check.warning(
                &at,
                "undefined-resolver",
                message,
                "remove it, or define it in `resolvers` of the feature `traefik`",
            );
        }
    }
}

/// The route of the guest and the label of the stack in it must lead to the same port.
fn ports(check: &mut Check<'_>, name: &str, spot: &Spot, stack: &Stack) {
    let guests = check.guests;
    let runs = |entry: Entry<'_>| matches!(entry, Entry::Vm(vm) if vm.docker_stacks.iter().any(|stack| stack == name));
    for guest in guests.iter().filter(|guest| runs(guest.entry)) {
        let Some(route) = guest.traefik else { continue };
        for (at, key, value) in all_labels(spot, stack) {
            let is_port = key == format!("traefik.http.services.{}.loadbalancer.server.port", route.name);
            if is_port && value.parse() != Ok(route.port) {
                let other = check.line(&guest.spot.at("traefik_service/port"));
                let message = format!(
                    "the label sends `{}` to port {value}, the route of {} to port {}",
                    route.name, guest.id.vmid, route.port
                );
                check.warning(
                    &at,
                    "route-mismatch",
                    message,
                    format!("write the same port here and in {other}"),
                );
            }
        }
    }
}
