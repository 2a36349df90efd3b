//! The manager of the access control list. An entry that is declared is granted; one that is Phoenix's and is not declared
//! is told of, and revoked where that is asked for.

use std::collections::BTreeSet;

use phoenix_core::{
    Action, Change, Diagnostic, Diagnostics, Facts, Lifecycle, Manager, ObjectChange, ObjectKind, Phase,
    Probe, ResourceId, Step,
    manager::{Planned, Undeclared},
    object::Values,
};

use super::{
    AclSpec, Grant, Observed,
    observed::{RECORD, record_probe, recorded},
};
use crate::{access::ROOT, object::write_record};

/// Plans the access control list.
#[derive(Clone, Copy, Debug, Default)]
pub struct Acl;

impl Manager for Acl {
    type Spec = AclSpec;
    type Observed = Observed;

    fn probes(&self, _: &ResourceId, want: Option<&AclSpec>, _: &Facts) -> Vec<Probe> {
        let record = want.map(|want| record_probe(&want.node));
        [ObjectKind::Acl.probe()].into_iter().chain(record).collect()
    }

    fn observe(&self, _: &ResourceId, facts: &Facts) -> Result<Option<Observed>, Diagnostics> {
        Ok(Observed::read(facts))
    }

    fn plan(
        &self,
        id: &ResourceId,
        want: Option<&AclSpec>,
        found: Option<&Observed>,
        facts: &Facts,
    ) -> Result<Planned, Diagnostics> {
        let Some(want) = want else { return Ok(Planned::default()) };
        let nothing = Observed::default();
        let rows = &found.unwrap_or(&nothing).rows;
        let ours = recorded(&want.node, facts);
        let (mut steps, mut findings) = (Vec::new(), Diagnostics::new());
        let mut own: BTreeSet<String> = ours.iter().filter(|key| rows.contains_key(*key)).cloned().collect();
        for grant in &want.grants {
            if is_of_root(&grant.name) {
                findings.push(untouchable(grant));
                continue;
            }
            let key = grant.key();
            match rows.get(&key) {
                None => {
                    own.insert(key);
                    steps.push(granted(id, grant));
                }
                Some(row) if is_propagated(row) == grant.propagate => {}
                Some(row) if ours.contains(&key) => steps.push(spread(id, grant, row)),
                Some(row) => findings.push(foreign(grant, row)),
            }
        }
        if own != ours {
            let lines: Vec<String> = own.into_iter().collect();
            let record = write_record(id, &want.node, (&ObjectKind::Acl, RECORD), &lines);
            steps = steps.into_iter().map(|step| step.after(&record.id)).collect();
            steps.insert(0, record);
        }
        let declared: BTreeSet<String> = want.grants.iter().map(Grant::key).collect();
        let left = rows.iter().filter(|(key, row)| {
            ours.contains(*key)
                && !declared.contains(*key)
                && !is_of_root(row.get("ugid").map_or("", String::as_str))
        });
        let undeclared = left.map(|(key, row)| leftover(id, key, row)).collect();
        let planned = Planned { steps, undeclared, ..Planned::default() };
        findings.into_result(planned)
    }

    fn lifecycle(&self, _: Option<&AclSpec>, _: Option<&Observed>) -> Lifecycle {
        Lifecycle::Healthy
    }
}

/// Tells whether somebody is `root@pam`, or a token of it.
fn is_of_root(name: &str) -> bool {
    name.split('!').next() == Some(ROOT)
}

fn is_propagated(row: &Values) -> bool {
    row.get("propagate").is_none_or(|propagate| propagate != "0")
}

fn granted(id: &ResourceId, grant: &Grant) -> Step {
    let values = grant.values();
    let change = ObjectChange::Create { values, secrets: Default::default() };
    let words = format!("{} at {}", grant.role, grant.path);
    step(id, "grant", &grant.key(), change, "the role is not granted").with_changes([Change::new(
        &grant.name,
        None,
        Some(words),
    )])
}

fn spread(id: &ResourceId, grant: &Grant, row: &Values) -> Step {
    let new = if grant.propagate { "1" } else { "0" }.to_owned();
    let old = row.get("propagate").cloned();
    let pair = |value: String| Values::from([("propagate".to_owned(), value)]);
    let change = ObjectChange::Update {
        set: pair(new.clone()),
        delete: BTreeSet::new(),
        seen: old.clone().map(pair).unwrap_or_default(),
    };
    step(id, "update", &grant.key(), change, "it is not what is declared").with_changes([Change::new(
        "propagate",
        old,
        Some(new),
    )])
}

fn leftover(id: &ResourceId, key: &str, row: &Values) -> Undeclared {
    let value = |word: &str| row.get(word).map_or("", String::as_str);
    let (path, name, role) = (value("path"), value("ugid"), value("roleid"));
    let message = format!("`{name}` has the role `{role}` at `{path}` of Phoenix, and it is not declared");
    let note = Diagnostic::note("undeclared-object", message)
        .with_hint("declare it again, or take it away with `phoenix setup --prune`");
    let change = ObjectChange::Remove { seen: row.clone() };
    let removal = step(id, "revoke", key, change, "nobody declares it any more").with_changes([Change::new(
        name,
        Some(format!("{role} at {path}")),
        None,
    )]);
    Undeclared { note, removal: vec![removal] }
}

fn step(id: &ResourceId, verb: &str, key: &str, change: ObjectChange, reason: &str) -> Step {
    let action = Action::Object { of: ObjectKind::Acl, name: key.to_owned(), change };
    // An id has no blank and no colon.
    let verb = format!("{verb}-{}", key.replace(' ', ","));
    Step::new(id, "acl", &verb, Phase::Configure, action, reason)
}

fn untouchable(grant: &Grant) -> Diagnostic {
    let message = format!("the permissions of `{}` are never changed", grant.name);
    Diagnostic::error("untouchable-object", message).with_hint("grant the role to a user of your own")
}

fn foreign(grant: &Grant, row: &Values) -> Diagnostic {
    let is = if is_propagated(row) { "is" } else { "is not" };
    let message = format!(
        "`{}` has the role `{}` at `{}`, which {is} propagated and not Phoenix's",
        grant.name, grant.role, grant.path
    );
    Diagnostic::error("foreign-object", message)
        .with_hint("declare `propagate` as it is there, or take the permission away (`pveum acl delete`)")
}
