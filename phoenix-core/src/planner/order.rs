//! Order: sorts steps so that each stands behind those that it waits for, the same way for the same steps.

use std::collections::{BTreeMap, BTreeSet};

use super::Resolved;
use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    id::StepId,
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
