//! What there is to say of a firewall: who would be locked out, what belongs to others, and where it holds for nothing.

use phoenix_core::{
    Diagnostic, Diagnostics, Facts, FirewallScope, Severity,
    firewall::{FirewallNames, FirewallState, mark},
    property::PropertyString,
};

use super::{FirewallSpec, Observed, lockout, names};

/// Returns the findings about a firewall as it shall be.
pub(super) fn judge(
    want: &FirewallSpec,
    found: &Observed,
    after: &FirewallState,
    facts: &Facts,
    has_changes: bool,
) -> Diagnostics {
    let mut findings = Diagnostics::new();
    let scope = &want.scope;
    match &want.management {
        Some(management) => {
            // A node has no names of its own.
            let of_cluster: Option<&FirewallNames> = facts.firewall_names(&FirewallScope::Cluster);
            let names = match scope {
                FirewallScope::Cluster => names::after(want, of_cluster),
                FirewallScope::Node(_) | FirewallScope::Guest(_) => of_cluster.cloned().unwrap_or_default(),
            };
            let states = (&found.state, after);
            let mut refusal = lockout::check(scope, management, states, &names, facts);
            // What is so already is not mended by a refusal.
            if let Some(refusal) = refusal.as_mut().filter(|_| !has_changes) {
                refusal.severity = Severity::Warning;
            }
            findings.extend(refusal.into_iter().collect());
        }
        None if *scope == FirewallScope::Cluster && has_changes && is_on(after) => {
            let message =
                format!("nothing says from where the nodes behind the firewall `{scope}` are managed");
            let hint = "with `management` a rule that locks you out is refused before it is made";
            findings.push(Diagnostic::warning("firewall-unchecked", message).with_hint(hint));
        }
        None => {}
    }
    let others = found.rules().filter(|(_, rule)| mark::key(rule).is_none()).count();
    if others > 0 {
        let noun = if others == 1 { "a rule" } else { "rules" };
        let number = if others == 1 { String::new() } else { format!("{others} ") };
        let message = format!("the firewall `{scope}` has {number}{noun} of somebody else");
        let hint = "they stay as they are; what is to be Phoenix's is declared, and then removed by hand";
        findings.push(Diagnostic::note("firewall-foreign-rules", message).with_hint(hint));
    }
    findings.extend(without_devices(scope, after, facts));
    findings
}

/// Returns the network devices of a guest that its firewall does not hold for.
fn without_devices(scope: &FirewallScope, after: &FirewallState, facts: &Facts) -> Diagnostics {
    let Some(config) = scope.guest().filter(|_| is_on(after)).and_then(|guest| facts.config(guest)) else {
        return Diagnostics::new();
    };
    let is_net = |key: &str| {
        let digits = key.strip_prefix("net").unwrap_or_default();
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let devices = config.values.iter().filter(|(key, _)| is_net(key));
    let open = devices.filter(|(_, value)| !PropertyString::parse(value, "model").is_set("firewall"));
    open.map(|(key, _)| {
        let message = format!("`{key}` has no `firewall=1`: the firewall `{scope}` does not hold for it");
        Diagnostic::warning("firewall-no-device", message)
            .with_hint(format!("set `firewall` for `{key}` of the guest in the configuration"))
    })
    .collect()
}

fn is_on(state: &FirewallState) -> bool {
    state.options.get("enable").is_some_and(|enable| enable != "0")
}
