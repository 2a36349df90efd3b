//! `letsgo`: everything, from nothing to healthy.

use clap::Args;

use super::{apply, converging, strays};
use crate::{
    context::Context,
    error::{Error, Exit},
};

/// Bring up the whole lab: create, configure, start, install and check, in parallel and in order.
///
/// What is there already is left as it is; run it again and there is nothing to do. After a crash or Ctrl-C, run it
/// again: it goes on from what it finds.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    phoenix letsgo                                  everything\n  \
    phoenix letsgo Portainer                        one guest and what it requires\n  \
    phoenix --config-dir examples/homelab letsgo    the example lab on the embedded node")]
pub(crate) struct Letsgo {
    /// Vmids or names; everything if there are none. A target brings what it requires.
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// Bring guests to the node that their configuration names if they are on another one: a container that runs is
    /// restarted there, a virtual machine goes on running.
    #[arg(long)]
    migrate: bool,
}

impl Letsgo {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        apply(context, "letsgo", |resolved| {
            Ok(converging(resolved, &self.targets, None)?.with_strays(strays(self.migrate)))
        })
    }
}
