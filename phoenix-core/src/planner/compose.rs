//! Composing: asks managers and features for the steps of each resource in scope, and ties them together: phases
//! within a resource, features one after the other, requirements between resources.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Resolved, Standing, ahead, provision,
    request::{Intent, Leftovers, Rebuild, Request, Strays},
    resolve::Item,
    take_back, undeclared,
};
use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    facts::Facts,
    guest::Power,
    id::{ResourceId, StepId},
    lifecycle::Lifecycle,
    manager::{Planned, Provision, Undeclared},
    plan::{Phase, Step},
    resource::{Requirement, Stage},
};

/// The steps of all resources in scope, not yet tied to those of others.
pub(crate) struct Drafts {
    by_resource: BTreeMap<ResourceId, Draft>,
    ranked: Vec<ResourceId>,
    /// Steps on storages, for guests out of scope.
    ahead: Vec<Step>,
    notes: Diagnostics,
}

pub(super) struct Draft {
    pub(super) steps: Vec<Step>,
    pub(super) outdated: Option<String>,
    pub(super) stands_on: Option<ResourceId>,
}

/// Asks for the steps of every resource in scope. Diagnostics of all of them come at once.
pub(crate) fn draft(
    resolved: &Resolved,
    request: &Request,
    scope: &BTreeSet<ResourceId>,
    facts: &Facts,
) -> Result<Drafts, Diagnostics> {
    let mut findings = Diagnostics::new();
    let ranked: Vec<_> = resolved.ids().filter(|id| scope.contains(id)).cloned().collect();
    let mut by_resource = BTreeMap::new();
    for id in &ranked {
        let item = resolved.get(id).expect("the scope holds declared resources");
        let drafted = match &request.intent {
            Intent::Converge | Intent::Rebuild(_) => converge(id, item, facts, request, &mut findings),
            Intent::Features(_) => provision::only(id, item, request, facts, &mut findings),
            Intent::TakeBack(names) => take_back::draft(id, item, names, facts, &mut findings),
            Intent::Remove => remove(id, item, facts),
            Intent::Power(goal) => power(id, item, facts, *goal),
        };
        match drafted {
            Ok(draft) => drop(by_resource.insert(id.clone(), draft)),
            Err(found) => findings.extend(found.into_iter().map(|finding| item.place(finding)).collect()),
        }
    }
    if let Intent::Rebuild(which) = &request.intent {
        rebuild(resolved, (which, request), facts, &ranked, &mut by_resource, &mut findings);
    } else {
        findings.extend(
            by_resource
                .iter()
                .filter_map(|(id, draft)| Some(outdated(id, draft.outdated.as_ref()?)))
                .collect(),
        );
    }
    if request.targets.is_empty() {
        findings.extend(undeclared::notes(resolved, facts));
    }
    if findings.has_errors() {
        return Err(findings);
    }
    let ahead = ahead::steps(resolved, request, scope, facts);
    Ok(Drafts { by_resource, ranked, ahead, notes: findings })
}

/// Returns where a resource stands in its life, as its manager sees it.
pub fn lifecycle(resolved: &Resolved, id: &ResourceId, facts: &Facts) -> Result<Lifecycle, Diagnostics> {
    let item = resolved.get(id).ok_or_else(|| super::unknown_resource(id))?;
    item.manager.lifecycle(id, Some(item.spec.as_ref()), facts)
}

impl Drafts {
    /// Returns where each resource stands.
    pub(crate) fn standings(&self, resolved: &Resolved, intent: &Intent, facts: &Facts) -> Vec<Standing> {
        let standing = |id: &ResourceId| {
            let draft = self.by_resource.get(id)?;
            let lifecycle = match (lifecycle(resolved, id, facts).ok()?, intent) {
                // What a manager takes for complete is not, as long as a feature has something to do.
                (
                    Lifecycle::Healthy | Lifecycle::Template,
                    Intent::Converge | Intent::Rebuild(_) | Intent::Features(_),
                ) if !draft.steps.is_empty() => Lifecycle::Drifted,
                (other, _) => other,
            };
            let (steps, outdated) = (draft.steps.len(), draft.outdated.clone());
            Some(Standing { id: id.clone(), lifecycle, steps, outdated })
        };
        self.ranked.iter().filter_map(standing).collect()
    }

    /// Ties the steps together and returns them in no particular order.
    pub(crate) fn into_steps(
        mut self,
        resolved: &Resolved,
        request: &Request,
    ) -> Result<(Vec<Step>, Diagnostics), Diagnostics> {
        let mut ends: BTreeMap<&ResourceId, Ends> = BTreeMap::new();
        for (id, draft) in &mut self.by_resource {
            chain_phases(id, &mut draft.steps);
        }
        for (id, draft) in &self.by_resource {
            ends.insert(id, Ends::of(id, &draft.steps));
        }
        let mut edges: BTreeMap<StepId, BTreeSet<StepId>> = BTreeMap::new();
        for id in self.by_resource.keys() {
            let follows = resolved.get(id).map(|item| item.spec.follows()).unwrap_or_default();
            for other in follows.iter().filter(|_| matches!(request.intent, Intent::Converge)) {
                if let (Some(mine), Some(theirs)) = (ends.get(id), ends.get(other)) {
                    tie(&mut edges, &mine.first, &theirs.last);
                }
            }
            for requirement in resolved.requirements(id) {
                let (Some(mine), Some(theirs)) = (ends.get(id), ends.get(&requirement.id)) else { continue };
                let (waiting, awaited) = match &request.intent {
                    // What is required stays as it is.
                    Intent::Features(_) | Intent::TakeBack(_) => continue,
                    Intent::Remove | Intent::Power(Power::Stopped) => (&theirs.first, &mine.last),
                    Intent::Power(Power::Running) => (&mine.first, &theirs.last),
                    // Down from the top, up from the bottom: the one that is required stops last and starts first.
                    Intent::Power(Power::Restarted) => {
                        tie(&mut edges, &theirs.first, &mine.first_stop);
                        (&mine.entry_power, &theirs.last)
                    }
                    Intent::Converge | Intent::Rebuild(_) => {
                        let linked = self.by_resource[id].stands_on.as_ref() == Some(&requirement.id);
                        match requirement.stage {
                            Stage::Create if linked => {
                                tie(&mut edges, &theirs.remove_first, &mine.remove_last);
                                (&mine.entry_create, &theirs.last)
                            }
                            // A clone that stands alone is only deleted when what replaces it can be made.
                            Stage::Create => (&mine.first, &theirs.last),
                            Stage::Start => (&mine.entry_power, &theirs.last),
                        }
                    }
                };
                tie(&mut edges, waiting, awaited);
            }
        }
        for step in &self.ahead {
            if let Some(storage) = ends.get(&step.resource) {
                edges.entry(step.id.clone()).or_default().extend(storage.last.iter().cloned());
            }
        }
        let mut merged: BTreeMap<StepId, Step> = BTreeMap::new();
        let mut findings = self.notes;
        let steps = self.by_resource.into_values().flat_map(|draft| draft.steps);
        for step in steps.chain(self.ahead) {
            match merged.get(&step.id) {
                Some(other) if *other != step => findings.push(
                    Diagnostic::error("step-clash", format!("two different steps have the id `{}`", step.id))
                        .with_hint("this is a fault of the manager or feature that made them"),
                ),
                Some(_) => {}
                None => drop(merged.insert(step.id.clone(), step)),
            }
        }
        for (id, after) in edges {
            if let Some(step) = merged.get_mut(&id) {
                step.after.extend(after);
            }
        }
        if findings.has_errors() {
            return Err(findings);
        }
        Ok((merged.into_values().collect(), findings))
    }
}

fn outdated(id: &ResourceId, reason: &str) -> Diagnostic {
    Diagnostic::warning("outdated-layer", format!("`{id}` {reason}"))
        .with_hint(format!("`phoenix converge --rebuild {}` makes it anew", id.name()))
}

fn stray(id: &ResourceId, reason: &str) -> Diagnostic {
    Diagnostic::note("stray-guest", format!("`{id}` {reason}"))
        .with_hint(format!("`phoenix converge --migrate {}` brings it there", id.name()))
}

fn converge(
    id: &ResourceId,
    item: &Item,
    facts: &Facts,
    request: &Request,
    notes: &mut Diagnostics,
) -> Result<Draft, Diagnostics> {
    let planned = item.manager.plan(id, Some(item.spec.as_ref()), facts)?;
    let Planned { mut steps, notes: said, migration, stands_on, outdated, undeclared, provision } = planned;
    notes.extend(said.into_iter().map(|note| item.place(note)).collect());
    match (migration, request.strays) {
        (Some(step), Strays::Migrate) => steps.push(step),
        (Some(step), Strays::Stay) => notes.push(item.place(stray(id, &step.reason))),
        (None, _) => {}
    }
    for Undeclared { note, removal } in undeclared {
        match request.leftovers {
            Leftovers::Remove if !removal.is_empty() => steps.extend(removal),
            Leftovers::Remove | Leftovers::Keep => notes.push(item.place(note)),
        }
    }
    if provision != Provision::Sealed {
        steps.extend(provision::features(id, item, request, facts)?);
        notes.extend(provision::notes(item, request, facts));
        steps.extend(provision::leftovers(id, item, facts, request, notes));
    }
    Ok(Draft { steps, outdated, stands_on })
}

fn remove(id: &ResourceId, item: &Item, facts: &Facts) -> Result<Draft, Diagnostics> {
    let planned = item.manager.plan(id, None, facts)?;
    Ok(Draft { steps: planned.steps, outdated: None, stands_on: planned.stands_on })
}

fn power(id: &ResourceId, item: &Item, facts: &Facts, goal: Power) -> Result<Draft, Diagnostics> {
    let planned = item.manager.plan(id, Some(item.spec.as_ref()), facts)?;
    let steps = item.manager.power(id, item.spec.as_ref(), facts, goal)?;
    Ok(Draft { steps, outdated: None, stands_on: planned.stands_on })
}

/// Replaces the drafts of the resources that are made anew: deleted first, then planned as if they were not there.
fn rebuild(
    resolved: &Resolved,
    (which, request): (&Rebuild, &Request),
    facts: &Facts,
    ranked: &[ResourceId],
    by_resource: &mut BTreeMap<ResourceId, Draft>,
    findings: &mut Diagnostics,
) {
    let chosen: BTreeSet<_> = by_resource
        .iter()
        .filter(|(id, draft)| {
            draft.outdated.is_some()
                && match which {
                    Rebuild::Outdated => true,
                    Rebuild::Named(names) => names.contains(*id),
                }
        })
        .map(|(id, _)| id.clone())
        .collect();
    for (id, draft) in by_resource.iter() {
        if chosen.contains(id) {
            continue;
        }
        if let Some(base) = draft.stands_on.as_ref().filter(|base| chosen.contains(*base)) {
            findings.push(
                Diagnostic::error(
                    "base-in-use",
                    format!("`{base}` cannot be made anew: `{id}` is a linked clone of it"),
                )
                .with_hint(format!(
                    "rebuild `{id}` too: `phoenix converge --rebuild {} {}`",
                    base.name(),
                    id.name()
                )),
            );
        } else if let Some(reason) = &draft.outdated {
            findings
                .extend(resolved.get(id).map(|item| item.place(outdated(id, reason))).into_iter().collect());
        }
    }
    for id in &chosen {
        let below = resolved.requirements(id).iter().filter(|requirement| requirement.stage == Stage::Create);
        for Requirement { id: parent, .. } in below {
            let is_old = by_resource.get(parent).is_some_and(|draft| draft.outdated.is_some());
            if is_old && !chosen.contains(parent) {
                findings.push(
                    Diagnostic::error(
                        "outdated-parent",
                        format!(
                            "`{id}` would be made anew from `{parent}`, which stands on an older layer itself"
                        ),
                    )
                    .with_hint(format!(
                        "rebuild both: `phoenix converge --rebuild {} {}`",
                        parent.name(),
                        id.name()
                    )),
                );
            }
        }
    }
    let gone = facts.without_guests(chosen.iter().filter_map(ResourceId::guest));
    for id in ranked.iter().filter(|id| chosen.contains(*id)) {
        let item = resolved.get(id).expect("the scope holds declared resources");
        let anew = remove(id, item, facts).and_then(|removal| {
            let mut draft = converge(id, item, &gone, request, findings)?;
            draft.steps.extend(removal.steps);
            Ok(Draft { stands_on: removal.stands_on, ..draft })
        });
        match anew {
            Ok(draft) => drop(by_resource.insert(id.clone(), draft)),
            Err(found) => findings.extend(found.into_iter().map(|finding| item.place(finding)).collect()),
        }
    }
}

/// Makes the steps of each phase wait for the last ones of the phase before.
fn chain_phases(id: &ResourceId, steps: &mut [Step]) {
    let mut phases: BTreeMap<Phase, Vec<usize>> = BTreeMap::new();
    for (index, step) in steps.iter().enumerate().filter(|(_, step)| step.resource == *id) {
        phases.entry(step.phase).or_default().push(index);
    }
    let mut before: BTreeSet<StepId> = BTreeSet::new();
    for members in phases.into_values() {
        let own: BTreeSet<_> = members.iter().map(|&index| steps[index].id.clone()).collect();
        let mut awaited = BTreeSet::new();
        for &index in &members {
            awaited.extend(steps[index].after.intersection(&own).cloned());
            if steps[index].after.is_disjoint(&own) {
                steps[index].after.extend(before.iter().cloned());
            }
        }
        before = own.difference(&awaited).cloned().collect();
    }
}

/// The steps of a resource that others are tied to.
struct Ends {
    /// Those that wait for no other of the resource.
    first: BTreeSet<StepId>,
    /// Those that no other of the resource waits for.
    last: BTreeSet<StepId>,
    /// The first of the phases from Create on.
    entry_create: BTreeSet<StepId>,
    /// The first of the phases from Power on.
    entry_power: BTreeSet<StepId>,
    /// The first that remove it.
    remove_first: BTreeSet<StepId>,
    /// The last that remove it.
    remove_last: BTreeSet<StepId>,
    /// Those before the phase Power: the stop of a restart.
    first_stop: BTreeSet<StepId>,
}

impl Ends {
    fn of(id: &ResourceId, steps: &[Step]) -> Self {
        let own: Vec<&Step> = steps.iter().filter(|step| step.resource == *id).collect();
        let part = |keep: &dyn Fn(Phase) -> bool| -> Vec<&Step> {
            own.iter().copied().filter(|step| keep(step.phase)).collect()
        };
        let removal = part(&|phase| phase == Phase::Remove);
        Self {
            first: first_of(&own),
            last: last_of(own.iter().copied()),
            entry_create: first_of(&part(&|phase| phase >= Phase::Create)),
            entry_power: first_of(&part(&|phase| phase >= Phase::Power)),
            remove_first: first_of(&removal),
            remove_last: last_of(removal.iter().copied()),
            first_stop: last_of(part(&|phase| phase < Phase::Power)),
        }
    }
}

fn first_of(steps: &[&Step]) -> BTreeSet<StepId> {
    let own: BTreeSet<&StepId> = steps.iter().map(|step| &step.id).collect();
    let is_first = |step: &&&Step| !step.after.iter().any(|after| own.contains(after));
    steps.iter().filter(is_first).map(|step| step.id.clone()).collect()
}

pub(super) fn last_of<'a>(steps: impl IntoIterator<Item = &'a Step>) -> BTreeSet<StepId> {
    let steps: Vec<&Step> = steps.into_iter().collect();
    let awaited: BTreeSet<&StepId> = steps.iter().flat_map(|step| &step.after).collect();
    steps.iter().filter(|step| !awaited.contains(&step.id)).map(|step| step.id.clone()).collect()
}

fn tie(
    edges: &mut BTreeMap<StepId, BTreeSet<StepId>>,
    waiting: &BTreeSet<StepId>,
    awaited: &BTreeSet<StepId>,
) {
    for step in waiting {
        edges.entry(step.clone()).or_default().extend(awaited.iter().cloned());
    }
}
