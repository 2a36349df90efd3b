//! `setup`: the hypervisor itself.

use std::collections::BTreeSet;

use clap::Args;
use phoenix_core::{
    ResourceId,
    planner::{Intent, Request, Resolved},
};

use super::apply;
use crate::{
    context::Context,
    error::{Error, Exit},
};

/// Make the host ready for guests: packages, time, disks, storages, shares, accounts, drivers.
///
/// Guests are neither made nor changed. `phoenix plan` and `phoenix letsgo` leave this part of the host alone.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    phoenix setup               everything that the host's file says of the host itself")]
pub(crate) struct Setup {}

impl Setup {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        apply(context, "setup", |resolved| Ok(Request::new(targets(resolved), Intent::Converge)))
    }
}

/// Returns what is the host's own, and what guests stand on.
fn targets(resolved: &Resolved) -> BTreeSet<ResourceId> {
    let is_ground = |id: &&ResourceId| id.kind() == "host" && !id.name().contains('/');
    resolved.apart().chain(resolved.ids().filter(is_ground)).cloned().collect()
}
