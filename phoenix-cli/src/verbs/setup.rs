//! `setup`: the hypervisor itself.

mod reboot;
mod wipe;

use std::collections::BTreeSet;

use clap::Args;
use phoenix_core::{
    ResourceId,
    planner::{Intent, Leftovers, Request, Resolved},
};

use crate::{
    config,
    context::Context,
    error::{Error, Exit},
    host::Host,
    runner,
};

/// Make the host ready for guests: packages, time, disks, storages, shares, accounts, drivers.
///
/// Guests are neither made nor changed. `phoenix plan` and `phoenix letsgo` leave this part of the host alone.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    phoenix setup               everything that the host's file says of the host itself\n  \
    phoenix setup --reboot      reboots it too, if something needs that\n  \
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
}

impl Setup {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        let config = config::load_with(context, |desired| self.wipe.tell(desired))?;
        let request = Request::new(targets(&config.resolved), Intent::Converge)
            .with_reboots(self.reboot.reboots())
            .with_leftovers(if self.prune { Leftovers::Remove } else { Leftovers::Keep });
        context.block_on(async {
            let host = Host::open(&context.global, &config.loaded.host).await?;
            if self.wipe.is_wanted() {
                let facts = runner::gather(&config, &host, &request).await?;
                self.wipe.consent(context, &runner::plan(&config, &request, &facts)?.plan)?;
            }
            runner::bring_about(context, &config, &host, &request, "setup").await
        })
    }
}

/// Returns what is the host's own, and what guests stand on.
fn targets(resolved: &Resolved) -> BTreeSet<ResourceId> {
    let is_ground = |id: &&ResourceId| id.kind() == "host" && !id.name().contains('/');
    resolved.apart().chain(resolved.ids().filter(is_ground)).cloned().collect()
}
