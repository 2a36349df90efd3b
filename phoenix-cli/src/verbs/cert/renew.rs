//! `cert renew`: brings certificates to what the configuration says, and nothing else.

use std::collections::BTreeMap;

use clap::Args;

use super::held;
use crate::{
    config,
    context::Context,
    error::{Error, Exit},
    host::Host,
    runner,
};

/// Renew the certificates that are due, missing or wrong, and tell who serves by them. Nothing else is touched.
#[derive(Debug, Args)]
pub(crate) struct Renew {
    /// Certificates, by their names in the configuration; all if there are none.
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Renew also those that are good for long.
    #[arg(long)]
    force: bool,
}

impl Renew {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        let mut config = config::load(context)?;
        let chosen = held::named(held::all(&config.resolved), &self.names)?;
        if chosen.is_empty() {
            context.ui.data("nothing to do");
            return Ok(Exit::Done);
        }
        context.block_on(async {
            let host = Host::open(&context.global, &config.loaded.host).await?;
            let mut refused = BTreeMap::new();
            if self.force {
                // What has the number that it has now is not good enough: so it is known when another one is there.
                let facts = held::facts(&config, &host, &chosen).await?;
                refused.extend(
                    chosen.iter().filter_map(|held| Some((held.key(), held.standing(&facts).shown?.serial))),
                );
            }
            held::narrow(&mut config.resolved, &chosen, &refused);
            runner::bring_about(context, &config, &host, &held::request(&chosen), "cert renew").await
        })
    }
}
