//! Taking back: what a feature made at a site is undone as far as nothing of others is lost by it. What it made is what it
//! would make where nothing is, so no feature has to say it twice.

use std::collections::BTreeSet;

use super::{
    compose::Draft,
    resolve::{Installed, Item},
};
use crate::{
    action::{Action, UnitGoal},
    condition::{Condition, Expect},
    content::Content,
    diagnostic::{Diagnostic, Diagnostics},
    earlier,
    evidence::{Evidence, FileState},
    facts::Facts,
    id::{ResourceId, Site},
    plan::{Phase, Step},
    probe::Probe,
};

/// What every file that Phoenix wrote whole says of itself.
const MARK: &str = "Written by Phoenix";

/// Returns what must be known of a site to take back what these features made there.
pub(crate) fn probes(item: &Item, names: &BTreeSet<String>) -> Result<BTreeSet<Probe>, Diagnostics> {
    let Some(site) = &item.site else { return Ok(BTreeSet::new()) };
    let mut probes = BTreeSet::new();
    for installed in meant(item, names) {
        for step in made(item, installed)? {
            match &step.action {
                Action::WriteFile { path, .. } => {
                    let all = [path.clone(), earlier::kept(path), earlier::nothing(path)];
                    probes.extend(all.map(|path| Probe::file(site, path)));
                }
                Action::Symlink { path, .. } => drop(probes.insert(Probe::file(site, path))),
                Action::InstallArtifact { artifact, .. } => {
                    probes.insert(Probe::file(site, artifact.stamp_path()));
                }
                Action::SetUnit { name, .. } => drop(probes.insert(Probe::unit(site, name))),
                _ => {}
            }
        }
    }
    Ok(probes)
}

/// Returns the steps that take back what these features made, the last first.
pub(super) fn draft(
    id: &ResourceId,
    item: &Item,
    names: &BTreeSet<String>,
    facts: &Facts,
    notes: &mut Diagnostics,
) -> Result<Draft, Diagnostics> {
    let mut steps: Vec<Step> = Vec::new();
    if let Some(site) = &item.site {
        for installed in meant(item, names).rev() {
            let made = made(item, installed)?;
            let feature = installed.feature.descriptor().name.as_str();
            let mut undoing = Undoing { id, site, feature, facts, steps: Vec::new(), stays: Vec::new() };
            undoing.units(&made, true);
            for step in made.iter().rev() {
                undoing.undo(step);
            }
            if !undoing.steps.is_empty() {
                undoing.units(&made, false);
            }
            notes.push(item.place_feature(undoing.note(), installed));
            let mut before = steps.last().map(|step| step.id.clone());
            for mut step in undoing.steps {
                step.after.extend(before.replace(step.id.clone()));
                steps.push(step);
            }
        }
    }
    Ok(Draft { steps, outdated: None, stands_on: None })
}

fn meant<'a>(item: &'a Item, names: &'a BTreeSet<String>) -> impl DoubleEndedIterator<Item = &'a Installed> {
    item.features.iter().filter(|one| names.contains(&one.feature.descriptor().name))
}

/// Returns all that a feature does where nothing is.
fn made(item: &Item, installed: &Installed) -> Result<Vec<Step>, Diagnostics> {
    let Some(site) = &item.site else { return Ok(Vec::new()) };
    installed.feature.plan(site, &installed.config, &Facts::new()).map_err(|_| {
        let name = &installed.feature.descriptor().name;
        let refused =
            Diagnostic::error("not-taken-back", format!("what `{name}` makes cannot be taken back"))
                .with_hint("it stands on what the host has, such as disks; undo it by hand");
        item.place_feature(refused, installed).into()
    })
}

/// What one feature made, while it is undone.
struct Undoing<'a> {
    id: &'a ResourceId,
    site: &'a Site,
    feature: &'a str,
    facts: &'a Facts,
    steps: Vec<Step>,
    stays: Vec<String>,
}

impl Undoing<'_> {
    fn file(&self, path: &str) -> Option<&FileState> {
        match self.facts.get(&Probe::file(self.site, path)) {
            Some(Evidence::File(state)) => Some(state),
            _ => None,
        }
    }

    fn add(&mut self, verb: &str, action: Action, reason: String) {
        self.steps.push(Step::new(self.id, self.feature, verb, Phase::Provision, action, reason));
    }

    /// Stops the units that the feature brought along, or has those of packages read what they have again.
    fn units(&mut self, made: &[Step], own: bool) {
        let brings = |name: &str| {
            let ending = format!("/{name}");
            made.iter()
                .any(|step| matches!(&step.action, Action::WriteFile { path, .. } if path.ends_with(&ending)))
        };
        let names: BTreeSet<&String> = made
            .iter()
            .filter_map(|step| match &step.action {
                Action::SetUnit { name, .. } => Some(name),
                _ => None,
            })
            .filter(|name| brings(name) == own)
            .collect();
        for name in names {
            let found = self.facts.get(&Probe::unit(self.site, name));
            let Some(&Evidence::Unit { active, enabled, .. }) = found else { continue };
            let (goal, enabled, verb, reason) = match (own, active || enabled) {
                (_, false) => continue,
                (true, true) => {
                    (UnitGoal::Stopped, false, "stop", format!("`{name}` is `{}`'s", self.feature))
                }
                (false, true) if active => {
                    let reason = format!("`{name}` still has what is taken back");
                    (UnitGoal::Restarted, enabled, "restart", reason)
                }
                (false, true) => continue,
            };
            let action = Action::SetUnit { site: self.site.clone(), name: name.clone(), goal, enabled };
            self.add(&format!("{verb}-{name}"), action, reason);
        }
    }

    fn undo(&mut self, step: &Step) {
        match &step.action {
            Action::WriteFile { path, content, mode, owner, group, .. } => match content {
                Content::Block { owner: whose, .. } => {
                    let open = format!("# BEGIN phoenix {whose}");
                    let text = self.file(path).and_then(|file| file.text.as_deref()).unwrap_or_default();
                    if text.lines().any(|line| line.trim() == open) {
                        let action = Action::WriteFile {
                            site: self.site.clone(),
                            path: path.clone(),
                            content: Content::Block { owner: whose.clone(), lines: Vec::new() },
                            mode: *mode,
                            owner: owner.clone(),
                            group: group.clone(),
                            check: Vec::new(),
                        };
                        let reason = format!("`{path}` has a block of `{whose}`");
                        self.add(&named("take-out", path), action, reason);
                    }
                }
                Content::Text(_) | Content::Secret(_) | Content::Copy { .. } | Content::Answer { .. } => {
                    self.put_back(path, content);
                }
            },
            Action::Symlink { path, target, .. }
                if self.file(path).is_some_and(|file| file.link.as_ref() == Some(target)) =>
            {
                self.remove(path, format!("`{path}` points to `{target}`"));
            }
            Action::InstallArtifact { artifact, path, .. } => {
                let stamp = artifact.stamp_path();
                if artifact.is_tree() {
                    self.stays.push(format!("the directory `{path}`"));
                } else if self.file(&stamp).is_some() {
                    self.remove(path, format!("`{path}` was installed from `{}`", artifact.name));
                    self.remove(&stamp, format!("`{path}` goes"));
                }
            }
            Action::InstallPackages { names, .. } => {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                self.stays.push(format!("the packages {}", names.join(", ")));
            }
            Action::EnsureUser { name, .. } => self.stays.push(format!("the user `{name}`")),
            Action::MakeDirectory { path, .. } => self.stays.push(format!("the directory `{path}`")),
            Action::Run { argv, .. } => self.stays.push(format!("what `{}` did", argv.join(" "))),
            _ => {}
        }
    }

    /// Puts back what was at a path before Phoenix first wrote there; what nobody had there is removed.
    fn put_back(&mut self, path: &str, content: &Content) {
        let (before, absent) = (earlier::kept(path), earlier::nothing(path));
        if self.file(&before).is_some() {
            let argv = ["mv", "-fT", "--", &before, path].map(str::to_owned).to_vec();
            let proof = Condition::new(Probe::file(self.site, &before), Expect::Absent);
            let action = Action::Run { site: self.site.clone(), argv, stdin: None, proof };
            self.add(&named("restore", path), action, format!("`{before}` is what was there before"));
            return;
        }
        let was_absent = self.file(&absent).is_some();
        if let Some(file) = self.file(path) {
            let is_ours = was_absent
                || file
                    .text
                    .as_ref()
                    .is_some_and(|text| text.contains(MARK) || content.over("").as_ref() == Some(text));
            if !is_ours {
                return;
            }
            self.remove(path, format!("`{path}` is `{}`'s", self.feature));
        }
        if was_absent {
            self.remove(&absent, format!("`{path}` is as it was"));
        }
    }

    fn remove(&mut self, path: &str, reason: String) {
        let action = Action::RemoveFile { site: self.site.clone(), path: path.to_owned() };
        self.add(&named("remove", path), action, reason);
    }

    /// Returns what is told of what is left.
    fn note(&self) -> Diagnostic {
        let message = match self.stays.is_empty() {
            true => format!("`{}` is taken back", self.feature),
            false => format!("of `{}` these stay: {}", self.feature, self.stays.join("; ")),
        };
        Diagnostic::note("taken-back", message)
            .with_hint("take it out of the host's file too, or the next `phoenix setup` makes it again")
    }
}

fn named(verb: &str, path: &str) -> String {
    format!("{verb}{}", path.replace('/', "-"))
}
