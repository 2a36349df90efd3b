//! What is missing: sources of packages, one step for all packages, then locale, time zone, users and keys.

mod apt;
mod locale;
mod user;

use std::collections::BTreeSet;

use phoenix_core::{
    Action, Content, Diagnostics, Evidence, Facts, Phase, Probe, ResourceId, Site, Step, StepId,
    evidence::FileState,
};

use crate::{
    config::{Config, Package},
    probes,
    setup::NAME,
};

/// Returns the steps that are missing.
pub(crate) fn plan(site: &Site, config: &Config, facts: &Facts) -> Result<Vec<Step>, Diagnostics> {
    let mut draft = Draft::new(site, facts);
    let sources = apt::plan(&mut draft, config);
    packages(&mut draft, config, sources);
    locale::plan(&mut draft, config);
    user::plan(&mut draft, config);
    draft.findings.into_result(draft.steps)
}

/// The steps so far, and what they are made from.
struct Draft<'a> {
    site: &'a Site,
    resource: ResourceId,
    facts: &'a Facts,
    steps: Vec<Step>,
    findings: Diagnostics,
    /// The step that installs packages, if there is one.
    install: Option<StepId>,
}

/// A file as it shall be.
struct File<'a> {
    path: &'a str,
    content: Content,
    mode: u32,
    owner: &'a str,
}

impl<'a> Draft<'a> {
    fn new(site: &'a Site, facts: &'a Facts) -> Self {
        let resource = match site {
            Site::Guest(guest) => guest.resource(),
            Site::Host(name) => ResourceId::new("host", name),
        };
        Self { site, resource, facts, steps: Vec::new(), findings: Diagnostics::new(), install: None }
    }

    /// Adds a step that waits for others, and returns its id.
    fn add(
        &mut self,
        verb: &str,
        action: Action,
        reason: String,
        after: impl IntoIterator<Item = Option<StepId>>,
    ) -> StepId {
        let mut step = Step::new(&self.resource, NAME, verb, Phase::Provision, action, reason);
        step.after.extend(after.into_iter().flatten());
        let id = step.id.clone();
        self.steps.push(step);
        id
    }

    /// Adds a step that writes a file, unless it is as it shall be.
    fn write(
        &mut self,
        verb: &str,
        file: File<'_>,
        after: impl IntoIterator<Item = Option<StepId>>,
    ) -> Option<StepId> {
        let found = probes::state(self.site, file.path, self.facts);
        let reason = match found {
            None => format!("`{}` is missing", file.path),
            Some(found) if found.text.is_none() || file.content.over(old(found)) != found.text => {
                format!("`{}` has another content", file.path)
            }
            Some(found) if found.mode & 0o7777 != file.mode => {
                format!("`{}` has mode {:o} instead of {:o}", file.path, found.mode & 0o7777, file.mode)
            }
            Some(found) if found.owner != file.owner => {
                format!("`{}` belongs to `{}` instead of `{}`", file.path, found.owner, file.owner)
            }
            Some(_) => return None,
        };
        let action = Action::WriteFile {
            site: self.site.clone(),
            path: file.path.to_owned(),
            content: file.content,
            mode: file.mode,
            owner: file.owner.to_owned(),
            group: file.owner.to_owned(),
            check: Vec::new(),
        };
        Some(self.add(verb, action, reason, after))
    }
}

/// Returns lines as the feature's own block.
fn block(lines: impl IntoIterator<Item = String>) -> Content {
    Content::Block { owner: NAME.to_owned(), lines: lines.into_iter().collect() }
}

/// Returns what a file holds; nothing if it is no text.
fn old(found: &FileState) -> &str {
    found.text.as_deref().unwrap_or("")
}

fn packages(draft: &mut Draft<'_>, config: &Config, sources: BTreeSet<StepId>) {
    let is_missing = |package: &Package| {
        let probe = Probe::Package { site: draft.site.clone(), name: package.to_string() };
        !matches!(draft.facts.get(&probe), Some(Evidence::Package { .. }))
    };
    let names: BTreeSet<String> = config
        .needed_packages()
        .iter()
        .filter(|package| is_missing(package))
        .map(Package::to_string)
        .collect();
    if names.is_empty() {
        return;
    }
    let list: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let reason = format!("missing: {}", list.join(", "));
    let action = Action::InstallPackages { site: draft.site.clone(), names };
    draft.install = Some(draft.add("install-packages", action, reason, sources.into_iter().map(Some)));
}
