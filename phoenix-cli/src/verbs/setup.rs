//! `setup`: the hypervisor itself.

mod reboot;
mod wipe;

use std::collections::BTreeSet;

use clap::Args;
use phoenix_core::{
    ResourceId,
    planner::{Intent, Leftovers, Request, Resolved, Stock},
};

use super::forecast::Forecast;
use crate::{
    config,
    context::Context,
    error::{Error, Exit},
    host::Host,
    runner,
};

/// Make the host ready for guests: packages, time, disks, storages, shares, accounts, drivers, OS templates and images.
///
/// Guests are neither made nor changed. `phoenix plan` and `phoenix letsgo` leave this part of the host alone.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    phoenix setup               everything that the host's file says of the host itself\n  \
    phoenix setup --reboot      reboots it too, if something needs that\n  \
    phoenix setup --dry-run     shows what would be done and how files would change\n  \
    phoenix setup --remove samba    takes back what a feature made\n  \
    phoenix setup --prune       removes what it has made and is not declared any more")]
pub(crate) struct Setup {
    #[command(flatten)]
    wipe: wipe::Wipe,
    #[command(flatten)]
    reboot: reboot::Reboot,
    /// Remove what Phoenix has made and nobody declares any more: users, roles, tokens, permissions, and storages on which
    /// nothing of a guest lies.
    #[arg(long)]
    prune: bool,
    /// Take back what a feature made on the host: its files are as they were before Phoenix first wrote them, its units are
    /// gone. Packages, accounts and data stay, and are told of. May be given several times.
    #[arg(long, value_name = "FEATURE", conflicts_with_all = ["prune", "reboot", "disks"])]
    remove: Vec<String>,
    /// Show what would be done, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

impl Setup {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        let config = config::load_with(context, |desired| self.wipe.tell(desired))?;
        let request = self.request(&config.resolved)?;
        context.block_on(async {
            let host = Host::open(&context.global, &config.loaded.host).await?;
            if self.dry_run {
                let forecast = Forecast::of(&config, &host, &request).await?;
                context.ui.differences(&forecast.plan, &forecast.facts);
                forecast.show(context, &config)?;
                return Ok(Exit::Done);
            }
            let facts = runner::gather(&config, &host, &request).await?;
            let plan = runner::plan(&config, &request, &facts)?.plan;
            context.ui.differences(&plan, &facts);
            if self.wipe.is_wanted() {
                self.wipe.consent(context, &plan)?;
            }
            runner::bring_about(context, &config, &host, &request, "setup").await
        })
    }

    fn request(&self, resolved: &Resolved) -> Result<Request, Error> {
        if self.remove.is_empty() {
            let leftovers = if self.prune { Leftovers::Remove } else { Leftovers::Keep };
            let request = Request::new(targets(resolved), Intent::Converge);
            return Ok(request
                .with_reboots(self.reboot.reboots())
                .with_leftovers(leftovers)
                .with_stock(Stock::Ahead));
        }
        let hosts: Vec<&ResourceId> = resolved.ids().filter(|id| id.kind() == "host").collect();
        let mut known: BTreeSet<&str> = BTreeSet::new();
        for host in &hosts {
            known.extend(resolved.features(host));
        }
        if let Some(word) = self.remove.iter().find(|word| !known.contains(word.as_str())) {
            return Err(Error::NotOfHost {
                feature: word.clone(),
                known: known.into_iter().map(str::to_owned).collect(),
            });
        }
        let has = |id: &&&ResourceId| {
            resolved.features(id).iter().any(|name| self.remove.iter().any(|word| word == name))
        };
        let hosts: BTreeSet<ResourceId> = hosts.iter().filter(has).map(|id| (*id).clone()).collect();
        Ok(Request::new(hosts, Intent::TakeBack(self.remove.iter().cloned().collect())))
    }
}

/// Returns what is the host's own, and what guests stand on.
fn targets(resolved: &Resolved) -> BTreeSet<ResourceId> {
    let is_ground = |id: &&ResourceId| id.kind() == "host" && !id.name().contains('/');
    resolved.apart().chain(resolved.ids().filter(is_ground)).cloned().collect()
}
