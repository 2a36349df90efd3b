//! Stacks: what guests run is there, and each compose file finds its variables and volumes.

use std::collections::BTreeSet;

use phoenix_core::GuestKind;
use regex_lite::Regex;
use serde_json::Value;

use super::Check;
use crate::model::{Entry, Spot, StackFiles};

pub(super) fn check(check: &mut Check<'_>) {
    let names: BTreeSet<&String> = check.model.stacks.keys().collect();
    let mut placed: BTreeSet<String> = BTreeSet::new();
    for guest in check.guests {
        let Entry::Vm(vm) = guest.entry else { continue };
        for (index, stack) in vm.docker_stacks.iter().enumerate() {
            placed.insert(stack.clone());
            if !names.contains(stack) {
                let spot = guest.spot.at(&format!("docker_stacks/{index}"));
                let near = crate::shape::nearest(stack, names.iter().map(|name| name.as_str()));
                let hint = near.map_or_else(
                    || format!("add `stacks/{stack}/docker-compose.yml`"),
                    |near| format!("did you mean `{near}`?"),
                );
                check.error(&spot, "dangling-stack", format!("there is no stack `{stack}`"), hint);
            }
        }
    }
    let stacks = &check.model.stacks;
    for (name, files) in stacks {
        one(check, name, files, placed.contains(name));
    }
}

fn one(check: &mut Check<'_>, name: &str, files: &StackFiles, is_placed: bool) {
    let Some(compose) = files.compose_file.clone() else {
        let spot = Spot::new(&files.manifest_file, "");
        let message = format!("the stack `{name}` has no compose file");
        check.error(&spot, "missing-compose", message, format!("add `stacks/{name}/docker-compose.yml`"));
        return;
    };
    if !is_placed && check.model.declared.values().flatten().any(|(kind, _)| *kind == GuestKind::Vm) {
        let spot = Spot::new(&compose, "");
        check.note(
            &spot,
            "unplaced-stack",
            format!("no virtual machine runs the stack `{name}`"),
            "name it in `docker_stacks` of one",
        );
    }
    let Some(document) = check.sources.document(&compose) else { return };
    let value = document.value.clone();
    if let Some(volumes) = value.get("volumes").and_then(Value::as_object) {
        for (volume, options) in volumes {
            if options.get("external").and_then(Value::as_bool) == Some(true) {
                let spot = Spot::new(&compose, format!("/volumes/{volume}"));
                let message =
                    format!("the volume `{volume}` is external: it must be there before the stack starts");
                check.note(&spot, "external-volume", message, "remove `external: true` and compose makes it");
            }
        }
    }
    let defined: BTreeSet<String> = files
        .manifest
        .iter()
        .filter_map(|manifest| manifest.environments.get("production"))
        .flat_map(|environment| environment.variables.iter().map(|variable| variable.name.clone()))
        .collect();
    let mut reported = BTreeSet::new();
    for (pointer, text) in strings(&value, String::new()) {
        for variable in variables(&text) {
            if !defined.contains(&variable) && reported.insert(variable.clone()) {
                let spot = Spot::new(&compose, pointer.clone());
                let message = format!(
                    "the compose file uses `${{{variable}}}`, which the manifest does not set for `production`"
                );
                let hint =
                    format!("add `{{ \"name\": \"{variable}\", \"value\": \"…\" }}` to its `variables`");
                check.error(&spot, "undefined-variable", message, hint);
            }
        }
    }
    let services = value.get("services").and_then(Value::as_object);
    for (environment, settings) in files.manifest.iter().flat_map(|manifest| &manifest.environments) {
        for service in settings.services.keys() {
            if services.is_some_and(|services| !services.contains_key(service)) {
                let spot = Spot::new(
                    &files.manifest_file,
                    format!("/environments/{environment}/services/{service}"),
                );
                let message = format!("the compose file of `{name}` has no service `{service}`");
                check.error(&spot, "unknown-service", message, "name one of its services");
            }
        }
        for (index, file) in settings.files.iter().enumerate() {
            let spot =
                Spot::new(&files.manifest_file, format!("/environments/{environment}/files/{index}/source"));
            missing_source(check, &spot, &format!("stacks/{name}"), &file.source);
        }
    }
}

pub(super) fn missing_source(check: &mut Check<'_>, spot: &Spot, folder: &str, source: &str) {
    let candidates = [check.model.dir.join(folder).join(source), check.model.dir.join(source)];
    if !candidates.iter().any(|path| path.is_file()) {
        check.error(
            spot,
            "dangling-file",
            format!("there is no file `{source}`"),
            format!("put it under `{folder}`, or remove this"),
        );
    }
}

/// `$$` is compose's way to write a dollar sign; a default after `:-` or `-` needs no definition.
fn variables(text: &str) -> Vec<String> {
    let text = text.replace("$$", "");
    let Ok(pattern) = Regex::new(r"\$\{([A-Za-z_][A-Za-z0-9_]*)([^}]*)\}|\$([A-Za-z_][A-Za-z0-9_]*)") else {
        return Vec::new();
    };
    pattern
        .captures_iter(&text)
        .filter(|found| found.get(2).is_none_or(|rest| !rest.as_str().starts_with([':', '-', '+'])))
        .filter_map(|found| found.get(1).or(found.get(3)).map(|name| name.as_str().to_owned()))
        .collect()
}

/// Returns every text of a value with its pointer.
pub(super) fn strings(value: &Value, pointer: String) -> Vec<(String, String)> {
    match value {
        Value::String(text) => vec![(pointer, text.clone())],
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(index, item)| strings(item, format!("{pointer}/{index}")))
            .collect(),
        Value::Object(map) => map
            .iter()
            .flat_map(|(key, item)| strings(item, format!("{pointer}/{}", crate::source::escape(key))))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}
