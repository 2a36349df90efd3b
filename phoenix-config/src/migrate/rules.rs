//! Firewall rules: one of each, and none open to everybody that is not a gateway's.

use serde_json::{Value, json};

use super::draft::Draft;
use crate::{
    cross::{same_effect, subsumes},
    format::firewall::Rule,
};

/// Cleans the rules at `pointer`, which stood at `old` in the old file. Rules of `brought` (a stack's) go too.
pub(super) fn clean(draft: &mut Draft<'_>, file: &str, pointer: &str, old: &str, brought: Option<&[Rule]>) {
    let Some(value) = draft.files.get(file).and_then(|root| root.pointer(pointer)).cloned() else { return };
    let Ok(rules) = serde_json::from_value::<Vec<Rule>>(value) else { return };
    let net = draft.host_net().map(|net| net.trunc().to_string());
    let mut kept: Vec<Value> = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let place = format!("{old}/{index}");
        if brought.is_some_and(|brought| brought.iter().any(|other| same_effect(other, rule))) {
            draft.explain(file, &place, "removed a firewall rule", "a stack in this guest brings it itself");
            continue;
        }
        if let Some(first) = rules[..index].iter().position(|earlier| subsumes(earlier, rule)) {
            let why = format!("rule {first} of the same list already does all that it does");
            draft.explain(file, &place, "removed a firewall rule", why);
            continue;
        }
        let mut value = json!(rule);
        let port = rule.port.clone().unwrap_or_default();
        let is_open = value["type"] == "in" && value["action"] == "ACCEPT" && rule.source.is_none();
        if let Some(net) =
            net.as_ref().filter(|_| is_open && !["80", "443", "80,443"].contains(&port.as_str()))
        {
            value["source"] = json!(net);
            draft.explain(
                file,
                &place,
                format!("limited port {port} to {net}"),
                "it was open to every address",
            );
        }
        kept.push(value);
    }
    if let Some(value) = draft.files.get_mut(file).and_then(|root| root.pointer_mut(pointer)) {
        *value = Value::Array(kept);
    }
}
