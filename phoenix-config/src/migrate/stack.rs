//! The manifests of stacks, with what only the catalogue knew.

use serde_json::{Value, json};

use super::{draft::Draft, rules};
use crate::{
    format::stack::Environment,
    model::{Entry, STACKS_FILE},
    secret,
};

pub(super) fn clean(draft: &mut Draft<'_>) {
    let model = draft.model;
    if model.catalogue.is_some() {
        let why = "nothing ever read it; variables that only it had are in the manifests now";
        draft.explain(STACKS_FILE, "/docker_stacks", "left the file out", why);
    }
    for (name, files) in &model.stacks {
        let file = files.manifest_file.to_string();
        let Some(manifest) = &files.manifest else { continue };
        draft.remove(&file, "/$schema", "its schema is the predecessor's");
        for environment in manifest.environments.keys() {
            let base = format!("/environments/{environment}");
            let known = model
                .catalogue
                .as_ref()
                .and_then(|all| all.docker_stacks.get(name)?.environments.get(environment));
            if let Some(known) = known {
                variables(draft, &file, name, environment, known);
            }
            labels(draft, &file, name, &base);
            let pointer = format!("{base}/firewall_rules");
            rules::clean(draft, &file, &pointer, &pointer, None);
        }
    }
}

fn variables(draft: &mut Draft<'_>, file: &str, name: &str, environment: &str, known: &Environment) {
    for (index, variable) in known.variables.iter().enumerate() {
        let old = format!("/docker_stacks/{name}/environments/{environment}/variables/{index}/value");
        let value = match secret::is_secret_name(&variable.name) && secret::is_plain(&variable.value) {
            true => format!("env:{}", draft.variable(STACKS_FILE, &old)),
            false => variable.value.clone(),
        };
        let pointer = format!("/environments/{environment}");
        let Some(target) = draft.object(file, &pointer) else { continue };
        let list = target.entry("variables").or_insert_with(|| json!([]));
        let has = list.as_array().is_some_and(|list| {
            list.iter().any(|other| other.get("name").and_then(Value::as_str) == Some(&variable.name))
        });
        if let Some(list) = list.as_array_mut().filter(|_| !has) {
            list.push(json!({ "name": variable.name, "value": value }));
            let what = format!("moved the variable `{}` to `{file}`", variable.name);
            draft.explain(
                STACKS_FILE,
                &old,
                what,
                "the catalogue was never read, and the stack needs its variables",
            );
        }
    }
}

/// Labels that name what the reverse proxy does not have, or another port than the guest's route, are set right.
fn labels(draft: &mut Draft<'_>, file: &str, stack: &str, base: &str) {
    let routes: Vec<(String, u32)> = draft
        .model
        .guests()
        .iter()
        .filter(
            |guest| matches!(guest.entry, Entry::Vm(vm) if vm.docker_stacks.iter().any(|name| name == stack)),
        )
        .filter_map(|guest| guest.traefik.map(|route| (route.name.clone(), route.port)))
        .collect();
    for pointer in
        crate::cross::key_matches(draft.files.get(file), &format!("{base}/services/*/traefik_labels"))
    {
        let Some(old) = draft.files.get(file).and_then(|root| root.pointer(&pointer)?.as_array().cloned())
        else {
            continue;
        };
        let mut kept: Vec<Value> = Vec::new();
        for (index, label) in old.iter().enumerate() {
            let text = label.as_str().unwrap_or_default();
            let (key, value) = text.split_once('=').unwrap_or((text, ""));
            let place = format!("{pointer}/{index}");
            if key.ends_with(".entrypoints") && value != "web" {
                kept.push(json!(format!("{key}=web")));
                draft.explain(
                    file,
                    &place,
                    format!("replaced the entry point `{value}` by `web`"),
                    "the reverse proxy has no other; the gateway ends TLS",
                );
            } else if key.ends_with(".tls") || key.contains(".tls.") {
                draft.explain(
                    file,
                    &place,
                    format!("removed `{text}`"),
                    "the gateway ends TLS, and the reverse proxy has no such resolver",
                );
            } else if let Some((_, port)) = routes.iter().find(|(route, port)| {
                key == format!("traefik.http.services.{route}.loadbalancer.server.port")
                    && value != port.to_string()
            }) {
                kept.push(json!(format!("{key}={port}")));
                draft.explain(
                    file,
                    &place,
                    format!("replaced port {value} by {port}"),
                    "the route of the guest leads to that port",
                );
            } else if let Some((_, port)) = routes.iter().find(|(route, port)| {
                key == format!("traefik.http.services.{route}.loadbalancer.server.scheme")
                    && value == "http"
                    && [443, 9443].contains(port)
            }) {
                kept.push(json!(format!("{key}=https")));
                draft.explain(file, &place, "replaced `http` by `https`", format!("port {port} speaks TLS"));
            } else {
                kept.push(label.clone());
            }
        }
        if let Some(value) = draft.files.get_mut(file).and_then(|root| root.pointer_mut(&pointer)) {
            *value = Value::Array(kept);
        }
    }
}
