//! Lock-out: a firewall of nodes that does not let in who manages them is refused before anything of it is done.

use std::collections::BTreeMap;

use phoenix_core::{
    Diagnostic, Facts, FirewallScope,
    firewall::{
        FirewallNames, FirewallState, mark,
        traffic::Flow,
        walk::{Blocker, Fate, Host},
    },
};

use super::{Management, rules::summary};

/// Returns what stands against a firewall of nodes as it shall be: the first connection of the management that does not
/// come through, and what blocks it. A node's rules are held against the cluster's as they are.
pub(super) fn check(
    scope: &FirewallScope,
    management: &Management,
    (before, after): (&FirewallState, &FirewallState),
    names: &FirewallNames,
    facts: &Facts,
) -> Option<Diagnostic> {
    let nothing = FirewallState::default();
    let cluster = facts.firewall(&FirewallScope::Cluster).unwrap_or(&nothing);
    let open = FirewallState {
        options: BTreeMap::from(
            [("enable", "1"), ("policy_in", "ACCEPT")].map(|(k, v)| (k.into(), v.into())),
        ),
        ..FirewallState::default()
    };
    let flows = management.sources.iter().flat_map(|source| {
        let addresses = &management.addresses;
        management.ports.iter().map(move |port| Flow {
            source: *source,
            port: *port,
            addresses: addresses.clone(),
        })
    });
    flows.into_iter().find_map(|flow| {
        let fate = |cluster, node| Host { cluster, node, names }.fate(&flow);
        let blocker = match scope {
            FirewallScope::Cluster => blocker(fate(after, None)),
            // Its own rules must not block, whatever the cluster's will be; and what the cluster's do not let in it
            // must not stop letting in.
            FirewallScope::Node(_) => blocker(fate(&open, Some(after))).or_else(|| {
                let blocker = blocker(fate(cluster, Some(after)))?;
                (fate(cluster, Some(before)) == Fate::Accepted).then_some(blocker)
            }),
            FirewallScope::Guest(_) => None,
        }?;
        Some(refusal(scope, &flow, &blocker, after, cluster))
    })
}

fn blocker(fate: Fate) -> Option<Blocker> {
    match fate {
        Fate::Accepted => None,
        Fate::Blocked(blocker) => Some(blocker),
    }
}

fn refusal(
    scope: &FirewallScope,
    flow: &Flow,
    blocker: &Blocker,
    after: &FirewallState,
    cluster: &FirewallState,
) -> Diagnostic {
    let of_cluster = if *scope == FirewallScope::Cluster { after } else { cluster };
    let rule = |state: &FirewallState, pos: usize| {
        let rule = state.rules.get(pos);
        let comment = rule.and_then(|rule| rule.get("comment")).map_or("", |comment| mark::without(comment));
        let comment = if comment.is_empty() { String::new() } else { format!(", {comment}") };
        format!("rule {pos} (`{}`{comment})", rule.map(summary).unwrap_or_default())
    };
    let what = match blocker {
        Blocker::ClusterRule(pos) => format!("{} of the cluster blocks it", rule(of_cluster, *pos)),
        Blocker::NodeRule(pos) => format!("{} of the node blocks it", rule(after, *pos)),
        Blocker::Policy(policy) => format!("no rule lets it in, and `policy_in` is `{policy}`"),
    };
    let message = format!(
        "with the firewall `{scope}` as it shall be, `{}` would not reach port {} of the nodes: {what}",
        flow.source, flow.port
    );
    Diagnostic::error("firewall-lockout", message)
        .with_hint("put a rule before it that accepts the management's networks, without `iface` and `dest`")
}
