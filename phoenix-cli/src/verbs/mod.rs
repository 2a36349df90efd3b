//! The verbs, a module each: what a user can ask for, and how it is brought together from the other crates.

pub(crate) mod cert;
pub(crate) mod completions;
pub(crate) mod converge;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod explain;
mod forecast;
pub(crate) mod graph;
pub(crate) mod health_check;
pub(crate) mod letsgo;
pub(crate) mod man;
pub(crate) mod migrate;
pub(crate) mod node;
pub(crate) mod plan;
pub(crate) mod plugin;
pub(crate) mod privileges;
mod record;
pub(crate) mod restart;
pub(crate) mod sandbox;
pub(crate) mod schema;
pub(crate) mod serve;
pub(crate) mod setup;
pub(crate) mod start;
pub(crate) mod status;
pub(crate) mod stop;
pub(crate) mod sync;
pub(crate) mod validate;

use std::collections::BTreeSet;

use phoenix_core::{
    Power, ResourceId,
    planner::{Intent, Rebuild, Request, Resolved, Strays},
};

use crate::{
    config,
    context::Context,
    error::{Error, Exit},
    host::Host,
    runner, targets,
};

/// Loads the configuration, makes a request of it, and brings it about.
fn apply(
    context: &Context,
    verb: &str,
    request: impl FnOnce(&Resolved) -> Result<Request, Error>,
) -> Result<Exit, Error> {
    let config = config::load(context)?;
    let request = request(&config.resolved)?;
    context.block_on(async {
        let host = Host::open(&context.global, &config.loaded.host).await?;
        runner::bring_about(context, &config, &host, &request, verb).await
    })
}

/// Returns the request to converge targets, and to make some of them anew.
fn converging(resolved: &Resolved, words: &[String], rebuild: Option<&[String]>) -> Result<Request, Error> {
    let mut chosen = targets::find(resolved, words)?;
    let intent = match rebuild {
        None => Intent::Converge,
        Some([]) => Intent::Rebuild(Rebuild::Outdated),
        Some(words) => {
            let named = targets::find(resolved, words)?;
            if !chosen.is_empty() {
                // Whether a base is still in use is seen only at the guests that stand on it.
                chosen.extend(resolved.with_dependents(&named));
            }
            Intent::Rebuild(Rebuild::Named(named))
        }
    };
    Ok(Request::new(chosen, intent))
}

/// Returns what becomes of guests on another node than they are wanted on.
fn strays(migrate: bool) -> Strays {
    if migrate { Strays::Migrate } else { Strays::Stay }
}

/// Returns the request to bring targets, and nothing else, to a state of power.
fn powering(chosen: BTreeSet<ResourceId>, goal: Power) -> Request {
    Request::new(chosen, Intent::Power(goal))
}
