//! Facts as they would be once steps are done, for trying a feature without any engine. The crates of features include
//! this file into their own tests, since they know `phoenix-core` alone.

use phoenix_core::{
    Action, Condition, Content, Evidence, Expect, Facts, Feature, Probe, Site, Step, UnitGoal,
    evidence::FileState,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Returns a file's evidence.
pub(crate) fn file(text: &str, mode: u32, owner: &str) -> Evidence {
    let sha256 = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
    state(FileState { sha256, text: Some(text.to_owned()), ..empty(mode, owner) })
}

/// Returns what a command said with status 0.
pub(crate) fn said(text: &str) -> Evidence {
    Evidence::Output { status: 0, stdout: text.to_owned(), stderr: String::new() }
}

/// Returns what a command said that failed.
pub(crate) fn failed(status: i32, text: &str) -> Evidence {
    Evidence::Output { status, stdout: String::new(), stderr: text.to_owned() }
}

/// Returns the plan's steps as far as a reader needs them: verb, reason and what they wait for.
pub(crate) fn verbs(feature: &dyn Feature, site: &Site, config: &Value, facts: &Facts) -> Vec<String> {
    let steps = feature.plan(site, config, facts).expect("a plan");
    steps.iter().map(|step| step.id.verb().to_owned()).collect()
}

/// Returns everything that is refused: code and message.
pub(crate) fn refused(feature: &dyn Feature, site: &Site, config: &Value, facts: &Facts) -> Vec<String> {
    match feature.plan(site, config, facts) {
        Ok(_) => Vec::new(),
        Err(found) => found.iter().map(|finding| format!("{}: {}", finding.code, finding.message)).collect(),
    }
}

/// Returns the facts when the plan has been carried out again and again until nothing is left.
///
/// # Panics
/// If something is left after five rounds.
pub(crate) fn settled(feature: &dyn Feature, site: &Site, config: &Value, facts: &Facts) -> Facts {
    let mut facts = facts.clone();
    for _ in 0..5 {
        let steps = feature.plan(site, config, &facts).expect("a plan");
        if steps.is_empty() {
            return facts;
        }
        let probes = feature.probes(site, config, &facts).expect("probes");
        settle(&mut facts, &steps, &probes);
    }
    panic!("it does not settle: {:?}", verbs(feature, site, config, &facts));
}

/// Does what the steps say, to the facts alone. `probes` are the questions that the feature asks.
pub(crate) fn settle(facts: &mut Facts, steps: &[Step], probes: &[Probe]) {
    for step in steps {
        match &step.action {
            Action::WriteFile { site, path, content, mode, owner, .. } => {
                let probe = Probe::file(site, path);
                let old = match facts.get(&probe) {
                    Some(Evidence::File(found)) => found.text.clone().unwrap_or_default(),
                    _ => String::new(),
                };
                let text = match content {
                    Content::Text(_) | Content::Block { .. } => content.over(&old).unwrap_or_default(),
                    Content::Secret(secret) => format!("what `{secret}` says"),
                    Content::Copy { path, .. } => format!("what `{path}` says"),
                    Content::Answer { argv, .. } => format!("what `{}` answers", argv.join(" ")),
                };
                facts.insert(probe, file(&text, *mode, owner));
            }
            Action::MakeDirectory { site, path, mode, owner, .. } => {
                facts.insert(
                    Probe::file(site, path),
                    state(FileState { directory: true, ..empty(*mode, owner) }),
                );
            }
            Action::Symlink { site, path, target } => {
                let link = Some(target.clone());
                facts.insert(Probe::file(site, path), state(FileState { link, ..empty(0o777, "root") }));
            }
            Action::RemoveFile { site, path } => facts.insert(Probe::file(site, path), Evidence::Absent),
            Action::InstallPackages { site, names } => {
                for name in names {
                    facts.insert(Probe::package(site, name), Evidence::Package { version: "1".to_owned() });
                }
            }
            Action::InstallArtifact { site, artifact, path, mode } => {
                let text = artifact.stamp((!artifact.is_tree()).then_some("5a"));
                facts.insert(Probe::file(site, artifact.stamp_path()), file(&text, 0o644, "root"));
                let (directory, sha256) = (artifact.is_tree(), "5a".to_owned());
                let found = FileState { directory, sha256, ..empty(*mode, "root") };
                facts.insert(Probe::file(site, path), state(found));
            }
            Action::EnsureUser { site, name, shell, groups, .. } => {
                let (home, groups) = (format!("/home/{name}"), groups.clone());
                let user = Evidence::User { uid: 999, shell: shell.clone(), home, groups };
                facts.insert(Probe::User { site: site.clone(), name: name.clone() }, user);
            }
            Action::SetUnit { site, name, goal, enabled } => {
                let active = *goal != UnitGoal::Stopped;
                let unit =
                    Evidence::Unit { active, enabled: *enabled, stale: std::collections::BTreeSet::new() };
                let is_it = |probe: &&Probe| matches!(probe, Probe::Unit { site: at, name: asked, .. } if at == site && asked == name);
                for probe in probes.iter().filter(is_it) {
                    facts.insert(probe.clone(), unit.clone());
                }
            }
            Action::Run { proof: condition, .. } | Action::Await { condition, .. } => hold(facts, condition),
            other => panic!("a feature does not do this: {other:?}"),
        }
    }
}

fn hold(facts: &mut Facts, condition: &Condition) {
    if facts.get(&condition.probe).is_some_and(|evidence| condition.holds(evidence)) {
        return;
    }
    let evidence = match &condition.expect {
        Expect::Present => file("", 0o644, "root"),
        Expect::Absent => Evidence::Absent,
        Expect::Succeeds => said(""),
        Expect::Ends { status } => {
            Evidence::Output { status: *status, stdout: String::new(), stderr: String::new() }
        }
        Expect::SaysLine { line } => match facts.get(&condition.probe) {
            Some(Evidence::Output { status: 0, stdout, .. }) => said(&format!("{stdout}{line}\n")),
            _ => said(&format!("{line}\n")),
        },
        other => panic!("a feature does not wait for this: {other:?}"),
    };
    facts.insert(condition.probe.clone(), evidence);
}

fn empty(mode: u32, owner: &str) -> FileState {
    let (owner, group) = (owner.to_owned(), owner.to_owned());
    FileState { directory: false, sha256: String::new(), mode, owner, group, link: None, text: None }
}

fn state(found: FileState) -> Evidence {
    Evidence::File(found)
}
