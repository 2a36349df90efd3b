//! Checks of a finished plan, whoever made its steps: order, ownership, secrets and sites.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    action::Action,
    content::Content,
    diagnostic::{Diagnostic, Diagnostics},
    id::{GuestId, Site, StepId},
    object::ObjectChange,
    plan::{Plan, Step},
};

/// Keys of guests and objects that hold a secret in clear: they never stand in a plan.
const SECRET_KEYS: [&str; 4] = ["cipassword", "encryption-key", "keyring", "password"];

/// Something that a step writes: two unordered writers of it would make the outcome depend on luck.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Target<'a> {
    Path(&'a Site, &'a str),
    Unit(&'a Site, &'a str),
    User(&'a Site, &'a str),
    Property(u32, &'a str),
}

/// Returns everything that is wrong with a plan: steps out of order, unknown edges, two unordered writers of one
/// thing, secrets in clear, and steps that work outside their own resource.
pub fn check(plan: &Plan) -> Diagnostics {
    let mut findings = Diagnostics::new();
    let mut place: BTreeMap<&StepId, usize> = BTreeMap::new();
    for (index, step) in plan.steps.iter().enumerate() {
        if place.insert(&step.id, index).is_some() {
            findings.push(fault("step-clash", format!("two steps have the id `{}`", step.id)));
        }
        for after in step.after.iter().filter(|after| !place.contains_key(*after)) {
            findings.push(fault(
                "step-order",
                format!("`{}` stands before `{after}`, or that is missing", step.id),
            ));
        }
        if let Some(key) = secret_key(&step.action) {
            findings.push(fault("secret-in-plan", format!("`{}` carries `{key}` in clear", step.id)));
        }
        if let Some(secret) = content(&step.action).and_then(Content::secret_told) {
            let told = format!("`{}` tells the secret `{secret}` to a command for its answer", step.id);
            findings.push(fault("secret-in-plan", told));
        }
        if !works_at_home(step) {
            findings.push(fault("foreign-site", format!("`{}` works outside `{}`", step.id, step.resource)));
        }
    }
    if findings.is_empty() {
        findings.extend(unordered_writers(plan, &place));
    }
    findings
}

fn fault(code: &str, message: String) -> Diagnostic {
    Diagnostic::error(code, message).with_hint("this is a fault of the manager or feature that made it")
}

fn secret_key(action: &Action) -> Option<&str> {
    if let Action::Object { change: ObjectChange::Create { values, .. }, .. } = action {
        return values.keys().map(String::as_str).find(|key| SECRET_KEYS.contains(key));
    }
    let (Action::CreateLxc { params: values, .. }
    | Action::CreateVm { params: values, .. }
    | Action::Configure { set: values, .. }) = action
    else {
        return None;
    };
    values.keys().map(String::as_str).find(|key| SECRET_KEYS.contains(key))
}

fn content(action: &Action) -> Option<&Content> {
    match action {
        Action::WriteFile { content, .. } => Some(content),
        Action::Run { stdin, .. } => stdin.as_ref(),
        _ => None,
    }
}

fn works_at_home(step: &Step) -> bool {
    if let Action::Firewall { scope, .. } = &step.action {
        return scope.resource() == step.resource;
    }
    let home = step.resource.guest().map(|guest: GuestId| guest.vmid);
    match (step.action.vmid(), home) {
        (Some(vmid), Some(home)) => vmid == home,
        // What is no guest itself can have its site in one, and nothing to do with the guest from outside.
        (Some(_), None) => step.action.site().is_some(),
        (None, _) => true,
    }
}

fn targets(action: &Action) -> Vec<Target<'_>> {
    match action {
        Action::WriteFile { site, path, .. }
        | Action::InstallArtifact { site, path, .. }
        | Action::MakeDirectory { site, path, .. }
        | Action::Symlink { site, path, .. }
        | Action::RemoveFile { site, path } => vec![Target::Path(site, path)],
        Action::SetUnit { site, name, .. } => vec![Target::Unit(site, name)],
        Action::EnsureUser { site, name, .. } => vec![Target::User(site, name)],
        Action::Configure { guest, set, delete, .. } => {
            set.keys().chain(delete).map(|key| Target::Property(guest.vmid.0, key)).collect()
        }
        Action::CreateLxc { vmid, params, .. } | Action::CreateVm { vmid, params, .. } => {
            params.keys().map(|key| Target::Property(vmid.0, key)).collect()
        }
        Action::SetRawKeys { guest, .. } => vec![Target::Property(guest.vmid.0, "lxc")],
        Action::Resize { guest, disk, .. } => vec![Target::Property(guest.vmid.0, disk)],
        // Its steps come one after the other, and each change has a step of its own.
        Action::Firewall { .. }
        | Action::Object { .. }
        | Action::FetchOsTemplate { .. }
        | Action::FetchImage { .. }
        | Action::Clone { .. }
        | Action::Start { .. }
        | Action::Stop { .. }
        | Action::Migrate { .. }
        | Action::Delete { .. }
        | Action::Snapshot { .. }
        | Action::DeleteSnapshot { .. }
        | Action::Rollback { .. }
        | Action::MakeTemplate { .. }
        | Action::InstallPackages { .. }
        | Action::Run { .. }
        | Action::Reboot { .. }
        | Action::Await { .. } => Vec::new(),
    }
}

fn unordered_writers(plan: &Plan, place: &BTreeMap<&StepId, usize>) -> Diagnostics {
    let mut writers: BTreeMap<Target<'_>, Vec<usize>> = BTreeMap::new();
    for (index, step) in plan.steps.iter().enumerate() {
        for target in targets(&step.action) {
            writers.entry(target).or_default().push(index);
        }
    }
    let mut findings = Diagnostics::new();
    for (target, members) in writers.into_iter().filter(|(_, members)| members.len() > 1) {
        for pair in members.windows(2) {
            if !waits_for(plan, place, pair[1], pair[0]) {
                let (one, other) = (&plan.steps[pair[0]].id, &plan.steps[pair[1]].id);
                let what = match target {
                    Target::Path(site, path) => format!("the file `{path}` of `{site}`"),
                    Target::Unit(site, name) => format!("the unit `{name}` of `{site}`"),
                    Target::User(site, name) => format!("the user `{name}` of `{site}`"),
                    Target::Property(vmid, key) => format!("`{key}` of `{vmid}`"),
                };
                findings.push(fault(
                    "two-writers",
                    format!("`{one}` and `{other}` both write {what}, in no order"),
                ));
            }
        }
    }
    findings
}

/// Tells whether the later step waits for the earlier one, directly or not.
fn waits_for(plan: &Plan, place: &BTreeMap<&StepId, usize>, later: usize, earlier: usize) -> bool {
    let mut seen = BTreeSet::new();
    let mut left = vec![later];
    while let Some(index) = left.pop() {
        if index == earlier {
            return true;
        }
        // A step stands behind all that it waits for: nothing before the earlier one can lead to it.
        if index > earlier && seen.insert(index) {
            left.extend(plan.steps[index].after.iter().filter_map(|after| place.get(after)));
        }
    }
    false
}
