//! The manager itself: which questions it has.

use phoenix_core::{
    Diagnostics, Facts, FirewallScope, Lifecycle, Manager, Probe, ResourceId,
    firewall::{Rule, mark, walk},
    manager::Planned,
};

use super::{FirewallSpec, Observed, plan};

/// Plans firewalls.
#[derive(Clone, Copy, Debug, Default)]
pub struct Firewall;

impl Manager for Firewall {
    type Spec = FirewallSpec;
    type Observed = Observed;

    fn probes(&self, id: &ResourceId, want: Option<&FirewallSpec>, known: &Facts) -> Vec<Probe> {
        let Some(scope) = FirewallScope::of_resource(id) else { return Vec::new() };
        let mut probes = Vec::new();
        if let Some(guest) = scope.guest() {
            probes.push(Probe::Guests);
            // A guest that is not there has no firewall yet.
            if !known.has_listing() || known.is_absent(guest) {
                return probes;
            }
            // Whoever plans the guest asks the same: it tells which network devices the firewall holds for.
            let is_on = |want: &FirewallSpec| want.options.get("enable").is_some_and(|on| on != "0");
            probes.extend(want.filter(|want| is_on(want)).map(|_| Probe::Config { guest }));
        }
        probes.push(Probe::Firewall { scope: scope.clone() });
        let is_checked = want.is_some_and(|want| want.management.is_some()) && scope.is_of_hosts();
        if is_checked && scope != FirewallScope::Cluster {
            probes.push(Probe::Firewall { scope: FirewallScope::Cluster });
        }
        if names_count(&scope, want, known) {
            probes.push(Probe::FirewallNames { scope: scope.clone() });
        }
        if is_checked && walk_needs_names(&scope, want, known) {
            probes.push(Probe::FirewallNames { scope: FirewallScope::Cluster });
        }
        probes
    }

    fn observe(&self, id: &ResourceId, facts: &Facts) -> Result<Option<Observed>, Diagnostics> {
        Ok(FirewallScope::of_resource(id).and_then(|scope| Observed::read(&scope, facts)))
    }

    fn plan(
        &self,
        id: &ResourceId,
        want: Option<&FirewallSpec>,
        found: Option<&Observed>,
        facts: &Facts,
    ) -> Result<Planned, Diagnostics> {
        match FirewallScope::of_resource(id) {
            Some(scope) => plan::plan(&scope, want, found, facts),
            None => Ok(Planned::default()),
        }
    }

    fn lifecycle(&self, _: Option<&FirewallSpec>, found: Option<&Observed>) -> Lifecycle {
        match found {
            None => Lifecycle::Absent,
            Some(found) if found.is_guarded() => Lifecycle::Drifted,
            Some(_) => Lifecycle::Healthy,
        }
    }
}

/// Tells whether names must be known: where some are declared, and where one of Phoenix's own rules uses one, which may
/// be of a former declaration. Everywhere else that is not asked: it is two calls more.
fn names_count(scope: &FirewallScope, want: Option<&FirewallSpec>, known: &Facts) -> bool {
    if matches!(scope, FirewallScope::Node(_)) {
        return false;
    }
    let declares = |want: &FirewallSpec| !want.aliases.is_empty() || !want.ipsets.is_empty();
    let ours = known.firewall(scope).into_iter().flat_map(|state| &state.rules);
    want.is_some_and(declares) || ours.filter(|rule| mark::key(rule).is_some()).any(uses_names)
}

/// Tells whether names of the cluster decide what becomes of a connection to a node.
fn walk_needs_names(scope: &FirewallScope, want: Option<&FirewallSpec>, known: &Facts) -> bool {
    let is_met = |rule: &Rule| {
        let is = |word: &str| rule.get("type").is_some_and(|direction| direction == word);
        walk::is_on(rule) && (is("group") || (is("in") && uses_names(rule)))
    };
    let states = [scope, &FirewallScope::Cluster].map(|scope| known.firewall(scope));
    let declared = want.into_iter().flat_map(|want| &want.rules);
    states.into_iter().flatten().flat_map(|state| &state.rules).any(is_met)
        || declared.map(super::RuleSpec::values).any(|rule| is_met(&rule))
}

/// Tells whether a rule names anything: what is no address is a name.
fn uses_names(rule: &Rule) -> bool {
    let texts = ["source", "dest"].into_iter().filter_map(|key| rule.get(key));
    let mut parts = texts.flat_map(|text| text.split(',')).map(str::trim);
    parts.any(|part| part.starts_with('+') || !part.contains(['.', ':']))
}
