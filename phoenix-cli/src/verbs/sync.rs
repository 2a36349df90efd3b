//! `sync`: brings the network plane and the stacks to what the configuration says, and touches no guest from outside.

use std::collections::BTreeSet;

use clap::Args;
use phoenix_core::{
    ResourceId,
    planner::{Intent, Leftovers, Request, Resolved},
};

use super::apply;
use crate::{
    context::Context,
    error::{Error, Exit},
    targets,
};

/// The features of the network plane and of stacks.
const FEATURES: [&str; 8] = [
    "cert-renewal",
    "certificate",
    "dnsmasq",
    "nginx",
    "portainer",
    "portainer-stacks",
    "traefik",
    "trusted-ca",
];
/// The kinds of resources that belong to the plane as a whole.
const KINDS: [&str; 1] = ["firewall"];
const STACKS: &str = "portainer-stacks";

/// Bring names, routes, certificates, the firewall and stacks to what the configuration says.
///
/// Guests are neither made nor changed nor started: what does not run is left out, and told of.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    phoenix sync                everything of the network plane, and all stacks\n  \
    phoenix sync traefik        the routes of one guest\n  \
    phoenix sync service-a      the stacks of the Portainer that runs this one\n  \
    phoenix sync --prune        and remove stacks that are declared no more")]
pub(crate) struct Sync {
    /// Vmids or names of guests, or names of stacks; everything if there are none.
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// Remove what Phoenix made in Portainer and nobody declares any more.
    #[arg(long)]
    prune: bool,
}

impl Sync {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        apply(context, "sync", |resolved| {
            let leftovers = if self.prune { Leftovers::Remove } else { Leftovers::Keep };
            let intent = Intent::Features(FEATURES.into_iter().chain(KINDS).map(str::to_owned).collect());
            Ok(Request::new(chosen(resolved, &self.targets)?, intent).with_leftovers(leftovers))
        })
    }
}

/// Returns the resources that words stand for. A stack stands for all that its Portainer runs: they are looked at together.
fn chosen(resolved: &Resolved, words: &[String]) -> Result<BTreeSet<ResourceId>, Error> {
    if words.is_empty() {
        let has = |id: &&ResourceId| {
            KINDS.contains(&id.kind())
                || resolved.features(id).iter().any(|feature| FEATURES.contains(feature))
        };
        return Ok(resolved.ids().filter(has).cloned().collect());
    }
    let servers = resolved.configured(STACKS);
    let mut chosen = BTreeSet::new();
    let mut others = Vec::new();
    for word in words {
        let runs = servers.iter().find(|server| server.config["stacks"].get(word).is_some());
        match runs {
            Some(server) => drop(chosen.insert(server.resource.clone())),
            None => others.push(word.clone()),
        }
    }
    chosen.extend(targets::find(resolved, &others)?);
    Ok(chosen)
}
