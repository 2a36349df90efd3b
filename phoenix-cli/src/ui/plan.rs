//! A plan as text: a line a step with what changes and why, then what it amounts to.

use std::collections::BTreeSet;

use anstyle::Style;
use phoenix_core::{Action, Change, ObjectChange, Plan, ResourceId, Step, firewall::FirewallChange};
use serde::Serialize;

use super::{
    number,
    paint::{CHANGE, CREATE, DELETE, FAINT, HINT, paint},
};

/// What a plan amounts to, in resources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Tally {
    /// Resources that come into being.
    pub(crate) create: usize,
    /// Resources that are there and change.
    pub(crate) change: usize,
    /// Resources that go; those that are made anew are counted here and among those that come.
    pub(crate) delete: usize,
    /// Steps in all.
    pub(crate) steps: usize,
}

/// What sort of effect a step has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Creates,
    Deletes,
    Powers,
    Waits,
    Changes,
}

impl Tally {
    /// Returns what a plan amounts to.
    pub(crate) fn of(plan: &Plan) -> Self {
        let with = |makes: fn(&Action) -> bool| -> BTreeSet<&ResourceId> {
            plan.steps.iter().filter(|step| makes(&step.action)).map(|step| &step.resource).collect()
        };
        let created = with(|action| {
            let makes =
                matches!(action, Action::CreateLxc { .. } | Action::CreateVm { .. } | Action::Clone { .. });
            makes || matches!(action, Action::Object { change: ObjectChange::Create { .. }, .. })
        });
        let deleted = with(|action| {
            let is_object = matches!(action, Action::Object { change: ObjectChange::Remove { .. }, .. });
            is_object || matches!(action, Action::Delete { .. })
        });
        let changed = with(|action| matches!(sort(action), Sort::Changes | Sort::Powers))
            .into_iter()
            .filter(|id| !created.contains(*id) && !deleted.contains(*id))
            .count();
        Self { create: created.len(), change: changed, delete: deleted.len(), steps: plan.steps.len() }
    }

    /// Returns it in a sentence.
    pub(crate) fn sentence(&self) -> String {
        let Self { create, change, delete, steps } = self;
        format!(
            "Plan: {create} to create, {change} to change, {delete} to delete ({})",
            number(*steps, "step")
        )
    }
}

/// Returns the lines of a plan's steps.
pub(crate) fn steps(plan: &Plan) -> String {
    plan.steps.iter().map(step).collect::<Vec<_>>().join("\n")
}

/// Returns the lines of the steps that wait for a reboot.
pub(crate) fn held(steps: &[Step]) -> String {
    steps.iter().map(step).collect::<Vec<_>>().join("\n")
}

/// Returns what a step changes, property by property.
pub(crate) fn changes(step: &Step) -> Vec<String> {
    step.changes.iter().map(change).collect()
}

/// Returns the line of a step.
pub(crate) fn step(step: &Step) -> String {
    let (sign, style) = match sort(&step.action) {
        Sort::Creates => ("+", CREATE),
        Sort::Deletes => ("-", DELETE),
        Sort::Powers => (">", HINT),
        Sort::Waits => ("?", FAINT),
        Sort::Changes => ("~", CHANGE),
    };
    let id = paint(style, &format!("{sign} {}", step.id));
    let changes = changes(step).join(", ");
    let changes = if changes.is_empty() { String::new() } else { format!("  {changes}") };
    let reason = if step.reason.is_empty() { String::new() } else { format!("  ({})", step.reason) };
    format!("{id}{changes}{}", paint_some(FAINT, &reason))
}

fn change(change: &Change) -> String {
    let Change { field, old, new } = change;
    match (old.as_deref(), new.as_deref()) {
        (Some(old), Some(new)) => format!("{field}: {} -> {}", brief(old), brief(new)),
        (None, Some(new)) => format!("{field}: {}", brief(new)),
        (Some(old), None) => format!("{field}: {} -> none", brief(old)),
        (None, None) => field.clone(),
    }
}

/// Returns a value on one line, cut where it is long.
fn brief(text: &str) -> String {
    const LONGEST: usize = 80;
    let line = text.trim_end().replace('\n', "\\n");
    if line.is_empty() {
        return "''".to_owned();
    }
    if line.chars().count() <= LONGEST {
        return line;
    }
    let cut: String = line.chars().take(LONGEST).collect();
    format!("{cut}...")
}

fn paint_some(style: Style, text: &str) -> String {
    if text.is_empty() { String::new() } else { paint(style, text) }
}

fn sort(action: &Action) -> Sort {
    match action {
        Action::FetchOsTemplate { .. }
        | Action::FetchImage { .. }
        | Action::CreateLxc { .. }
        | Action::CreateVm { .. }
        | Action::Clone { .. }
        | Action::Snapshot { .. } => Sort::Creates,
        Action::Firewall { change, .. } => of_firewall(change),
        Action::Object { change, .. } => of_object(change),
        Action::Delete { .. } | Action::DeleteSnapshot { .. } | Action::RemoveFile { .. } => Sort::Deletes,
        Action::Start { .. } | Action::Stop { .. } | Action::Reboot { .. } => Sort::Powers,
        Action::Await { .. } => Sort::Waits,
        Action::Configure { .. }
        | Action::SetRawKeys { .. }
        | Action::Resize { .. }
        | Action::Migrate { .. }
        | Action::Rollback { .. }
        | Action::MakeTemplate { .. }
        | Action::WriteFile { .. }
        | Action::InstallArtifact { .. }
        | Action::MakeDirectory { .. }
        | Action::Symlink { .. }
        | Action::InstallPackages { .. }
        | Action::EnsureUser { .. }
        | Action::SetUnit { .. }
        | Action::Run { .. } => Sort::Changes,
    }
}

fn of_object(change: &ObjectChange) -> Sort {
    match change {
        ObjectChange::Create { .. } | ObjectChange::Issue { .. } => Sort::Creates,
        ObjectChange::Remove { .. } => Sort::Deletes,
        ObjectChange::Guard { .. } | ObjectChange::Confirm => Sort::Waits,
        ObjectChange::Update { .. } | ObjectChange::Apply => Sort::Changes,
    }
}

fn of_firewall(change: &FirewallChange) -> Sort {
    match change {
        FirewallChange::InsertRule { .. } => Sort::Creates,
        FirewallChange::RemoveRule { .. }
        | FirewallChange::SetAlias { alias: None, .. }
        | FirewallChange::SetIpset { ipset: None, .. } => Sort::Deletes,
        FirewallChange::Guard { .. } | FirewallChange::Confirm => Sort::Waits,
        FirewallChange::SetOptions { .. }
        | FirewallChange::UpdateRule { .. }
        | FirewallChange::MoveRule { .. }
        | FirewallChange::SetAlias { alias: Some(_), .. }
        | FirewallChange::SetIpset { ipset: Some(_), .. } => Sort::Changes,
    }
}

#[cfg(test)]
mod tests {
    use phoenix_core::{GuestId, Phase};

    use super::*;

    #[test]
    fn a_step_shows_its_sign_its_changes_and_its_reason_on_one_line() {
        let guest = GuestId::lxc(101);
        let action = Action::Configure {
            guest,
            set: [("memory".to_owned(), "2048".to_owned())].into(),
            delete: BTreeSet::new(),
            digest: None,
        };
        let step = Step::new(&guest.resource(), "guest", "configure", Phase::Configure, action, "it differs")
            .with_changes([Change::new("memory", Some("512".into()), Some("2048".into()))]);
        let plan = Plan { steps: vec![step], ..Plan::default() };
        let text = anstream::adapter::strip_str(&steps(&plan)).to_string();
        assert_eq!(text, "~ lxc/101:guest:configure  memory: 512 -> 2048  (it differs)");
        assert_eq!(Tally::of(&plan), Tally { create: 0, change: 1, delete: 0, steps: 1 });
    }

    #[test]
    fn a_long_value_is_cut_and_stays_on_one_line() {
        assert_eq!(brief("a\nb\n"), "a\\nb");
        assert!(brief(&"x".repeat(200)).len() < 100);
        assert_eq!(brief(""), "''");
    }
}
