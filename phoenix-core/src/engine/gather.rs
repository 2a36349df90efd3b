//! Gathering: asks for what managers and features must know, shows them the answers, and repeats until nobody asks
//! for more.

use std::collections::BTreeSet;

use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    evidence::Evidence,
    facts::Facts,
    planner::{self, Intent, Request, Resolved},
    port::Reader,
    probe::Probe,
};

/// How often answers may lead to further questions. A feature that asks more is at fault.
const ROUNDS: usize = 8;

/// Returns all facts that the plan of a request needs.
pub async fn gather(
    resolved: &Resolved,
    request: &Request,
    reader: &dyn Reader,
) -> Result<Facts, Diagnostics> {
    let scope = request.scope(resolved)?;
    let mut facts = Facts::new();
    for _ in 0..ROUNDS {
        let asked = questions(resolved, request, &scope, &facts)?;
        if asked.is_empty() {
            return Ok(facts);
        }
        // Calls of the API first, as long as there are any: what they answer may raise more questions to a site, and each
        // way into a site costs more than many calls.
        let (within, outside): (Vec<Probe>, Vec<Probe>) =
            asked.into_iter().partition(|probe| probe.site().is_some());
        let asked = if outside.is_empty() { within } else { outside };
        let answers = reader.read(&asked).await;
        let mut findings = Diagnostics::new();
        // What cannot be reached is said once a site, and not for everything in it.
        let mut said = BTreeSet::new();
        for (probe, answer) in asked.into_iter().zip(answers) {
            match answer {
                Ok(evidence) => facts.insert(probe, evidence),
                Err(error) => {
                    let is_new = match probe.site() {
                        Some(site) => said.insert((site.clone(), error.message.clone())),
                        None => true,
                    };
                    if is_new {
                        findings.push(unanswered(&probe, &error));
                    }
                }
            }
        }
        findings.into_result(())?;
    }
    let left = questions(resolved, request, &scope, &facts)?;
    match left.first() {
        None => Ok(facts),
        Some(probe) => Err(Diagnostic::error(
            "endless-questions",
            format!("after {ROUNDS} rounds there are still questions, such as {probe:?}"),
        )
        .with_hint("this is a fault of the manager or feature that asks")
        .into()),
    }
}

fn questions(
    resolved: &Resolved,
    request: &Request,
    scope: &BTreeSet<crate::ResourceId>,
    facts: &Facts,
) -> Result<BTreeSet<Probe>, Diagnostics> {
    let mut asked: BTreeSet<Probe> =
        planner::ahead::probes(resolved, request, scope, facts).into_iter().collect();
    let mut findings = Diagnostics::new();
    for id in scope {
        let item = resolved.get(id).expect("the scope holds declared resources");
        if let Intent::TakeBack(names) = &request.intent {
            match planner::take_back::probes(item, names) {
                Ok(probes) => asked.extend(probes),
                Err(found) => findings.extend(found),
            }
            continue;
        }
        asked.extend(item.manager.probes(id, Some(item.spec.as_ref()), facts));
        let Some(site) = &item.site else { continue };
        // Also where the guest does not run: what a feature wants to know of its node can be answered.
        let is_meant = |one: &&planner::Installed| request.has_feature(&one.feature.descriptor().name);
        for installed in item.features.iter().filter(is_meant) {
            match installed.feature.probes(site, &installed.config, facts) {
                Ok(probes) => asked.extend(probes),
                Err(found) => findings.extend(
                    found.into_iter().map(|finding| item.place_feature(finding, installed)).collect(),
                ),
            }
        }
    }
    // A site that does not run is not asked, whoever wants to know: there is nobody to answer.
    asked.retain(|probe| {
        !facts.knows(probe)
            && probe.site().and_then(crate::Site::guest).is_none_or(|guest| facts.is_running(guest))
    });
    findings.into_result(asked)
}

fn unanswered(probe: &Probe, error: &crate::BackendError) -> Diagnostic {
    let what = match probe {
        Probe::Nodes => "the nodes".to_owned(),
        Probe::Guests => "the list of guests".to_owned(),
        Probe::Storages { .. } => "the storages".to_owned(),
        Probe::Volumes { storage, .. } => format!("the volumes of the storage `{storage}`"),
        Probe::Config { guest } => format!("the configuration of `{guest}`"),
        Probe::Snapshots { guest } => format!("the snapshots of `{guest}`"),
        Probe::Firewall { scope } => format!("the firewall `{scope}`"),
        Probe::FirewallNames { scope } => format!("the names of the firewall `{scope}`"),
        Probe::Objects { of } => format!("the list of each {}", of.noun()),
        Probe::File { site, path } => format!("the file `{path}` in `{site}`"),
        Probe::Package { site, name } => format!("the package `{name}` in `{site}`"),
        Probe::Unit { site, name, .. } => format!("the unit `{name}` in `{site}`"),
        Probe::User { site, name } => format!("the user `{name}` in `{site}`"),
        Probe::Command { site, argv } => format!("what `{}` says in `{site}`", argv.join(" ")),
    };
    let diagnostic = Diagnostic::error("unanswered", format!("could not read {what}: {error}"));
    match &error.hint {
        Some(hint) => diagnostic.with_hint(hint.clone()),
        None => diagnostic,
    }
}

/// The evidence of a site that cannot be asked, for readers that know so without asking.
impl Evidence {
    /// Returns the evidence that a site cannot be asked now.
    pub fn unreachable(reason: impl Into<String>) -> Self {
        Self::Unreachable { reason: reason.into() }
    }
}
