//! The manager of network interfaces.

use std::collections::BTreeMap;

use phoenix_core::{
    Action, Diagnostic, Diagnostics, Facts, Lifecycle, Manager, ObjectChange, Phase, Probe, ResourceId, Step,
    manager::Planned, object::Values,
};

use super::{NetworkSpec, Observed, lockout::findings, observed::kind, order::in_order};
use crate::object::{Difference, difference};

/// The owner of the steps.
const OWNER: &str = "network";
/// How long a node waits to put its interfaces back: longer than a reload and its confirmation may take.
const GUARD_S: u32 = 120;
/// How much longer for each interface.
const GUARD_STEP_S: u32 = 2;

/// Plans network interfaces.
#[derive(Clone, Copy, Debug, Default)]
pub struct Interfaces;

impl Manager for Interfaces {
    type Spec = NetworkSpec;
    type Observed = Observed;

    fn probes(&self, _: &ResourceId, want: Option<&NetworkSpec>, _: &Facts) -> Vec<Probe> {
        want.map(|want| kind(&want.node).probe()).into_iter().collect()
    }

    fn observe(&self, id: &ResourceId, facts: &Facts) -> Result<Option<Observed>, Diagnostics> {
        Ok(Observed::read(id.name(), facts))
    }

    fn plan(
        &self,
        id: &ResourceId,
        want: Option<&NetworkSpec>,
        found: Option<&Observed>,
        _: &Facts,
    ) -> Result<Planned, Diagnostics> {
        let Some(want) = want else { return Ok(Planned::default()) };
        let nothing = Observed::default();
        let found = found.unwrap_or(&nothing);
        let mut changed: BTreeMap<String, Difference> = BTreeMap::new();
        let mut after = found.rows.clone();
        let mut faults = Diagnostics::new();
        for (name, values) in &want.interfaces {
            let row = found.rows.get(name);
            if let Some(fault) = row.and_then(|row| other_type(name, values, row)) {
                faults.push(fault);
                continue;
            }
            let differs = difference(values, row.unwrap_or(&Values::new()));
            let Some(differs) = differs else { continue };
            let next = after.entry(name.clone()).or_default();
            next.extend(differs.set.clone());
            differs.delete.iter().for_each(|key| remove(next, key));
            // An address is told in three ways.
            if differs.set.contains_key("cidr") {
                next.remove("address");
                next.remove("netmask");
            }
            changed.insert(name.clone(), differs);
        }
        if changed.is_empty() {
            let notes = found.pending.as_ref().map(|_| pending(&want.node)).into_iter().collect();
            return faults.into_result(Planned { notes, ..Planned::default() });
        }
        if found.pending.is_some() {
            let mut error = pending(&want.node);
            error.severity = phoenix_core::Severity::Error;
            faults.push(error);
        }
        faults.extend(findings(&want.node, &found.rows, &after));
        let steps = steps(id, want, found, &changed);
        faults.into_result(Planned { steps, ..Planned::default() })
    }

    fn lifecycle(&self, _: Option<&NetworkSpec>, found: Option<&Observed>) -> Lifecycle {
        match found {
            Some(found) if found.pending.is_some() => Lifecycle::Drifted,
            Some(_) => Lifecycle::Healthy,
            None => Lifecycle::Absent,
        }
    }
}

/// Returns the steps: the guard, the interfaces, what brings them into force, and the proof that the node is still reached.
fn steps(
    id: &ResourceId,
    want: &NetworkSpec,
    found: &Observed,
    changed: &BTreeMap<String, Difference>,
) -> Vec<Step> {
    let count = u32::try_from(changed.len()).unwrap_or(u32::MAX);
    let seconds = GUARD_S.saturating_add(count.saturating_mul(GUARD_STEP_S));
    let of = kind(&want.node);
    let step = |verb: &str, name: &str, change: ObjectChange, reason: &str| {
        let action = Action::Object { of: of.clone(), name: name.to_owned(), change };
        Step::new(id, OWNER, verb, Phase::Configure, action, reason)
    };
    let guard = "the node puts its interfaces back by itself unless the change is confirmed";
    let mut steps = vec![step("guard", "", ObjectChange::Guard { seconds }, guard)];
    let values: BTreeMap<String, Values> =
        changed.keys().map(|name| (name.clone(), want.interfaces[name].clone())).collect();
    for name in in_order(&values) {
        let differs = &changed[name];
        let changes = differs.changes();
        let next = if found.rows.contains_key(name) {
            let mut set = differs.set.clone();
            set.extend(values[name].get("type").map(|kind| ("type".to_owned(), kind.clone())));
            let change = ObjectChange::Update {
                set,
                delete: differs.delete.clone(),
                seen: seen(differs, &values[name]),
            };
            step(&format!("update-{name}"), name, change, "it is not what is declared")
        } else {
            let change = ObjectChange::Create { values: differs.set.clone(), secrets: Default::default() };
            step(&format!("create-{name}"), name, change, "it is not there")
        };
        steps.push(next.with_changes(changes));
    }
    steps.push(step("apply", "", ObjectChange::Apply, "what is pending comes into force"));
    let reached = "the node is still reached, over a new connection";
    steps.push(step("confirm", "", ObjectChange::Confirm, reached));
    for at in 1..steps.len() {
        let before = steps[at - 1].id.clone();
        steps[at].after.insert(before);
    }
    steps
}

/// Returns what the plan saw of an interface; its type goes with every change of it.
fn seen(differs: &Difference, values: &Values) -> Values {
    let kind = values.get("type").map(|kind| ("type".to_owned(), kind.clone()));
    differs.seen.clone().into_iter().chain(kind).collect()
}

fn remove(row: &mut Values, key: &str) {
    row.remove(key);
    if key == "cidr" {
        row.remove("address");
        row.remove("netmask");
    }
}

fn other_type(name: &str, values: &Values, row: &Values) -> Option<Diagnostic> {
    let (wanted, found) = (values.get("type")?, row.get("type")?);
    (wanted != found).then(|| {
        let message = format!("the interface `{name}` is there as `{found}`, and is declared as `{wanted}`");
        Diagnostic::error("fixed-object", message)
            .with_hint("give the new one another name, or remove the present one by hand")
    })
}

fn pending(node: &str) -> Diagnostic {
    let message =
        format!("`{node}` has changes of its network that are not applied: nothing of it is touched");
    Diagnostic::warning("network-pending", message).with_hint(format!(
        "apply or revert them in the web interface (`pvesh set /nodes/{node}/network`, `pvesh delete /nodes/{node}/network`); \
         what a run of Phoenix left behind that was cut off goes by itself within some minutes"
    ))
}
