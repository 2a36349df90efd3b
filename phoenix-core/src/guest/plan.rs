//! Planning one guest, of either kind: from what is there, through its whole life.

use super::{
    GuestSpec, Power, claim, disk,
    life::{self, Life},
    machine::Machine,
    making, migration,
    observed::Observed,
    seal::{Record, Sealing},
    snapshot,
    standing::{self, Standing},
    stock,
    wish::Drift,
};
use crate::{
    action::Action,
    condition::{Condition, Expect},
    diagnostic::{Diagnostic, Diagnostics, Severity},
    facts::Facts,
    id::{GuestId, ResourceId, Site, StepId},
    lifecycle::{Lifecycle, Vital},
    manager::Planned,
    plan::{Change, Phase, Step},
    probe::Probe,
};

/// How long a task that makes or locks a guest is waited for.
const TASK_TIMEOUT_S: u32 = 1800;

/// Returns what must be known of a guest.
pub fn probes<M: Machine>(id: &ResourceId, want: Option<&M>, known: &Facts) -> Vec<Probe> {
    let mut probes = vec![Probe::Guests];
    let Some(guest) = id.guest().filter(|_| known.has_listing()) else { return probes };
    probes.extend(want.and_then(|want| migration::probe(guest, want.guest(), known)));
    if known.is_absent(guest) {
        let Some(want) = want else { return probes };
        let origin = &want.guest().origin;
        if let Some(source) = making::source(origin) {
            let source = GuestId { vmid: source, ..guest };
            if !known.is_absent(source) {
                probes.push(Probe::Config { guest: source });
            }
        }
        if let Some((storage, _)) = stock::volume(origin).filter(|_| migration::can_ask(want.guest(), known))
        {
            let node = want.guest().node.clone();
            probes.push(Probe::Storages { node: node.clone() });
            probes.push(Probe::Volumes { storage: storage.to_owned(), node });
        }
        return probes;
    }
    probes.push(Probe::Config { guest });
    let (Some(want), true) = (want, known.knows(&Probe::Config { guest })) else { return probes };
    if known.is_running(guest) {
        let site = Site::Guest(guest);
        let ask = |argv: &Vec<String>| Probe::Command { site: site.clone(), argv: argv.clone() };
        probes.extend(want.guest().health.iter().map(|check| ask(&check.argv)));
    }
    if wants_snapshots(want)
        && let Ok(Some(found)) = Observed::read(guest, known)
        && snapshot::must_be_known(want.guest(), &found, &record(want, &found))
    {
        probes.push(Probe::Snapshots { guest });
    }
    probes
}

/// Returns the steps that make a guest what is wanted, or remove it.
pub fn plan<M: Machine>(
    id: &ResourceId,
    want: Option<&M>,
    found: Option<&Observed>,
    facts: &Facts,
) -> Result<Planned, Diagnostics> {
    let guest = guest_of(id)?;
    let standing = match (want, found) {
        (None, None) => return Ok(Planned::default()),
        _ => standing::of(guest, found, facts)?,
    };
    let mut planned = Planned { stands_on: found.and_then(Observed::stands_on), ..Planned::default() };
    let Some(want) = want else {
        if let Some(found) = found {
            planned.steps = remove(guest, found, standing)?;
        }
        return Ok(planned);
    };
    check(guest, want.guest())?;
    match standing {
        Standing::Absent => {
            migration::check_node(guest, want.guest(), facts)?;
            planned.steps = making::steps(guest, want, facts, false)?;
            planned.notes = want.notes();
            live(guest, want, None, &fresh_record(guest, want, facts), &mut planned);
        }
        Standing::Making => {
            planned.steps = making::steps(guest, want, facts, true)?;
            planned.steps.push(unlocked(guest, "await-created", Phase::Create, "a task makes it already"));
            live(guest, want, None, &fresh_record(guest, want, facts), &mut planned);
        }
        Standing::Here => {
            if let Some(found) = found {
                amend(guest, want, found, &mut planned)?;
                migration::plan(want.guest(), found, facts, &mut planned);
            }
        }
    }
    // One after the other: each shall find what the one before has left, digests and snapshots included.
    in_line(&mut planned.steps, Phase::Configure);
    in_line(&mut planned.steps, Phase::Seal);
    Ok(planned)
}

/// Returns where a guest stands in its life.
pub fn lifecycle<M: Machine>(want: Option<&M>, found: Option<&Observed>) -> Lifecycle {
    let Some(found) = found else { return Lifecycle::Absent };
    let was_sealed = found.marker.as_ref().is_some_and(|marker| marker.layer.is_some());
    let vital = Vital {
        exists: true,
        is_owned: found.is_owned(),
        is_being_made: found.is_being_made(),
        is_configured: true,
        is_running: found.row.running,
        should_run: found.row.running,
        is_sealed: was_sealed,
        was_sealed,
        is_template: found.is_template(),
        should_be_template: found.is_template(),
        is_settled: true,
    };
    let Some(want) = want.filter(|_| found.is_owned()) else { return Lifecycle::derive(vital) };
    let record = record(want, found);
    let is_healthy = want.guest().health.iter().all(|check| found.answers.get(&check.argv) == Some(&true));
    Lifecycle::derive(Vital {
        is_configured: is_configured(want, found),
        should_run: life::should_run(want.guest()),
        is_sealed: record.sealing == Sealing::Done && record.outdated.is_none(),
        should_be_template: want.guest().template,
        is_settled: is_healthy || !found.row.running,
        ..vital
    })
}

/// Returns the steps that bring a guest to a state of power.
pub fn power(
    id: &ResourceId,
    spec: &GuestSpec,
    found: Option<&Observed>,
    goal: Power,
) -> Result<Vec<Step>, Diagnostics> {
    let guest = guest_of(id)?;
    let Some(found) = found else {
        let absent = Diagnostic::error("guest-absent", format!("`{guest}` is not there"))
            .with_hint(format!("`phoenix create {}` makes it", spec.vmid));
        return Err(absent.into());
    };
    standing::of(guest, Some(found), &Facts::new())?;
    if found.row.lock.is_some() && found.row.task.is_none() {
        return Err(standing::stale_lock(guest, found).into());
    }
    let stop = |phase| life::stop(guest, "stop", phase, "the user wants it to stop");
    let start = || life::start(guest, "the user wants it to run");
    if found.is_template() && goal != Power::Stopped {
        let template = Diagnostic::error("template-power", format!("`{guest}` is a template and cannot run"))
            .with_hint("start a clone of it");
        return Err(template.into());
    }
    Ok(match (goal, found.row.running) {
        (Power::Running, true) | (Power::Stopped, false) => Vec::new(),
        (Power::Running | Power::Restarted, false) => vec![start()],
        (Power::Stopped, true) => vec![stop(Phase::Power)],
        // In a phase of its own, so that what depends on the guest can be tied between stop and start.
        (Power::Restarted, true) => {
            let stop = stop(Phase::Configure);
            let start = start().after(&stop.id);
            vec![stop, start]
        }
    })
}

fn guest_of(id: &ResourceId) -> Result<GuestId, Diagnostic> {
    id.guest().ok_or_else(|| {
        Diagnostic::error("guest-id", format!("`{id}` is not the id of a guest"))
            .with_hint("a vmid is a number from 100 to 999999999")
    })
}

fn check(guest: GuestId, spec: &GuestSpec) -> Result<(), Diagnostic> {
    if spec.template && (spec.lifecycle_snapshots || spec.final_snapshot.is_some()) {
        return Err(Diagnostic::error(
            "snapshot-of-template",
            format!("`{guest}` cannot become a template and have snapshots"),
        )
        .with_hint("take the snapshots out of its configuration, and snapshot its clones instead"));
    }
    Ok(())
}

fn wants_snapshots<M: Machine>(want: &M) -> bool {
    !want.guest().template && !want.has_bind_mounts() && !snapshot::finals(want.guest()).is_empty()
}

fn record<M: Machine>(want: &M, found: &Observed) -> Record {
    let parent = claim::parent(M::GUEST, want.guest());
    Record::read(found, want.place(), parent.as_ref(), || want.layer())
}

fn fresh_record<M: Machine>(guest: GuestId, want: &M, facts: &Facts) -> Record {
    Record::new(want.guest().vmid, making::base(guest, want, facts), want.place(), || want.layer())
}

/// Plans the part of a life that follows the configuration.
fn live<M: Machine>(
    guest: GuestId,
    want: &M,
    found: Option<&Observed>,
    record: &Record,
    planned: &mut Planned,
) {
    planned.outdated.clone_from(&record.outdated);
    // A template is complete and does not run: it is made anew or left as it is.
    if found.is_some_and(Observed::is_template) {
        return;
    }
    // Whose snapshots they are cannot be told, so that none is deleted for this.
    if want.guest().template && found.is_some_and(|found| found.config.values.contains_key("parent")) {
        planned.outdated = Some("shall be a template and has snapshots, which no template has".to_owned());
        return;
    }
    let life = Life {
        guest,
        spec: want.guest(),
        found,
        record,
        has_features: want.place().features.is_some(),
        has_bind_mounts: want.has_bind_mounts(),
    };
    life.plan(planned);
}

/// Plans a guest that is there.
fn amend<M: Machine>(
    guest: GuestId,
    want: &M,
    found: &Observed,
    planned: &mut Planned,
) -> Result<(), Diagnostics> {
    let have = &found.config.values;
    let drift = drift(want, found);
    let digest =
        Some(found.config.digest.as_str()).filter(|digest| !digest.is_empty() && found.row.lock.is_none());
    if !drift.is_empty() {
        let action = drift.configure(guest, digest);
        let reason = reason(&drift, have);
        let step = Step::new(&guest.resource(), "guest", "configure", Phase::Configure, action, reason);
        planned.steps.push(step.with_changes(drift.changes));
    }
    let raw = have.get("lxc").map_or("", String::as_str);
    planned.steps.extend(making::raw_keys(guest, want, raw));
    let mut outdated = None;
    if found.is_template() {
        outdated = template_obstacle(want, found);
    } else {
        disk::grow(guest, &want.disks(have), have, &mut planned.steps)?;
    }
    planned.notes.extend(disk::misplaced(guest, &want.homes(have), have).collect());
    live(guest, want, Some(found), &record(want, found), planned);
    let obstacle = outdated.or_else(|| want.obstacle(have));
    planned.outdated = planned.outdated.take().or(obstacle);
    if !found.config.pending.is_empty() && found.row.running {
        let keys: Vec<_> = found.config.pending.iter().map(|key| format!("`{key}`")).collect();
        planned.notes.push(
            Diagnostic::note(
                "pending-restart",
                format!("{} of `{guest}` takes effect at the next start", keys.join(", ")),
            )
            .with_hint(format!("`phoenix restart {}`", guest.vmid)),
        );
    }
    if found.row.lock.is_some() {
        wait_for_lock(guest, found, planned)?;
    }
    Ok(())
}

fn drift<M: Machine>(want: &M, found: &Observed) -> Drift {
    let have = &found.config.values;
    let mut drift = Drift::between(M::GUEST, &want.wishes(have), have);
    let text = want.guest().description.trim_end();
    if found.text != text
        && let Some(marker) = &found.marker
    {
        drift.changes.push(Change::new("description", Some(found.text.clone()), Some(text.to_owned())));
        drift.set.insert("description".to_owned(), marker.describe(text));
    }
    drift
}

fn is_configured<M: Machine>(want: &M, found: &Observed) -> bool {
    let have = &found.config.values;
    let guest = found.row.guest;
    let mut grown = Vec::new();
    drift(want, found).is_empty()
        && making::raw_keys(guest, want, have.get("lxc").map_or("", String::as_str)).is_none()
        && (found.is_template() || disk::grow(guest, &want.disks(have), have, &mut grown).is_ok())
        && grown.is_empty()
}

fn reason(drift: &Drift, have: &std::collections::BTreeMap<String, String>) -> String {
    let mut reason = drift.sentence();
    let volumes: Vec<_> = drift
        .delete
        .iter()
        .filter(|key| ["mp", "scsi", "virtio", "sata", "ide"].iter().any(|stem| key.starts_with(stem)))
        .filter(|key| have.get(*key).is_some_and(|value| !value.starts_with('/')))
        .map(|key| format!("`{key}`"))
        .collect();
    if !volumes.is_empty() {
        reason.push_str(&format!("; the volume of {} stays, as an unused disk", volumes.join(" and ")));
    }
    reason
}

/// Returns what keeps a template from being what is wanted, as it stands.
fn template_obstacle<M: Machine>(want: &M, found: &Observed) -> Option<String> {
    if !want.guest().template {
        return Some("is a template and shall not be one".to_owned());
    }
    let have = &found.config.values;
    let now = disk::bytes(M::GUEST, M::ROOT, have.get(M::ROOT)?)?;
    let gib = want.guest().disk_gib;
    (now != gib << 30).then(|| format!("has a root disk of {} GiB, and {gib} GiB are wanted", now >> 30))
}

fn wait_for_lock(guest: GuestId, found: &Observed, planned: &mut Planned) -> Result<(), Diagnostics> {
    if found.row.task.is_some() {
        if !planned.steps.is_empty() {
            let reason = "a task holds it";
            planned.steps.push(unlocked(guest, "await-unlocked", Phase::Create, reason));
        }
        return Ok(());
    }
    let stale = standing::stale_lock(guest, found);
    if planned.steps.is_empty() {
        planned.notes.push(Diagnostic { severity: Severity::Warning, ..stale });
        return Ok(());
    }
    Err(stale.into())
}

fn unlocked(guest: GuestId, verb: &str, phase: Phase, reason: &str) -> Step {
    let condition = Condition::new(Probe::Guests, Expect::Unlocked { guest });
    let action = Action::Await { condition, timeout_s: TASK_TIMEOUT_S };
    Step::new(&guest.resource(), "guest", verb, phase, action, reason)
}

fn remove(guest: GuestId, found: &Observed, standing: Standing) -> Result<Vec<Step>, Diagnostics> {
    if standing == Standing::Making {
        let making = Diagnostic::error("guest-in-the-making", format!("`{guest}` is being made by a task"))
            .with_hint("wait until the task ends, then try again");
        return Err(making.into());
    }
    if found.is_protected() {
        let protected = Diagnostic::error("protected", format!("`{guest}` is protected from deletion"))
            .with_hint(format!(
                "set `protection` to false in its configuration and run `phoenix converge {}` first",
                guest.vmid
            ));
        return Err(protected.into());
    }
    let mut steps = Vec::new();
    if found.row.lock.is_some() {
        if found.row.task.is_none() {
            return Err(standing::stale_lock(guest, found).into());
        }
        steps.push(unlocked(guest, "await-unlocked", Phase::Remove, "a task holds it"));
    }
    if found.row.running {
        steps.push(life::stop(guest, "stop", Phase::Remove, "a guest that runs cannot be deleted"));
    }
    let action = Action::Delete { guest };
    steps.push(Step::new(&guest.resource(), "guest", "delete", Phase::Remove, action, "it shall go"));
    in_line(&mut steps, Phase::Remove);
    Ok(steps)
}

/// Makes every step of a phase wait for the one that stands before it in the list.
fn in_line(steps: &mut [Step], phase: Phase) {
    let mut before: Option<StepId> = None;
    for step in steps.iter_mut().filter(|step| step.phase == phase) {
        step.after.extend(before.replace(step.id.clone()));
    }
}
