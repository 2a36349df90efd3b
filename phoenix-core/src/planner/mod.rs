//! The planner: resolves what is desired into specs with claims and layers, asks managers and features for steps,
//! puts them in order and checks the result. All of it is functions of values.

pub(crate) mod ahead;
mod artifacts;
mod check;
mod compose;
mod configured;
mod gpu;
mod order;
mod provision;
mod reboot;
mod request;
mod resolve;
pub(crate) mod take_back;
mod undeclared;

use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    facts::Facts,
    id::ResourceId,
    lifecycle::Lifecycle,
    plan::Plan,
};

pub use ahead::stock;
pub use check::check;
pub use compose::lifecycle;
pub use configured::Configured;
pub use request::{Intent, Leftovers, Reboots, Rebuild, Request, Stock, Strays};
pub(crate) use resolve::Installed;
pub use resolve::Resolved;

/// A plan, and where each resource in its scope stands.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// The plan.
    pub plan: Plan,
    /// The resources in the request's scope, in the order of their requirements.
    pub standings: Vec<Standing>,
}

/// Where a resource stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The resource.
    pub id: ResourceId,
    /// Its place in its life.
    pub lifecycle: Lifecycle,
    /// How many steps of the plan are for it.
    pub steps: usize,
    /// Why it stands on an older layer, if it does.
    pub outdated: Option<String>,
}

/// Returns the plan of a request, or everything that stands against it.
pub fn plan(resolved: &Resolved, request: &Request, facts: &Facts) -> Result<Plan, Diagnostics> {
    finish(resolved, request, compose::draft(resolved, request, &request.scope(resolved)?, facts)?)
}

/// Returns the plan of a request and where each resource stands, or everything that stands against it.
pub fn survey(resolved: &Resolved, request: &Request, facts: &Facts) -> Result<Survey, Diagnostics> {
    let drafts = compose::draft(resolved, request, &request.scope(resolved)?, facts)?;
    let standings = drafts.standings(resolved, &request.intent, facts);
    Ok(Survey { plan: finish(resolved, request, drafts)?, standings })
}

fn finish(resolved: &Resolved, request: &Request, drafts: compose::Drafts) -> Result<Plan, Diagnostics> {
    let (steps, notes) = drafts.into_steps(resolved, request)?;
    let mut steps = order::sort(steps, resolved)?;
    if reboot::puts_last(&mut steps) {
        steps = order::sort(steps, resolved)?;
    }
    let plan = Plan { steps, held: Vec::new(), notes };
    check::check(&plan).into_result(reboot::held(plan, request.reboots))
}

/// Returns the diagnostic for a resource that is not declared.
pub(crate) fn unknown_resource(id: &ResourceId) -> Diagnostic {
    Diagnostic::error("unknown-resource", format!("`{id}` is not in the configuration"))
        .with_hint("`phoenix status` lists every resource that is")
}
