//! `delete`: destroys guests, after asking, and never one that is still needed or not Phoenix's.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use phoenix_core::{
    Lifecycle, ResourceId,
    planner::{Intent, Request, Resolved},
};

use crate::{
    config::{self, Config},
    context::Context,
    error::{Error, Exit},
    host::Host,
    runner, targets,
    ui::number,
};

/// Destroy guests with their disks and snapshots.
///
/// Asks first. Refuses guests that others stand on or require, and guests that Phoenix did not make.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    phoenix delete 101                          asks, then destroys\n  \
    phoenix delete 101 --yes                    does not ask\n  \
    phoenix delete 900 --with-dependents        and all that stand on it or require it")]
pub(crate) struct Delete {
    /// Vmids or names.
    #[arg(value_name = "TARGET", required = true)]
    targets: Vec<String>,
    /// Destroy also the guests that stand on these or require them.
    #[arg(long)]
    with_dependents: bool,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

impl Delete {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        let config = config::load(context)?;
        let named = targets::find(&config.resolved, &self.targets)?;
        context.block_on(async {
            let host = Host::open(&context.global, &config.loaded.host).await?;
            let there = there(&config, &host, &config.resolved.with_dependents(&named)).await?;
            let foreign: Vec<_> =
                named.iter().filter(|id| there.get(*id) == Some(&Lifecycle::Foreign)).collect();
            if !foreign.is_empty() {
                return Err(Error::Foreign { ids: foreign.into_iter().cloned().collect() });
            }
            let chosen: BTreeSet<ResourceId> =
                there.keys().filter(|id| self.with_dependents || named.contains(*id)).cloned().collect();
            let complaints = complaints(&config.resolved, &chosen, &there);
            if !complaints.is_empty() {
                let instead = format!("phoenix delete {} --with-dependents", self.targets.join(" "));
                return Err(Error::Depended { complaints, instead });
            }
            if !chosen.is_empty() && !self.yes {
                context.ui.say("these are destroyed, with their disks and snapshots:");
                for id in config.resolved.ids().filter(|id| chosen.contains(*id)) {
                    let name = targets::name(&config.resolved, id);
                    context.ui.say(&format!("  {id}  {name}  {}", there[id]));
                }
                context.ui.ask(&format!("destroy {}?", number(chosen.len(), "guest")))?;
            }
            if chosen.is_empty() {
                context.ui.data("nothing to do");
                return Ok(Exit::Done);
            }
            let request = Request::new(chosen, Intent::Remove);
            runner::bring_about(context, &config, &host, &request, "delete").await
        })
    }
}

/// Returns those of some resources that are there, and where they stand.
async fn there(
    config: &Config,
    host: &Host,
    ids: &BTreeSet<ResourceId>,
) -> Result<BTreeMap<ResourceId, Lifecycle>, Error> {
    let facts = runner::gather(config, host, &Request::new(ids.iter().cloned(), Intent::Remove)).await?;
    Ok(ids
        .iter()
        .map(|id| (id.clone(), runner::lifecycle(config, id, &facts)))
        .filter(|(_, lifecycle)| *lifecycle != Lifecycle::Absent)
        .collect())
}

/// Returns a complaint for each chosen resource on which one depends that stays.
fn complaints(
    resolved: &Resolved,
    chosen: &BTreeSet<ResourceId>,
    there: &BTreeMap<ResourceId, Lifecycle>,
) -> Vec<String> {
    let complaint = |id: &ResourceId| {
        let staying: Vec<_> = resolved
            .dependents(id)
            .into_iter()
            .filter(|other| !chosen.contains(other) && there.contains_key(other))
            .map(|other| format!("`{other}`"))
            .collect();
        (!staying.is_empty())
            .then(|| format!("`{id}` is not deleted: {} would be left without it", staying.join(", ")))
    };
    chosen.iter().filter_map(complaint).collect()
}
