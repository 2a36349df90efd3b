//! Order: sorts steps so that each stands behind those that it waits for, the same way for the same steps; and the
//! features of a guest.

use std::collections::{BTreeMap, BTreeSet};

use super::{Resolved, resolve::Installed};
use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    id::{ResourceId, StepId},
    plan::{Phase, Step},
};

/// Sorts steps: by the rank of their resources, then phase, then id, as far as their order allows. Reports edges to
/// steps that are not there, and cycles.
pub(crate) fn sort(steps: Vec<Step>, resolved: &Resolved) -> Result<Vec<Step>, Diagnostics> {
    let index: BTreeMap<&StepId, usize> = steps.iter().enumerate().map(|(i, step)| (&step.id, i)).collect();
    let mut findings = Diagnostics::new();
    let mut waiting: Vec<usize> = vec![0; steps.len()];
    let mut dependents: Vec<Vec<usize>> = vec![Vec::new(); steps.len()];
    for (own, step) in steps.iter().enumerate() {
        for after in &step.after {
            match index.get(after) {
                Some(&other) => {
                    dependents[other].push(own);
                    waiting[own] += 1;
                }
                None => findings.push(
                    Diagnostic::error(
                        "unknown-edge",
                        format!("`{}` waits for `{after}`, which is not in the plan", step.id),
                    )
                    .with_hint("this is a fault of the manager or feature that made it"),
                ),
            }
        }
    }
    findings.into_result(())?;
    let key = |i: usize| -> (usize, Phase, usize) {
        // Steps of shared things (a template that several guests need) belong to no resource: they go first.
        let rank = resolved.get(&steps[i].resource).map_or(0, |item| item.rank + 1);
        (rank, steps[i].phase, i)
    };
    let mut ready: BTreeSet<(usize, Phase, usize)> =
        (0..steps.len()).filter(|&i| waiting[i] == 0).map(key).collect();
    let mut sorted = Vec::with_capacity(steps.len());
    while let Some((_, _, own)) = ready.pop_first() {
        sorted.push(own);
        for &other in &dependents[own] {
            waiting[other] -= 1;
            if waiting[other] == 0 {
                ready.insert(key(other));
            }
        }
    }
    if sorted.len() < steps.len() {
        let stuck: Vec<_> = (0..steps.len())
            .filter(|&i| waiting[i] > 0)
            .take(8)
            .map(|i| format!("`{}`", steps[i].id))
            .collect();
        return Err(Diagnostic::error(
            "step-cycle",
            format!("these steps wait for each other: {}", stuck.join(", ")),
        )
        .with_hint("this is a fault of the manager or feature that made them")
        .into());
    }
    let mut steps: Vec<Option<Step>> = steps.into_iter().map(Some).collect();
    Ok(sorted.into_iter().filter_map(|i| steps[i].take()).collect())
}

/// Puts features behind those that their descriptors name; otherwise they are in the order of their names, so that
/// the order in the file does not change the plan.
pub(crate) fn features(id: &ResourceId, mut left: Vec<Installed>) -> Result<Vec<Installed>, Diagnostics> {
    left.sort_by(|a, b| a.feature.descriptor().name.cmp(&b.feature.descriptor().name));
    let mut done: Vec<Installed> = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let waits = |one: &Installed| {
            let after = &one.feature.descriptor().after;
            left.iter().any(|other| after.contains(&other.feature.descriptor().name))
        };
        match left.iter().position(|one| !waits(one)) {
            Some(index) => done.push(left.remove(index)),
            None => {
                let names: Vec<_> =
                    left.iter().map(|one| format!("`{}`", one.feature.descriptor().name)).collect();
                let text =
                    format!("the features {} of `{id}` each want to go after the other", names.join(", "));
                return Err(Diagnostic::error("feature-cycle", text).into());
            }
        }
    }
    Ok(done)
}
