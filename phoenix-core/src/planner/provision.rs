//! Provisioning: asks the features of a resource for their steps, and for what they left behind.

use std::collections::BTreeSet;

use super::{
    compose::{Draft, last_of},
    reboot,
    request::{Leftovers, Request},
    resolve::{Installed, Item},
};
use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    facts::Facts,
    feature::Leftover,
    id::{ResourceId, Site, StepId},
    manager::{Planned, Provision},
    plan::Step,
};

/// Returns the steps of those of a resource's features that a request is about, each behind those of the one before.
pub(super) fn features(
    id: &ResourceId,
    item: &Item,
    request: &Request,
    facts: &Facts,
) -> Result<Vec<Step>, Diagnostics> {
    let Some(site) = &item.site else { return Ok(Vec::new()) };
    let mut findings = Diagnostics::new();
    let mut all: Vec<Step> = Vec::new();
    let mut ends: BTreeSet<StepId> = BTreeSet::new();
    let mut behind: Vec<Vec<Step>> = Vec::new();
    let is_meant = |one: &&Installed| request.has_feature(&one.feature.descriptor().name);
    for installed in item.features.iter().filter(is_meant) {
        match installed.feature.plan(site, &installed.config, facts) {
            Ok(mut steps) => {
                let own: BTreeSet<_> = steps.iter().map(|step| step.id.clone()).collect();
                for step in &mut steps {
                    // A feature knows its site alone, and several resources can have one host for theirs.
                    step.resource = id.clone();
                }
                let later = reboot::behind(&steps);
                let (later, mut steps): (Vec<Step>, Vec<Step>) =
                    steps.into_iter().partition(|step| later.contains(&step.id));
                chain(&mut steps, &own, &mut ends);
                all.extend(steps);
                behind.push(later);
            }
            Err(found) => findings
                .extend(found.into_iter().map(|finding| item.place_feature(finding, installed)).collect()),
        }
    }
    // One reboot for all of them, and what stands behind it after it, again feature by feature.
    if let Some(step) = reboot::merged(id, &behind, &ends) {
        ends = BTreeSet::from([step.id.clone()]);
        all.push(step);
        for mut steps in behind {
            reboot::redirect(&mut steps, id);
            let own = steps.iter().map(|step| step.id.clone()).collect();
            chain(&mut steps, &own, &mut ends);
            all.extend(steps);
        }
    }
    findings.into_result(all)
}

/// Has the first of a feature's steps stand behind the last of those before.
fn chain(steps: &mut [Step], own: &BTreeSet<StepId>, ends: &mut BTreeSet<StepId>) {
    for step in steps.iter_mut() {
        if step.after.is_disjoint(own) {
            step.after.extend(ends.iter().cloned());
        }
    }
    if !steps.is_empty() {
        *ends = last_of(steps.iter());
    }
}

/// Returns what the features of a resource have to say that stands against nothing.
pub(super) fn notes(item: &Item, request: &Request, facts: &Facts) -> Diagnostics {
    let Some(site) = &item.site else { return Diagnostics::new() };
    let is_meant = |one: &&Installed| request.has_feature(&one.feature.descriptor().name);
    let notes = item.features.iter().filter(is_meant).flat_map(|installed| {
        let notes = installed.feature.notes(site, &installed.config, facts);
        notes.into_iter().map(move |note| item.place_feature(note, installed))
    });
    notes.collect()
}

/// Returns the steps that remove what features made and nobody declares any more, or says that it is there.
pub(super) fn leftovers(
    id: &ResourceId,
    item: &Item,
    facts: &Facts,
    request: &Request,
    notes: &mut Diagnostics,
) -> Vec<Step> {
    let Some(site) = &item.site else { return Vec::new() };
    let mut steps = Vec::new();
    let is_meant = |one: &&Installed| request.has_feature(&one.feature.descriptor().name);
    for installed in item.features.iter().filter(is_meant) {
        for Leftover { note, mut removal } in installed.feature.leftovers(site, &installed.config, facts) {
            match request.leftovers {
                Leftovers::Keep => notes.push(item.place_feature(note, installed)),
                Leftovers::Remove => {
                    removal.resource = id.clone();
                    steps.push(removal);
                }
            }
        }
    }
    steps
}

/// Returns the steps of some features, or of a whole kind of resources, alone. Where a guest does not run there are none: its next start brings them.
pub(super) fn only(
    id: &ResourceId,
    item: &Item,
    request: &Request,
    facts: &Facts,
    notes: &mut Diagnostics,
) -> Result<Draft, Diagnostics> {
    let nothing = Draft { steps: Vec::new(), outdated: None, stands_on: None };
    let is_up = match &item.site {
        Some(Site::Guest(guest)) => facts.is_running(*guest),
        Some(Site::Host(_)) => true,
        None if request.has_feature(id.kind()) => {
            let planned = item.manager.plan(id, Some(item.spec.as_ref()), facts)?;
            notes.extend(planned.notes.into_iter().map(|note| item.place(note)).collect());
            return Ok(Draft { steps: planned.steps, ..nothing });
        }
        None => return Ok(nothing),
    };
    if !is_up {
        let note = Diagnostic::note("not-running", format!("`{id}` does not run, so nothing is done in it"));
        notes.push(item.place(note.with_hint(format!("`phoenix converge {}` brings it up", id.name()))));
        return Ok(nothing);
    }
    // Whether it is Phoenix's to touch at all is the manager's to say.
    let Planned { provision, .. } = item.manager.plan(id, Some(item.spec.as_ref()), facts)?;
    let steps = match provision {
        Provision::Sealed => Vec::new(),
        Provision::Fresh | Provision::Observed => {
            let mut steps = features(id, item, request, facts)?;
            notes.extend(self::notes(item, request, facts));
            steps.extend(leftovers(id, item, facts, request, notes));
            steps
        }
    };
    Ok(Draft { steps, ..nothing })
}
