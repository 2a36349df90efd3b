//! The runner: gathers, plans and converges on a host while the user watches and may stop it.

use phoenix_core::{
    Backend, Diagnostic, Facts, Lifecycle, Plan, ResourceId, Severity,
    engine::{self, Cancel, Converged, Events},
    planner::{self, Request, Survey},
};

use crate::{
    config::Config,
    context::Context,
    error::{Error, Exit},
    host::Host,
    signals::Signals,
};

/// Gathers what a plan needs.
pub(crate) async fn gather(config: &Config, host: &Host, request: &Request) -> Result<Facts, Error> {
    let facts = engine::gather(&config.resolved, request, &host.backend).await;
    facts.map_err(|findings| Error::findings(findings, &config.loaded.sources))
}

/// Plans; changes nothing.
pub(crate) fn plan(config: &Config, request: &Request, facts: &Facts) -> Result<Survey, Error> {
    planner::survey(&config.resolved, request, facts)
        .map_err(|findings| Error::findings(findings, &config.loaded.sources))
}

/// Adds to a plan what of it could not be done: to who only looks that is a warning.
pub(crate) async fn foresee(host: &Host, plan: &mut Plan) {
    let found = match host.backend.preflight(plan).await {
        Ok(found) => found,
        Err(error) => {
            Diagnostic::error("preflight", format!("could not find out what of it may be done: {error}"))
                .into()
        }
    };
    let warnings = found.into_iter().map(|finding| Diagnostic { severity: Severity::Warning, ..finding });
    plan.notes.extend(warnings.collect());
}

/// Returns where a resource stands, even if nothing can be planned for it.
pub(crate) fn lifecycle(config: &Config, id: &ResourceId, facts: &Facts) -> Lifecycle {
    // Only what Phoenix did not make cannot be read.
    planner::lifecycle(&config.resolved, id, facts).unwrap_or(Lifecycle::Foreign)
}

/// Brings about what a request asks for, shows it, and returns how it ended.
pub(crate) async fn bring_about(
    context: &Context,
    config: &Config,
    host: &Host,
    request: &Request,
    verb: &str,
) -> Result<Exit, Error> {
    let converged = converge(context, config, host, request).await?;
    context.ui.notes(&converged.notes, &config.loaded.sources);
    context.ui.outcome(&converged, verb)
}

async fn converge(
    context: &Context,
    config: &Config,
    host: &Host,
    request: &Request,
) -> Result<Converged, Error> {
    let (events, mut heard) = Events::channel();
    let cancel = Cancel::default();
    let watching = tokio::spawn(Signals::new()?.watch(cancel.clone()));
    let mut progress = context.ui.progress();
    let mut working =
        std::pin::pin!(engine::converge(&config.resolved, request, &host.backend, &events, &cancel));
    let converged = loop {
        tokio::select! {
            biased;
            Some(event) = heard.recv() => progress.see(&event),
            converged = &mut working => break converged,
        }
    };
    while let Ok(event) = heard.try_recv() {
        progress.see(&event);
    }
    progress.end();
    watching.abort();
    converged.map_err(|findings| Error::findings(findings, &config.loaded.sources))
}
