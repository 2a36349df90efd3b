//! The life of a guest after its configuration: power, health, the seal, the last snapshots, the template. Both kinds
//! of guest live alike.

use super::{
    GuestSpec, Power,
    observed::Observed,
    seal::{Record, Sealing},
    snapshot,
};
use crate::{
    action::Action,
    condition::{Condition, Expect},
    diagnostic::Diagnostic,
    id::{GuestId, Site},
    manager::{Planned, Provision},
    plan::{Change, Phase, Step},
    probe::Probe,
};

/// How long a clean shutdown may take.
pub const STOP_TIMEOUT_S: u32 = 60;

/// What the rest of a guest's life is planned from.
pub struct Life<'a> {
    /// The guest.
    pub guest: GuestId,
    /// What is wanted.
    pub spec: &'a GuestSpec,
    /// What is known; nothing of a guest that is not complete yet.
    pub found: Option<&'a Observed>,
    /// What its marker says, and shall say.
    pub record: &'a Record,
    /// It has features.
    pub has_features: bool,
    /// A directory of the host is mounted in it.
    pub has_bind_mounts: bool,
}

impl Life<'_> {
    /// Adds the steps from the power switch on.
    pub fn plan(&self, planned: &mut Planned) {
        let is_running = self.found.is_some_and(|found| found.row.running);
        let is_sealed = self.record.sealing == Sealing::Done;
        let should_run = should_run(self.spec);
        // Software is only installed in a guest that runs, be it for the time of the installation.
        let runs_for_features = !is_sealed && self.has_features;
        let runs = should_run || runs_for_features;
        planned.provision = match (self.found, runs) {
            (None, _) => Provision::Fresh,
            (Some(_), true) if is_running => Provision::Observed,
            (Some(_), _) if is_sealed => Provision::Sealed,
            (Some(_), true) => Provision::Fresh,
            (Some(_), false) => Provision::Sealed,
        };
        if self.spec.lifecycle_snapshots || self.spec.final_snapshot.is_some() {
            if self.has_bind_mounts {
                planned.notes.push(
                    Diagnostic::warning(
                        "snapshot-with-bind-mount",
                        format!(
                            "no snapshot of `{}` is taken: a directory of the host is mounted there",
                            self.guest
                        ),
                    )
                    .with_hint("take the mount point away, or do without snapshots"),
                );
            } else if self.record.is_first_seal() && self.spec.lifecycle_snapshots {
                self.snapshot_before(planned);
            }
        }
        match (runs, is_running) {
            (true, false) => {
                let reason = match (should_run, self.found) {
                    (true, Some(_)) => "it should run and does not",
                    (true, None) => "it should run",
                    (false, _) => "its features are installed while it runs",
                };
                planned.steps.push(start(self.guest, reason));
            }
            (false, true) if !self.spec.template => {
                planned.steps.push(stop(self.guest, "stop", Phase::Power, "it should not run"));
            }
            (true, true) | (false, _) => {}
        }
        if runs {
            self.check_health(planned);
        }
        self.seal(planned, (runs || (is_running && self.spec.template)) && !should_run);
    }

    fn snapshot_before(&self, planned: &mut Planned) {
        let taken = self.found.and_then(|found| found.snapshots.as_ref());
        if taken.is_some_and(|rows| rows.iter().any(|row| row.name == snapshot::BEFORE)) {
            return;
        }
        planned.steps.push(snapshot::take(
            self.guest,
            snapshot::BEFORE,
            Phase::Configure,
            &self.record.layer(),
            "the state before the features is kept",
        ));
    }

    fn check_health(&self, planned: &mut Planned) {
        for (index, check) in self.spec.health.iter().enumerate() {
            let answer = self.found.and_then(|found| found.answers.get(&check.argv)).copied();
            let reason = match answer {
                Some(true) => continue,
                Some(false) => "its health check fails",
                None => "its health is not proven",
            };
            let site = Site::Guest(self.guest);
            let probe = Probe::Command { site, argv: check.argv.clone() };
            let action = Action::Await {
                condition: Condition::new(probe, Expect::Succeeds),
                timeout_s: check.timeout_s,
            };
            let verb = format!("health-{index}");
            planned.steps.push(Step::new(
                &self.guest.resource(),
                "guest",
                &verb,
                Phase::Verify,
                action,
                format!("{reason}: `{}`", check.argv.join(" ")),
            ));
        }
    }

    fn seal(&self, planned: &mut Planned, is_stopped_at_the_end: bool) {
        let resource = self.guest.resource();
        let mut steps: Vec<Step> = Vec::new();
        if self.record.sealing != Sealing::Done {
            let marker = self.record.sealed();
            let description = marker.describe(&self.spec.description);
            // Any step before may change the configuration, and with it the digest.
            let digest = self
                .found
                .filter(|found| planned.steps.is_empty() && found.row.lock.is_none())
                .map(|found| &found.config.digest);
            let action = Action::Configure {
                guest: self.guest,
                set: [("description".to_owned(), description)].into(),
                delete: Default::default(),
                digest: digest.filter(|digest| !digest.is_empty()).cloned(),
            };
            let old = self.record.marker.layer.as_ref().map(ToString::to_string);
            let new = marker.layer.as_ref().map(ToString::to_string);
            let reason = match self.record.sealing {
                Sealing::First => "its notes shall say that it is complete",
                Sealing::Again | Sealing::Done => "its notes shall name the features that it has now",
            };
            steps.push(
                Step::new(&resource, "guest", "seal", Phase::Seal, action, reason)
                    .with_changes([Change::new("marker", old, new)]),
            );
        }
        if is_stopped_at_the_end {
            let reason = if self.spec.template { "a template does not run" } else { "it should not run" };
            steps.push(stop(self.guest, "stop-sealed", Phase::Seal, reason));
        }
        if self.spec.template {
            let action = Action::MakeTemplate { guest: self.guest };
            let reason = "it is complete and shall be a template";
            steps.push(Step::new(&resource, "guest", "template", Phase::Seal, action, reason));
        } else if !self.has_bind_mounts {
            snapshot::at_the_end(self, &mut steps);
        }
        planned.steps.append(&mut steps);
    }
}

/// Tells whether a guest shall run in the end.
pub fn should_run(spec: &GuestSpec) -> bool {
    match spec.power {
        Power::Running | Power::Restarted => !spec.template,
        Power::Stopped => false,
    }
}

/// Returns the step that starts a guest.
pub fn start(guest: GuestId, reason: &str) -> Step {
    Step::new(&guest.resource(), "guest", "start", Phase::Power, Action::Start { guest }, reason)
}

/// Returns the step that stops a guest.
pub fn stop(guest: GuestId, verb: &str, phase: Phase, reason: &str) -> Step {
    let action = Action::Stop { guest, timeout_s: STOP_TIMEOUT_S };
    Step::new(&guest.resource(), "guest", verb, phase, action, reason)
}
