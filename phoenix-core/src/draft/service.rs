//! Services of a draft: a unit runs, starts at boot, and has read what its files hold now.

use std::collections::BTreeSet;

use super::Draft;
use crate::{
    action::{Action, UnitGoal},
    condition::{Condition, Expect},
    evidence::Evidence,
    id::StepId,
    probe::Probe,
};

/// A unit as it shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service<'a> {
    /// The unit with its suffix.
    pub name: &'a str,
    /// The files that it reads when it starts, its own unit file among them.
    pub reads: BTreeSet<String>,
    /// What makes it read them again.
    pub on_change: OnChange,
}

/// What makes a service read its files again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnChange {
    /// A restart.
    Restart,
    /// A reload; a restart where it cannot.
    Reload,
}

impl<'a> Service<'a> {
    /// Returns a service that is restarted when one of these files has changed.
    pub fn new<W: Into<String>>(name: &'a str, reads: impl IntoIterator<Item = W>) -> Self {
        Self { name, reads: reads.into_iter().map(Into::into).collect(), on_change: OnChange::Restart }
    }

    /// Has it reload instead.
    #[must_use]
    pub fn reloading(mut self) -> Self {
        self.on_change = OnChange::Reload;
        self
    }
}

impl Draft<'_> {
    /// Adds a step that has a service run, start at boot, and know its files. `after` are the steps of this draft that
    /// change what it reads or is: if there are any, it is begun again behind them.
    pub fn service(
        &mut self,
        service: &Service<'_>,
        after: impl IntoIterator<Item = Option<StepId>>,
    ) -> Option<StepId> {
        let name = service.name;
        let probe =
            Probe::Unit { site: self.site.clone(), name: name.to_owned(), reads: service.reads.clone() };
        let after: Vec<Option<StepId>> = after.into_iter().filter(Option::is_some).collect();
        let again = match service.on_change {
            OnChange::Restart => UnitGoal::Restarted,
            OnChange::Reload => UnitGoal::Reloaded,
        };
        let (goal, reason) = match self.ask(probe) {
            Some(Evidence::Unit { active: true, .. }) if !after.is_empty() => {
                (again, format!("`{name}` has not read what changes"))
            }
            Some(Evidence::Unit { active: true, stale, .. }) if !stale.is_empty() => {
                let files: Vec<String> = stale.iter().map(|path| format!("`{path}`")).collect();
                (again, format!("`{name}` has not read {} since it changed", files.join(", ")))
            }
            Some(Evidence::Unit { active: true, enabled: true, .. }) => return None,
            Some(Evidence::Unit { active: true, enabled: false, .. }) => {
                (UnitGoal::Started, format!("`{name}` does not start at boot"))
            }
            Some(Evidence::Unit { active: false, .. }) => {
                (UnitGoal::Started, format!("`{name}` does not run"))
            }
            // Debian starts what it installs, before its files are written.
            _ => (UnitGoal::Restarted, format!("`{name}` is missing")),
        };
        let action = Action::SetUnit { site: self.site.clone(), name: name.to_owned(), goal, enabled: true };
        let verb = match goal {
            UnitGoal::Started => format!("start-{name}"),
            UnitGoal::Restarted => format!("restart-{name}"),
            UnitGoal::Reloaded => format!("reload-{name}"),
            UnitGoal::Stopped => format!("stop-{name}"),
        };
        Some(self.add(&verb, action, reason, after))
    }

    /// Adds a step that has a unit that runs read these files again, by a reload and never by a restart. One that does not
    /// run reads them when it is started. `after` are the steps of this draft that change them.
    pub fn reload(
        &mut self,
        name: &str,
        reads: impl IntoIterator<Item = String>,
        after: impl IntoIterator<Item = Option<StepId>>,
    ) -> Option<StepId> {
        let reads = reads.into_iter().collect();
        let probe = Probe::Unit { site: self.site.clone(), name: name.to_owned(), reads };
        let Some(Evidence::Unit { active: true, stale, .. }) = self.ask(probe) else { return None };
        let after: Vec<Option<StepId>> = after.into_iter().filter(Option::is_some).collect();
        let files: Vec<String> = stale.iter().map(|path| format!("`{path}`")).collect();
        let reason = match (after.is_empty(), files.is_empty()) {
            (false, _) => format!("`{name}` has not read what changes"),
            (true, false) => format!("`{name}` has not read {} since it changed", files.join(", ")),
            (true, true) => return None,
        };
        let argv = ["systemctl", "reload", "--", name].map(str::to_owned).to_vec();
        let proof = Condition::new(Probe::unit(self.site, name), Expect::Active);
        let action = Action::Run { site: self.site.clone(), argv, stdin: None, proof };
        Some(self.add(&format!("reload-{name}"), action, reason, after))
    }
}
