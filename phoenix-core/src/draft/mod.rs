//! A draft: the steps that a feature finds missing while it goes through what its site shall have. It looks at the facts
//! only through the draft, which remembers every question, so what a feature asks is always exactly what it plans from.

mod account;
mod artifact;
mod boot;
mod command;
mod content;
mod pci;
mod secret;
mod server;
mod service;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

pub use account::Account;
pub use command::Command;
pub use content::File;
pub use pci::PciFunction;
pub use secret::Launch;
pub use server::from_inside;
pub use service::{OnChange, Service};

use crate::{
    action::Action,
    artifact::Artifact,
    condition::{Condition, Expect},
    diagnostic::{Diagnostic, Diagnostics, Place, Severity},
    evidence::{Evidence, FileState},
    facts::Facts,
    feature::Leftover,
    id::{ResourceId, Site, StepId},
    plan::{Phase, Step},
    probe::Probe,
};

/// The steps that a feature finds missing, and the questions that it asked on the way.
pub struct Draft<'a> {
    site: &'a Site,
    feature: &'a str,
    resource: ResourceId,
    facts: &'a Facts,
    artifacts: BTreeMap<String, Artifact>,
    asked: RefCell<BTreeSet<Probe>>,
    steps: Vec<Step>,
    leftovers: Vec<Leftover>,
    findings: Diagnostics,
}

impl<'a> Draft<'a> {
    /// Returns an empty draft of a feature at a site.
    pub fn new(site: &'a Site, feature: &'a str, facts: &'a Facts) -> Self {
        let resource = match site {
            Site::Guest(guest) => guest.resource(),
            Site::Host(name) => ResourceId::new("host", name),
        };
        let (asked, steps, findings) = (RefCell::default(), Vec::new(), Diagnostics::new());
        let artifacts = BTreeMap::new();
        Self { site, feature, resource, facts, artifacts, asked, steps, leftovers: Vec::new(), findings }
    }

    /// Has it know what the site has instead of pinned artifacts, by their names.
    #[must_use]
    pub fn with_artifacts(mut self, artifacts: BTreeMap<String, Artifact>) -> Self {
        self.artifacts = artifacts;
        self
    }

    /// Returns the site.
    pub fn site(&self) -> &'a Site {
        self.site
    }

    /// Returns the answer to a question, as far as it is known, and remembers that it was asked.
    pub fn ask(&self, probe: Probe) -> Option<&'a Evidence> {
        let answer = self.facts.get(&probe);
        self.asked.borrow_mut().insert(probe);
        answer
    }

    /// Returns what is known of a file of the site; none if it is not there.
    pub fn file(&self, path: &str) -> Option<&'a FileState> {
        match self.ask(Probe::file(self.site, path)) {
            Some(Evidence::File(state)) => Some(state),
            _ => None,
        }
    }

    /// Tells whether a package is installed.
    pub fn has_package(&self, name: &str) -> bool {
        matches!(self.ask(Probe::package(self.site, name)), Some(Evidence::Package { .. }))
    }

    /// Returns what a command of the site said, if it was asked and ended with status 0.
    pub fn output<W: Into<String>>(&self, argv: impl IntoIterator<Item = W>) -> Option<&'a str> {
        match self.ask(Probe::command(self.site, argv)) {
            Some(Evidence::Output { status: 0, stdout, .. }) => Some(stdout),
            _ => None,
        }
    }

    /// Returns the condition that a command of the site ends with status 0.
    pub fn succeeds<W: Into<String>>(&self, argv: impl IntoIterator<Item = W>) -> Condition {
        Condition::new(Probe::command(self.site, argv), Expect::Succeeds)
    }

    /// Tells whether a condition is known to hold.
    pub fn holds(&self, condition: &Condition) -> bool {
        self.ask(condition.probe.clone()).is_some_and(|evidence| condition.holds(evidence))
    }

    /// Adds a finding.
    pub fn find(&mut self, finding: Diagnostic) {
        self.findings.push(finding);
    }

    /// Refuses a value of the configuration, which stands at this JSON pointer.
    pub fn refuse(&mut self, pointer: &str, problem: impl std::fmt::Display, hint: impl Into<String>) {
        let message = format!("feature `{}`: {problem}", self.feature);
        let place = Place { path: pointer.to_owned(), ..Place::default() };
        self.find(Diagnostic::error("feature-config", message).with_hint(hint).at(place));
    }

    /// Adds a step that waits for others, and returns its id.
    pub fn add(
        &mut self,
        verb: &str,
        action: Action,
        reason: impl Into<String>,
        after: impl IntoIterator<Item = Option<StepId>>,
    ) -> StepId {
        let mut step = Step::new(&self.resource, self.feature, verb, Phase::Provision, action, reason);
        step.after.extend(after.into_iter().flatten());
        let id = step.id.clone();
        self.steps.push(step);
        id
    }

    /// Adds a step that installs those of the packages that are missing.
    pub fn packages<'n>(
        &mut self,
        names: impl IntoIterator<Item = &'n str>,
        after: impl IntoIterator<Item = Option<StepId>>,
    ) -> Option<StepId> {
        let missing: BTreeSet<String> =
            names.into_iter().filter(|name| !self.has_package(name)).map(str::to_owned).collect();
        if missing.is_empty() {
            return None;
        }
        let list: Vec<String> = missing.iter().map(|name| format!("`{name}`")).collect();
        let action = Action::InstallPackages { site: self.site.clone(), names: missing };
        Some(self.add("install-packages", action, format!("missing: {}", list.join(", ")), after))
    }

    /// Adds a step that makes a directory, unless it is as it shall be.
    pub fn directory(
        &mut self,
        verb: &str,
        path: &str,
        (mode, owner): (u32, &str),
        after: impl IntoIterator<Item = Option<StepId>>,
    ) -> Option<StepId> {
        let reason = match self.file(path) {
            None => format!("`{path}` is missing"),
            Some(found) if !found.directory => format!("`{path}` is no directory"),
            Some(found) => content::other_owner(path, found, mode, owner)?,
        };
        let action = Action::MakeDirectory {
            site: self.site.clone(),
            path: path.to_owned(),
            mode,
            owner: owner.to_owned(),
            group: owner.to_owned(),
        };
        Some(self.add(verb, action, reason, after))
    }

    /// Adds a step that removes a file, if it is there.
    pub fn removed(
        &mut self,
        verb: &str,
        path: &str,
        reason: impl Into<String>,
        after: impl IntoIterator<Item = Option<StepId>>,
    ) -> Option<StepId> {
        self.file(path)?;
        let action = Action::RemoveFile { site: self.site.clone(), path: path.to_owned() };
        Some(self.add(verb, action, reason, after))
    }

    /// Adds a step that makes a symbolic link, unless there is one that leads there.
    pub fn link(
        &mut self,
        verb: &str,
        path: &str,
        target: &str,
        after: impl IntoIterator<Item = Option<StepId>>,
    ) -> Option<StepId> {
        let reason = match self.file(path).and_then(|found| found.link.as_deref()) {
            Some(link) if content::leads_to(path, link) == content::leads_to(path, target) => return None,
            Some(link) => format!("`{path}` points to `{link}` instead of `{target}`"),
            None => format!("`{path}` is no link to `{target}`"),
        };
        let (path, target) = (path.to_owned(), target.to_owned());
        let action = Action::Symlink { site: self.site.clone(), path, target };
        Some(self.add(verb, action, reason, after))
    }

    /// Adds a step that runs a command, unless its proof holds already.
    pub fn run(
        &mut self,
        verb: &str,
        command: Command,
        after: impl IntoIterator<Item = Option<StepId>>,
    ) -> Option<StepId> {
        let Command { argv, stdin, proof, reason, again } = command;
        let after: Vec<StepId> = after.into_iter().flatten().collect();
        let must = again && !after.is_empty();
        if self.holds(&proof) && !must {
            return None;
        }
        let action = Action::Run { site: self.site.clone(), argv, stdin, proof };
        Some(self.add(verb, action, reason, after.into_iter().map(Some)))
    }

    /// Adds a step that waits until something holds, unless it holds already and nothing that it stands on changes.
    pub fn wait(
        &mut self,
        verb: &str,
        condition: Condition,
        timeout_s: u32,
        reason: impl Into<String>,
        after: impl IntoIterator<Item = Option<StepId>>,
    ) -> Option<StepId> {
        let after: Vec<StepId> = after.into_iter().flatten().collect();
        if self.holds(&condition) && after.is_empty() {
            return None;
        }
        let action = Action::Await { condition, timeout_s };
        Some(self.add(verb, action, reason, after.into_iter().map(Some)))
    }

    /// Tells of something that was made once and is declared no more, and of the command that removes it where that is
    /// asked for.
    pub fn leave(&mut self, note: Diagnostic, verb: &str, removal: Command) {
        let Command { argv, stdin, proof, reason, .. } = removal;
        let action = Action::Run { site: self.site.clone(), argv, stdin, proof };
        let removal = Step::new(&self.resource, self.feature, verb, Phase::Provision, action, reason);
        self.leftovers.push(Leftover { note, removal });
    }

    /// Returns what is declared no more.
    pub fn into_leftovers(self) -> Vec<Leftover> {
        self.leftovers
    }

    /// Returns every question that was asked.
    pub fn into_probes(self) -> Vec<Probe> {
        self.asked.into_inner().into_iter().collect()
    }

    /// Returns the warnings and notes among the findings.
    pub fn into_notes(self) -> Diagnostics {
        self.findings.into_iter().filter(|found| found.severity != Severity::Error).collect()
    }

    /// Returns the missing steps, or the findings if there is an error among them.
    pub fn into_steps(self) -> Result<Vec<Step>, Diagnostics> {
        self.findings.into_result(self.steps)
    }
}
