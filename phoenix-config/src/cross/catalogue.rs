//! The predecessor's catalogue of stacks: what it says and the manifests do not.

use super::{Check, stack::missing_source};
use crate::{
    format::stack::Stack,
    model::{STACKS_FILE, Spot},
};

pub(super) fn check(check: &mut Check<'_>) {
    let Some(catalogue) = &check.model.catalogue else { return };
    for (name, stack) in &catalogue.docker_stacks {
        let spot = Spot::new(STACKS_FILE, format!("/docker_stacks/{name}"));
        if let Some(path) = &stack.compose_file_path
            && !check.model.dir.join(path).is_file()
        {
            let message = format!("there is no compose file `{path}`");
            check.error(
                &spot.at("compose_file_path"),
                "dangling-file",
                message,
                format!("the one that is used is `stacks/{name}/docker-compose.yml`"),
            );
        }
        for (environment, settings) in &stack.environments {
            for (index, file) in settings.files.iter().enumerate() {
                let at = spot.at(&format!("environments/{environment}/files/{index}/source"));
                missing_source(check, &at, &format!("stacks/{name}"), &file.source);
            }
        }
        match check
            .model
            .stacks
            .get(name)
            .and_then(|files| files.manifest.as_ref().map(|manifest| (files, manifest)))
        {
            Some((files, manifest)) => {
                let file = files.manifest_file.clone();
                compare(check, name, &spot, stack, manifest, &file);
            }
            None => {
                let message = format!("the stack `{name}` is only in the catalogue, which nothing reads");
                check.warning(&spot, "stacks-disagree", message, format!("add `stacks/{name}/phoenix.json`"));
            }
        }
    }
}

fn compare(check: &mut Check<'_>, name: &str, spot: &Spot, stack: &Stack, manifest: &Stack, file: &str) {
    for (environment, settings) in &stack.environments {
        let at = spot.at(&format!("environments/{environment}"));
        let Some(own) = manifest.environments.get(environment) else {
            let message = format!("the manifest of `{name}` has no environment `{environment}`");
            check.warning(&at, "stacks-disagree", message, format!("`{file}` is what holds"));
            continue;
        };
        let names = |stack: &crate::format::stack::Environment| {
            stack.variables.iter().map(|variable| variable.name.clone()).collect::<Vec<_>>()
        };
        if names(settings) != names(own) {
            let message = format!("the manifest of `{name}` has other variables for `{environment}`");
            check.warning(&at.at("variables"), "stacks-disagree", message, format!("`{file}` is what holds"));
        }
        for (service, labels) in &settings.services {
            let theirs = own.services.get(service).map(|service| &service.traefik_labels);
            if theirs != Some(&labels.traefik_labels) {
                let message = format!("the manifest of `{name}` has other labels for `{service}`");
                check.warning(
                    &at.at(&format!("services/{service}/traefik_labels")),
                    "stacks-disagree",
                    message,
                    format!("`{file}` is what holds"),
                );
            }
        }
    }
}
