//! The manager itself.

use phoenix_core::{
    Action, Diagnostic, Diagnostics, Facts, Lifecycle, Manager, ObjectChange, ObjectKind, Phase, Probe,
    ResourceId, Step,
    manager::{Planned, Undeclared},
    object::Values,
};

use super::{
    InventorySpec, Observed,
    observed::{LISTS, is_proven, keeps, probes, undeclared},
};
use crate::object::remove_record;

/// Tells of what is not declared.
#[derive(Clone, Copy, Debug, Default)]
pub struct Inventory;

impl Manager for Inventory {
    type Spec = InventorySpec;
    type Observed = Observed;

    fn probes(&self, _: &ResourceId, want: Option<&InventorySpec>, known: &Facts) -> Vec<Probe> {
        want.map(|want| probes(want, known)).unwrap_or_default()
    }

    fn observe(&self, _: &ResourceId, _: &Facts) -> Result<Option<Observed>, Diagnostics> {
        Ok(Some(Observed))
    }

    fn plan(
        &self,
        id: &ResourceId,
        want: Option<&InventorySpec>,
        _: Option<&Observed>,
        facts: &Facts,
    ) -> Result<Planned, Diagnostics> {
        let Some(want) = want else { return Ok(Planned::default()) };
        let mut left: Vec<Undeclared> = Vec::new();
        for of in &LISTS {
            for (name, row) in undeclared(want, of, facts) {
                let is_ours = is_proven(want, of, (name, row), facts);
                // Users and roles of others are nobody's business; a storage of others is room that could be used.
                if !is_ours && *of != ObjectKind::Storage {
                    continue;
                }
                let why = match is_ours {
                    true => keeps(want, of, (name, row), facts),
                    false => Some("nothing proves that it is Phoenix's".to_owned()),
                };
                left.push(leftover(id, want, of, (name, row), why));
            }
        }
        chain(&mut left);
        Ok(Planned { undeclared: left, ..Planned::default() })
    }

    fn lifecycle(&self, _: Option<&InventorySpec>, _: Option<&Observed>) -> Lifecycle {
        Lifecycle::Healthy
    }
}

fn leftover(
    id: &ResourceId,
    want: &InventorySpec,
    of: &ObjectKind,
    (name, row): (&str, &Values),
    why: Option<String>,
) -> Undeclared {
    let noun = of.noun();
    let note = |message: String| Diagnostic::note("undeclared-object", message);
    if let Some(why) = why {
        let note = note(format!("the {noun} `{name}` is not declared, and stays: {why}"));
        return Undeclared { note: note.with_hint("declare it, or leave it as it is"), removal: Vec::new() };
    }
    let note = note(format!("the {noun} `{name}` is Phoenix's and is not declared"))
        .with_hint("declare it again, or take it away with `phoenix setup --prune`");
    let change = ObjectChange::Remove { seen: proof(of, row) };
    let action = Action::Object { of: of.clone(), name: name.to_owned(), change };
    let verb = format!("remove-{noun}-{name}");
    let removal = Step::new(id, "inventory", &verb, Phase::Remove, action, "nobody declares it any more");
    let has_record = matches!(of, ObjectKind::Storage | ObjectKind::Role);
    // First what proves it, so that what somebody makes again by that name is not Phoenix's.
    let record = has_record.then(|| remove_record(id, &want.node, of, name));
    Undeclared { note, removal: record.into_iter().chain([removal]).collect() }
}

/// Returns what of a row tells whose it is: it must still be so when it is removed.
fn proof(of: &ObjectKind, row: &Values) -> Values {
    let keys: &[&str] = match of {
        ObjectKind::Storage => &["type", "path", "pool", "server", "vgname"],
        ObjectKind::Role => &["privs"],
        ObjectKind::User | ObjectKind::Group | ObjectKind::Token => &["comment"],
        ObjectKind::Acl | ObjectKind::Interface { .. } | ObjectKind::Volume { .. } => &[],
    };
    keys.iter().filter_map(|key| Some(((*key).to_owned(), row.get(*key)?.clone()))).collect()
}

/// Has each step wait for the one before: tokens go before their users, and those before groups and roles.
fn chain(left: &mut [Undeclared]) {
    let mut last = None;
    for step in left.iter_mut().flat_map(|one| &mut one.removal) {
        step.after.extend(last.replace(step.id.clone()));
    }
}
