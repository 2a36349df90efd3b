//! What a compose file says of its services, as far as it must be known whether all of them run.

use std::collections::BTreeSet;

use saphyr::{LoadableYamlNode, Yaml};

/// Returns the services that run as long as their stack does; or what is wrong with the file. A service that another one
/// waits for until it has completed ends by itself, and one of a profile or of scale 0 is not begun.
pub(crate) fn services(text: &str) -> Result<BTreeSet<String>, String> {
    let documents = Yaml::load_from_str(text).map_err(|error| format!("is not YAML: {error}"))?;
    let services = documents.first().and_then(|root| root.as_mapping_get("services"));
    let services = services.and_then(Yaml::as_mapping).ok_or("has no `services`")?;
    let completed: BTreeSet<&str> = services
        .iter()
        .filter_map(|(_, service)| service.as_mapping_get("depends_on")?.as_mapping())
        .flat_map(|awaited| awaited.iter())
        .filter(|(_, how)| text_of(how, "condition") == Some("service_completed_successfully"))
        .filter_map(|(name, _)| name.as_str())
        .collect();
    let mut running = BTreeSet::new();
    for (name, service) in services {
        let name = name.as_str().ok_or("has a service whose name is no text")?;
        if !completed.contains(name) && !is_idle(service) {
            running.insert(name.to_owned());
        }
    }
    Ok(running)
}

fn is_idle(service: &Yaml<'_>) -> bool {
    let zero = |value: Option<&Yaml<'_>>| value.and_then(Yaml::as_integer) == Some(0);
    let deploy = service.as_mapping_get("deploy");
    service
        .as_mapping_get("profiles")
        .is_some_and(|profiles| profiles.as_sequence().is_some_and(|all| !all.is_empty()))
        || zero(service.as_mapping_get("scale"))
        || zero(deploy.and_then(|deploy| deploy.as_mapping_get("replicas")))
}

fn text_of<'y>(value: &'y Yaml<'_>, key: &str) -> Option<&'y str> {
    value.as_mapping_get(key)?.as_str()
}

#[cfg(test)]
mod tests {
    use super::services;

    #[test]
    fn services_that_run_are_told_from_those_that_end_or_are_not_begun() {
        let text = "
services:
  web:
    image: web:1
    depends_on:
      migrate: { condition: service_completed_successfully }
      database: { condition: service_started }
  database: { image: db:1 }
  migrate: { image: web:1 }
  tools: { image: t:1, profiles: [debug] }
  spare: { image: s:1, deploy: { replicas: 0 } }
  idle: { image: s:1, scale: 0 }
";
        assert_eq!(services(text).unwrap().into_iter().collect::<Vec<_>>(), ["database", "web"]);
        assert_eq!(services("{\"services\": {\"a\": {}}}").unwrap().len(), 1);
    }

    #[test]
    fn what_is_no_compose_file_is_said() {
        assert!(services("services: [").unwrap_err().starts_with("is not YAML"));
        for text in ["", "services:", "a: b", "services: [a]"] {
            assert_eq!(services(text).unwrap_err(), "has no `services`", "{text}");
        }
    }
}
