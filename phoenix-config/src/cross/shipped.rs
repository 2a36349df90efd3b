//! The predecessor's schemas: what they refuse although Phoenix takes it, for whoever still checks files with them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Check;
use crate::{
    model::{HYPERVISOR_FILE, LXC_FILE, STACKS_FILE, Spot, VM_FILE},
    shape::{Shape, Strictness},
    source::last_key,
};

/// The schemas that the predecessor shipped.
pub(crate) const FILES: [&str; 5] = [
    "phoenix_lxc_configs.schema.json",
    "phoenix_vm_configs.schema.json",
    STACKS_SCHEMA,
    "hypervisor_config.schema.json",
    "phoenix_hypervisor_config.schema.json",
];

const STACKS_SCHEMA: &str = "phoenix_stacks_config.schema.json";

pub(super) fn check(check: &mut Check<'_>) {
    let pairs = FILES.into_iter().zip([LXC_FILE, VM_FILE, STACKS_FILE, HYPERVISOR_FILE, HYPERVISOR_FILE]);
    for (schema, file) in pairs {
        hold(check, schema, "", file);
    }
    let manifests: Vec<String> =
        check.model.stacks.values().map(|files| files.manifest_file.to_string()).collect();
    for manifest in manifests {
        hold(check, STACKS_SCHEMA, "/properties/docker_stacks/patternProperties/^[a-zA-Z0-9_-]+$", &manifest);
    }
}

fn hold(check: &mut Check<'_>, schema_file: &str, pointer: &str, file: &str) {
    let Some(root) = check.sources.document(schema_file).map(|document| document.value.clone()) else {
        return;
    };
    let Some(document) = check.sources.document(file) else { return };
    let Some(schema) = root.pointer(pointer).filter(|_| document.value.is_object()) else { return };
    let mut shape = Shape::new(&root, &document.file, Strictness::Shipped);
    shape.check(schema, &document.value, "");
    let mut undescribed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for pointer in shape.undescribed {
        undescribed.entry(last_key(&pointer)).or_default().push(pointer);
    }
    for mut finding in shape.findings {
        let own = finding.hint.take().map(|hint| format!(" ({hint})")).unwrap_or_default();
        check.findings.push(
            finding.with_hint(format!(
                "remove `{schema_file}`; `phoenix schema` prints the one that holds{own}"
            )),
        );
    }
    // A schema that describes next to nothing would only name every key there is.
    let described = schema.get("properties").and_then(Value::as_object).map_or(0, serde_json::Map::len);
    let at_top = undescribed.values().flatten().filter(|place| place.matches('/').count() == 1).count();
    if described < 3 && at_top > 3 {
        let message =
            format!("`{schema_file}` describes {described} of {} keys of this file", described + at_top);
        check.note(
            &Spot::new(file, ""),
            "schema-undescribed",
            message,
            "`phoenix schema` prints the one that holds",
        );
        return;
    }
    for (key, places) in undescribed {
        let spots = places.iter().map(|place| Spot::new(file, place.clone())).collect();
        if let Some(first) = check.first(spots) {
            let message = format!("`{schema_file}` does not describe `{key}` ({} times)", places.len());
            check.note(
                &first,
                "schema-undescribed",
                message,
                "Phoenix knows it; `phoenix schema` prints the schema that holds",
            );
        }
    }
}
