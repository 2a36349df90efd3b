//! Services of stacks: what their manifests say in labels of the reverse proxy.

use std::collections::BTreeMap;

use phoenix_core::{
    Network,
    network::{Reach, Scheme, Service},
};

use super::plane::origin;
use crate::{
    format::stack::Service as StackService,
    model::{Entry, Guest, Model, Spot},
};

/// The environment that runs.
const ENVIRONMENT: &str = "production";

/// Returns the services of the stacks that a guest runs.
pub(super) fn services(model: &Model, network: &Network, guest: &Guest<'_>) -> Vec<Service> {
    let Entry::Vm(vm) = guest.entry else { return Vec::new() };
    let mut all = Vec::new();
    for stack in &vm.docker_stacks {
        let Some(files) = model.stacks.get(stack) else { continue };
        let Some(manifest) = &files.manifest else { continue };
        let Some(environment) = manifest.environments.get(ENVIRONMENT) else { continue };
        for (name, service) in &environment.services {
            let spot = Spot::new(
                &files.manifest_file,
                format!("/environments/{ENVIRONMENT}/services/{}", crate::source::escape(name)),
            );
            all.extend(routed(network, guest, service, &spot));
        }
    }
    all
}

/// Returns what the labels of one service of a stack publish.
fn routed(network: &Network, guest: &Guest<'_>, service: &StackService, spot: &Spot) -> Vec<Service> {
    let labels: BTreeMap<&str, &str> =
        service.traefik_labels.iter().filter_map(|label| label.split_once('=')).collect();
    if labels.get("traefik.enable").is_some_and(|enabled| *enabled != "true") {
        return Vec::new();
    }
    let routers = labels.iter().filter_map(|(key, rule)| {
        let name = key.strip_prefix("traefik.http.routers.")?.strip_suffix(".rule")?;
        Some((name, *rule))
    });
    let published = |(name, rule): (&str, &str)| {
        // A router that names no service has that of its own name.
        let target = labels.get(&*format!("traefik.http.routers.{name}.service")).copied().unwrap_or(name);
        let of_server = |key: &str| {
            labels.get(&*format!("traefik.http.services.{target}.loadbalancer.server.{key}")).copied()
        };
        let hosts = hosts(rule);
        (!hosts.is_empty()).then(|| {
            Some(Service {
                origin: origin(spot),
                name: name.to_owned(),
                guest: guest.id,
                port: of_server("port")?.parse().ok()?,
                hosts: hosts.iter().map(|host| full(network, host)).collect(),
                scheme: if of_server("scheme") == Some("https") { Scheme::Https } else { Scheme::Http },
                reach: Reach::Proxied,
                outside: true,
                from: Vec::new(),
                health: "/".to_owned(),
            })
        })?
    };
    routers.filter_map(published).collect()
}

/// Returns the host names of a rule such as ``Host(`a.example.org`) || Host(`b.example.org`)``.
fn hosts(rule: &str) -> Vec<String> {
    let calls = rule.split("Host(").skip(1).filter_map(|rest| rest.split_once(')'));
    calls
        .flat_map(|(arguments, _)| arguments.split(','))
        .map(|name| name.trim().trim_matches(['`', '"', '\'']).to_lowercase())
        .filter(|name| !name.is_empty())
        .collect()
}

fn full(network: &Network, host: &str) -> String {
    if host.contains('.') { host.to_owned() } else { network.name(host) }
}

#[cfg(test)]
mod tests {
    use super::hosts;

    #[test]
    fn the_names_of_a_rule_are_those_of_all_its_hosts() {
        assert_eq!(hosts("Host(`a.example.org`)"), ["a.example.org"]);
        assert_eq!(
            hosts("Host(`A.example.org`, `b.example.org`) || Host(`c`)"),
            ["a.example.org", "b.example.org", "c"]
        );
        assert!(hosts("PathPrefix(`/x`)").is_empty());
    }
}
