//! Cycles: nothing may wait for itself, by way of clones or dependencies. The whole cycle is named.

use std::collections::{BTreeMap, BTreeSet};

use super::Check;
use crate::model::Spot;

pub(super) fn check(check: &mut Check<'_>) {
    let mut edges: BTreeMap<u32, Vec<(u32, Spot)>> = BTreeMap::new();
    for guest in check.guests {
        let targets = edges.entry(guest.id.vmid.0).or_default();
        targets.extend(guest.clone.as_ref().map(|clone| (clone.source, clone.spot.clone())));
        targets.extend(guest.dependencies.iter().cloned());
        targets.retain(|(target, _)| *target != guest.id.vmid.0);
    }
    let mut done = BTreeSet::new();
    let mut reported = BTreeSet::new();
    for &start in edges.keys() {
        // An explicit stack: a long chain of guests must not end the program.
        let mut path: Vec<(u32, usize)> = vec![(start, 0)];
        while let Some((at, next)) = path.last().copied() {
            let Some((target, spot)) = edges.get(&at).and_then(|targets| targets.get(next)) else {
                done.insert(at);
                path.pop();
                continue;
            };
            if let Some(last) = path.last_mut() {
                last.1 += 1;
            }
            if done.contains(target) {
                continue;
            }
            if let Some(from) = path.iter().position(|(id, _)| id == target) {
                let cycle: Vec<u32> = path[from..].iter().map(|(id, _)| *id).collect();
                if reported.insert(cycle.iter().copied().collect::<BTreeSet<_>>()) {
                    report(check, &cycle, spot);
                }
            } else {
                path.push((*target, 0));
            }
        }
    }
}

fn report(check: &mut Check<'_>, cycle: &[u32], spot: &Spot) {
    let mut names: Vec<String> = cycle.iter().map(u32::to_string).collect();
    names.extend(cycle.first().map(u32::to_string));
    let message = format!("these guests wait for each other: {}", names.join(" → "));
    check.error(spot, "cycle", message, "remove one of these dependencies");
}
