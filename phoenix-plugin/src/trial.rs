//! A trial: a guest in miniature, in which steps are done as values, for the tests of authors. It has files, packages,
//! units and users; a command that was run counts as done once its proof says so.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_core::{
    Action, Condition, Content, Diagnostics, Evidence, Expect, Facts, Feature, GuestId, Probe, Site, Step,
    UnitGoal, evidence::FileState,
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// How often a feature may ask for more before that counts as asking without end.
const MOST_ROUNDS: usize = 8;
/// Text up to this size is told of a file.
const TOLD: usize = 64 << 10;

/// A guest in miniature.
#[derive(Clone, Debug)]
pub struct Trial {
    site: Site,
    answers: BTreeMap<Probe, Evidence>,
}

impl Trial {
    /// Returns a running guest with nothing in it.
    pub fn new() -> Self {
        Self::at(Site::Guest(GuestId::lxc(101)))
    }

    /// Returns the same at another site.
    pub fn at(site: Site) -> Self {
        Self { site, answers: BTreeMap::new() }
    }

    /// Returns where it is.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// Changes the answer to a probe, as somebody who breaks something does; none takes the thing away.
    pub fn set(&mut self, probe: Probe, answer: Option<Evidence>) {
        match answer {
            Some(answer) => drop(self.answers.insert(probe, answer)),
            None => drop(self.answers.remove(&probe)),
        }
    }

    /// Puts a file into it.
    pub fn write(&mut self, path: &str, text: &str) {
        let state = file(text.as_bytes(), Some(text), 0o644, "root", "root");
        self.answers.insert(self.file(path), Evidence::File(state));
    }

    /// Takes a file out of it.
    pub fn remove(&mut self, path: &str) {
        self.answers.remove(&self.file(path));
    }

    /// Returns the text of a file, if it is there and has one.
    pub fn text(&self, path: &str) -> Option<&str> {
        match self.answers.get(&self.file(path))? {
            Evidence::File(state) => state.text.as_deref(),
            _ => None,
        }
    }

    /// Returns what is missing: asks what the feature wants to know until it has no more questions, and lets it plan.
    pub fn plan(&self, feature: &dyn Feature, config: &Value) -> Result<Vec<Step>, Diagnostics> {
        let mut facts = Facts::new();
        for _ in 0..MOST_ROUNDS {
            let asked = feature.probes(&self.site, config, &facts)?;
            let news: Vec<Probe> = asked.into_iter().filter(|probe| !facts.knows(probe)).collect();
            if news.is_empty() {
                break;
            }
            for probe in news {
                let answer = self.answer(&probe);
                facts.insert(probe, answer);
            }
        }
        feature.plan(&self.site, config, &facts)
    }

    /// Does what is missing, and returns which steps that took.
    pub fn converge(&mut self, feature: &dyn Feature, config: &Value) -> Result<Vec<Step>, Diagnostics> {
        let steps = self.plan(feature, config)?;
        let mut done: BTreeSet<_> = BTreeSet::new();
        let mut left: Vec<&Step> = steps.iter().collect();
        while !left.is_empty() {
            let is_ready = |step: &&Step| step.after.iter().all(|after| done.contains(after));
            // Steps that wait for each other are Phoenix's to refuse; here they are done as they stand.
            let index = left.iter().position(is_ready).unwrap_or(0);
            let step = left.remove(index);
            self.perform(&step.action);
            done.insert(step.id.clone());
        }
        Ok(steps)
    }

    fn file(&self, path: &str) -> Probe {
        Probe::File { site: self.site.clone(), path: path.to_owned() }
    }

    fn set_unit(&mut self, name: &str, active: bool, enabled: bool) {
        let unit = Evidence::Unit { active, enabled, stale: BTreeSet::new() };
        self.answers.insert(Probe::unit(&self.site, name), unit);
    }

    fn answer(&self, probe: &Probe) -> Evidence {
        let answer = match probe {
            // What it reads is part of the question, and not of what the unit is.
            Probe::Unit { site, name, .. } => self.answers.get(&Probe::unit(site, name)).cloned(),
            probe => self.answers.get(probe).cloned(),
        };
        answer.unwrap_or_else(|| match probe {
            Probe::Command { .. } => {
                Evidence::Output { status: 127, stdout: String::new(), stderr: "not found".to_owned() }
            }
            Probe::File { .. }
            | Probe::Package { .. }
            | Probe::Unit { .. }
            | Probe::User { .. }
            | Probe::Nodes
            | Probe::Guests
            | Probe::Storages { .. }
            | Probe::Volumes { .. }
            | Probe::Config { .. }
            | Probe::Snapshots { .. }
            | Probe::Firewall { .. }
            | Probe::FirewallNames { .. }
            | Probe::Objects { .. } => Evidence::Absent,
        })
    }

    fn perform(&mut self, action: &Action) {
        let site = self.site.clone();
        match action {
            Action::WriteFile { path, content, mode, owner, group, .. } => {
                let old = self.text(path).unwrap_or_default().to_owned();
                let text = content.over(&old);
                let bytes = text.clone().unwrap_or_else(|| secret(content));
                let state = file(bytes.as_bytes(), text.as_deref(), *mode, owner, group);
                self.answers.insert(self.file(path), Evidence::File(state));
            }
            Action::InstallArtifact { artifact, path, mode, .. } => {
                let installed =
                    FileState { directory: artifact.is_tree(), ..file(b"", None, *mode, "root", "root") };
                let stamp = artifact.stamp((!artifact.is_tree()).then_some(installed.sha256.as_str()));
                self.answers.insert(self.file(path), Evidence::File(installed));
                self.write(&artifact.stamp_path(), &stamp);
            }
            Action::MakeDirectory { path, mode, owner, group, .. } => {
                let state = FileState {
                    directory: true,
                    sha256: String::new(),
                    ..file(b"", None, *mode, owner, group)
                };
                self.answers.insert(self.file(path), Evidence::File(state));
            }
            Action::Symlink { path, target, .. } => {
                self.hold(&Condition::new(self.file(path), Expect::LinksTo { target: target.clone() }))
            }
            Action::RemoveFile { path, .. } => self.remove(path),
            Action::InstallPackages { names, .. } => {
                for name in names {
                    let probe = Probe::Package { site: site.clone(), name: name.clone() };
                    self.answers.insert(probe, Evidence::Package { version: "1".to_owned() });
                }
            }
            Action::EnsureUser { name, shell, groups, .. } => {
                let home = format!("/home/{name}");
                let user = Evidence::User { uid: 1000, shell: shell.clone(), home, groups: groups.clone() };
                self.answers.insert(Probe::User { site, name: name.clone() }, user);
            }
            Action::SetUnit { name, goal, enabled, .. } => {
                let active = match goal {
                    UnitGoal::Started | UnitGoal::Restarted | UnitGoal::Reloaded => true,
                    UnitGoal::Stopped => false,
                };
                self.set_unit(name, active, *enabled);
            }
            Action::Run { proof, .. } => self.hold(proof),
            Action::Await { condition, .. } => self.hold(condition),
            // None of these is a feature's of a guest to do.
            Action::Reboot { .. }
            | Action::FetchOsTemplate { .. }
            | Action::FetchImage { .. }
            | Action::CreateLxc { .. }
            | Action::CreateVm { .. }
            | Action::Clone { .. }
            | Action::Configure { .. }
            | Action::SetRawKeys { .. }
            | Action::Resize { .. }
            | Action::Start { .. }
            | Action::Stop { .. }
            | Action::Migrate { .. }
            | Action::Delete { .. }
            | Action::Snapshot { .. }
            | Action::DeleteSnapshot { .. }
            | Action::Rollback { .. }
            | Action::MakeTemplate { .. }
            | Action::Firewall { .. }
            | Action::Object { .. } => {}
        }
    }

    /// Lets a condition hold from now on.
    fn hold(&mut self, condition: &Condition) {
        let Condition { probe, expect } = condition;
        let old = self.answer(probe);
        if condition.holds(&old) {
            return;
        }
        let output = |stdout: String| Evidence::Output { status: 0, stdout, stderr: String::new() };
        let state = || match &old {
            Evidence::File(state) => state.clone(),
            _ => file(b"", Some(""), 0o644, "root", "root"),
        };
        let answer = match expect {
            Expect::Absent => return drop(self.answers.remove(probe)),
            Expect::Present => match probe {
                Probe::Package { .. } => Evidence::Package { version: "1".to_owned() },
                Probe::Unit { name, .. } => return self.set_unit(name, false, false),
                Probe::Command { .. } => output(String::new()),
                Probe::User { name, .. } => Evidence::User {
                    uid: 1000,
                    shell: "/bin/sh".to_owned(),
                    home: format!("/home/{name}"),
                    groups: BTreeSet::new(),
                },
                Probe::File { .. } => Evidence::File(state()),
                Probe::Nodes
                | Probe::Guests
                | Probe::Storages { .. }
                | Probe::Volumes { .. }
                | Probe::Config { .. }
                | Probe::Snapshots { .. }
                | Probe::Firewall { .. }
                | Probe::FirewallNames { .. }
                | Probe::Objects { .. } => return,
            },
            Expect::Active => match probe {
                Probe::Unit { name, .. } => return self.set_unit(name, true, true),
                _ => return,
            },
            Expect::Succeeds => output(String::new()),
            Expect::Ends { status } => {
                Evidence::Output { status: *status, stdout: String::new(), stderr: String::new() }
            }
            Expect::SaysLine { line } => match old {
                Evidence::Output { status: 0, stdout, .. } => output(format!("{stdout}{line}\n")),
                _ => output(format!("{line}\n")),
            },
            Expect::Sha256 { sha256 } => {
                Evidence::File(FileState { sha256: sha256.clone(), text: None, ..state() })
            }
            Expect::LinksTo { target } => Evidence::File(FileState { link: Some(target.clone()), ..state() }),
            Expect::Unlocked { .. } | Expect::Running { .. } => return,
        };
        self.answers.insert(probe.clone(), answer);
    }
}

impl Default for Trial {
    fn default() -> Self {
        Self::new()
    }
}

fn file(bytes: &[u8], text: Option<&str>, mode: u32, owner: &str, group: &str) -> FileState {
    FileState {
        directory: false,
        sha256: Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect(),
        mode,
        owner: owner.to_owned(),
        group: group.to_owned(),
        link: None,
        text: text.filter(|text| text.len() <= TOLD).map(str::to_owned),
    }
}

/// Returns what a secret is here: a text that only the same reference has.
fn secret(content: &Content) -> String {
    content.secret().map(ToString::to_string).unwrap_or_default()
}
