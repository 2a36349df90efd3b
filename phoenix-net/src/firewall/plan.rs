//! The plan of a firewall: names, then what opens, the rules, what closes, and names that go. One step after the other; for
//! nodes under a guard.

use phoenix_core::{
    Action, Diagnostics, Facts, FirewallScope, Phase, Step,
    firewall::{FirewallChange, FirewallState},
    manager::Planned,
};

use super::{
    FirewallSpec, Observed, judge, names,
    options::{self, Effect},
    rules::{self, Move, Seen},
    verify::verify,
};

/// The owner of the steps.
const OWNER: &str = "firewall";
/// How long a node waits to put a firewall back: longer than a change and its confirmation may take.
const GUARD_S: u32 = 120;
/// How much longer for each step between.
const GUARD_STEP_S: u32 = 2;

/// Returns the steps that make a firewall what is wanted.
pub(super) fn plan(
    scope: &FirewallScope,
    want: Option<&FirewallSpec>,
    found: Option<&Observed>,
    facts: &Facts,
) -> Result<Planned, Diagnostics> {
    // What is to be removed is what Phoenix has made, and no more; and with a guest its firewall goes by itself.
    let nothing = FirewallSpec::nothing(scope.clone());
    let (want, found) = match (want, found) {
        (None, None) => return Ok(Planned::default()),
        (want, found) => (want.unwrap_or(&nothing), found.cloned().unwrap_or_default()),
    };
    verify(want).into_result(())?;
    let state = &found.state;
    let options = options::after(&want.options, state);
    let is_guarded = scope.is_of_hosts() && can_cut_off(scope, facts, [&state.options, &options]);
    let named = names::moves(scope, want, found.names.as_ref())?;
    let seen = if is_guarded || !named.set.is_empty() { Seen::Other } else { Seen::Same };
    let ruled = rules::moves(&want.rules, state, is_guarded, seen);
    let (opening, closing) = match options::change(scope, &want.options, state) {
        Some((Effect::Opens, change)) => (Some(change), None),
        Some((Effect::Closes, change)) => (None, Some(change)),
        None => (None, None),
    };
    let moves: Vec<Move> =
        named.set.into_iter().chain(opening).chain(ruled.moves).chain(closing).chain(named.removed).collect();
    let after = FirewallState { options, rules: ruled.rules, ..FirewallState::default() };
    let notes = judge::judge(want, &found, &after, facts, !moves.is_empty());
    let steps = steps(scope, moves, is_guarded, &found);
    let planned = Planned { steps, notes: notes.clone(), ..Planned::default() };
    notes.into_result(planned)
}

/// Tells whether a change of a node's firewall is in force at once: not while the whole firewall is switched off.
fn can_cut_off(
    scope: &FirewallScope,
    facts: &Facts,
    options: [&std::collections::BTreeMap<String, String>; 2],
) -> bool {
    let is_on = |options: &std::collections::BTreeMap<String, String>| {
        options.get("enable").is_some_and(|enable| enable != "0")
    };
    match scope {
        FirewallScope::Cluster => options.into_iter().any(is_on),
        FirewallScope::Node(_) => {
            facts.firewall(&FirewallScope::Cluster).is_none_or(|cluster| is_on(&cluster.options))
        }
        FirewallScope::Guest(_) => false,
    }
}

/// Returns the steps, each behind the one before.
fn steps(scope: &FirewallScope, moves: Vec<Move>, is_guarded: bool, found: &Observed) -> Vec<Step> {
    let count = u32::try_from(moves.len()).unwrap_or(u32::MAX);
    let begin = Move {
        verb: "guard".to_owned(),
        reason: "the node puts the firewall back by itself unless the change is confirmed",
        change: FirewallChange::Guard {
            seconds: GUARD_S.saturating_add(count.saturating_mul(GUARD_STEP_S)),
            digest: (!found.state.digest.is_empty()).then(|| found.state.digest.clone()),
        },
        changes: Vec::new(),
    };
    let end = Move {
        verb: "confirm".to_owned(),
        reason: "the node is still reached, over a new connection",
        change: FirewallChange::Confirm,
        changes: Vec::new(),
    };
    let needs_guard = is_guarded && count > 0;
    // A run that ended before it confirmed has left what it changed under guard.
    let needs_end = needs_guard || found.is_guarded();
    let all = needs_guard.then_some(begin).into_iter().chain(moves).chain(needs_end.then_some(end));
    let id = scope.resource();
    let mut steps: Vec<Step> = Vec::new();
    for Move { verb, reason, change, changes } in all {
        let action = Action::Firewall { scope: scope.clone(), change };
        let step = Step::new(&id, OWNER, &verb, Phase::Configure, action, reason).with_changes(changes);
        let step = match steps.last() {
            Some(before) => step.after(&before.id),
            None => step,
        };
        steps.push(step);
    }
    steps
}
