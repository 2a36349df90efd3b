//! Reboots: those of all features of a host become one, which comes when all is done that need not wait for it; and where
//! nobody has asked for it, it is held with all that stands behind it.

use std::collections::{BTreeMap, BTreeSet};

use super::request::Reboots;
use crate::{
    action::Action,
    id::{ResourceId, StepId},
    plan::{Phase, Plan, Step},
};

/// Who reboots a host on behalf of its features.
const OWNER: &str = "host";

/// Returns the reboots among some steps, and all that stands behind them.
pub(super) fn behind(steps: &[Step]) -> BTreeSet<StepId> {
    let mut found: BTreeSet<StepId> =
        steps.iter().filter(|step| is_reboot(step)).map(|step| step.id.clone()).collect();
    // Once a step: a longer way than there are steps is none.
    for _ in 0..steps.len() {
        let more: Vec<StepId> = steps
            .iter()
            .filter(|step| !found.contains(&step.id) && !step.after.is_disjoint(&found))
            .map(|step| step.id.clone())
            .collect();
        if more.is_empty() {
            break;
        }
        found.extend(more);
    }
    found
}

/// Returns the one reboot of a resource that stands for those of its features, if there are any: behind these steps, and behind
/// all that each of them waits for.
pub(super) fn merged(id: &ResourceId, behind: &[Vec<Step>], ends: &BTreeSet<StepId>) -> Option<Step> {
    let reboots: Vec<&Step> = behind.iter().flatten().filter(|step| is_reboot(step)).collect();
    let first = reboots.first()?;
    let reasons: Vec<&str> = reboots.iter().map(|step| step.reason.as_str()).collect();
    let mut step = Step::new(id, OWNER, "reboot", Phase::Provision, first.action.clone(), reasons.join("; "));
    let late: BTreeSet<&StepId> = behind.iter().flatten().map(|step| &step.id).collect();
    let awaited = reboots.iter().flat_map(|step| &step.after).filter(|after| !late.contains(after));
    step.after = awaited.cloned().chain(ends.iter().cloned()).collect();
    Some(step)
}

/// Takes a feature's own reboots out of its steps, and has what waits for them wait for the one of the resource.
pub(super) fn redirect(steps: &mut Vec<Step>, id: &ResourceId) {
    let own: BTreeSet<StepId> =
        steps.iter().filter(|step| is_reboot(step)).map(|step| step.id.clone()).collect();
    let one = StepId::new(id, OWNER, "reboot");
    steps.retain(|step| !own.contains(&step.id));
    for step in steps {
        if !step.after.is_disjoint(&own) {
            step.after.retain(|after| !own.contains(after));
            step.after.insert(one.clone());
        }
    }
}

/// Has each reboot wait for every step that does not wait for one: nothing is under way while a host goes down. Tells whether
/// there is any.
pub(super) fn puts_last(steps: &mut [Step]) -> bool {
    let late = behind(steps);
    let early: BTreeSet<StepId> =
        steps.iter().map(|step| &step.id).filter(|id| !late.contains(*id)).cloned().collect();
    // Of two hosts, the second goes down when the first is back.
    let mut before = early;
    let reboots: Vec<StepId> =
        steps.iter().filter(|step| is_reboot(step)).map(|step| step.id.clone()).collect();
    let index: BTreeMap<StepId, usize> =
        steps.iter().enumerate().map(|(at, step)| (step.id.clone(), at)).collect();
    for id in &reboots {
        let Some(at) = index.get(id) else { continue };
        steps[*at].after.extend(before.iter().cloned());
        before.insert(id.clone());
    }
    !reboots.is_empty()
}

/// Holds the reboots of a plan, and what stands behind them, unless they are asked for.
pub(super) fn held(mut plan: Plan, reboots: Reboots) -> Plan {
    if reboots == Reboots::Perform {
        return plan;
    }
    let late = behind(&plan.steps);
    (plan.held, plan.steps) = plan.steps.into_iter().partition(|step| late.contains(&step.id));
    plan
}

fn is_reboot(step: &Step) -> bool {
    matches!(step.action, Action::Reboot { .. })
}
