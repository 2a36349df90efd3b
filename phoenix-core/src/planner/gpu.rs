//! The memory of graphics cards: the shares that the features of all guests declare, added up card by card. Nobody can
//! have more than the card, and a guest that comes too late would find nothing left.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    claim::Claim,
    diagnostic::{Diagnostic, Diagnostics},
    id::ResourceId,
};

/// Who takes how much of a card.
type Users<'a> = Vec<(&'a ResourceId, u32)>;

/// Adds the shares among these claims to those of a guest, by the card's number.
pub(super) fn add(shares: &mut BTreeMap<u32, u32>, claims: &[Claim]) {
    for claim in claims {
        if let Claim::GpuMemory { gpu, percent } = claim {
            let share = shares.entry(*gpu).or_default();
            *share = share.saturating_add(*percent);
        }
    }
}

/// Returns a finding for each card of which more is declared than there is. Templates do not run, and a number means
/// another card on another node.
pub(super) fn check<'a>(
    guests: impl Iterator<Item = (&'a ResourceId, Value, &'a BTreeMap<u32, u32>)>,
    place: impl Fn(&ResourceId, Diagnostic) -> Diagnostic,
) -> Diagnostics {
    let mut cards: BTreeMap<(Option<String>, u32), Users<'_>> = BTreeMap::new();
    for (id, spec, shares) in guests.filter(|(_, spec, shares)| !shares.is_empty() && !is_template(spec)) {
        let node = spec.pointer("/guest/node").and_then(Value::as_str).map(str::to_owned);
        for (gpu, percent) in shares {
            cards.entry((node.clone(), *gpu)).or_default().push((id, *percent));
        }
    }
    let mut findings = Diagnostics::new();
    for ((node, gpu), users) in cards {
        let sum: u64 = users.iter().map(|(_, percent)| u64::from(*percent)).sum();
        let Some((last, _)) = users.last().filter(|_| sum > 100) else { continue };
        let of = node.map_or_else(String::new, |node| format!(" of `{node}`"));
        let users: Vec<String> = users.iter().map(|(id, percent)| format!("`{id}` {percent} %")).collect();
        let message = format!("{sum} % of the memory of GPU {gpu}{of} are taken: {}", users.join(", "));
        let finding = Diagnostic::error("gpu-memory", message)
            .with_hint("give each a smaller share (`vllm`: `gpu_memory_utilization`), or another GPU");
        findings.push(place(last, finding));
    }
    findings
}

fn is_template(spec: &Value) -> bool {
    spec.pointer("/guest/template").and_then(Value::as_bool).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn templates_do_not_count_and_every_node_has_cards_of_its_own() {
        let ids: Vec<ResourceId> = (100..104).map(|vmid| crate::GuestId::lxc(vmid).resource()).collect();
        let shares = BTreeMap::from([(0, 70)]);
        let found = |specs: [Value; 4]| {
            let guests = ids.iter().zip(specs).map(|(id, spec)| (id, spec, &shares));
            let found = check(guests, |_, finding| finding);
            found.iter().map(|finding| finding.message.clone()).collect::<Vec<_>>()
        };
        let on = |node: &str| json!({"guest": {"node": node}});
        let template = json!({"guest": {"node": "a", "template": true}});
        assert_eq!(found([on("a"), on("b"), template.clone(), json!({})]), Vec::<String>::new());
        assert_eq!(
            found([on("a"), on("b"), on("a"), template]),
            ["140 % of the memory of GPU 0 of `a` are taken: `lxc/100` 70 %, `lxc/102` 70 %"]
        );
    }
}
