//! `cert revoke`: has the authority take a certificate back, and gets another.

use std::collections::BTreeMap;

use clap::Args;
use phoenix_certificate::revocation;
use phoenix_core::{Backend, Diagnostic, engine::Events};

use super::held::{self, Held};
use crate::{
    config,
    context::Context,
    error::{Error, Exit},
    host::Host,
    runner,
};

/// Have the authority take a certificate back, and get another one.
///
/// The authority renews no certificate that was taken back, but who has the old one can show it until it ends: no program
/// asks the authority about it. Where a key is known to somebody, remove it too, so that a new one is made.
#[derive(Debug, Args)]
pub(crate) struct Revoke {
    /// The certificate, by its name in the configuration.
    #[arg(value_name = "NAME")]
    name: String,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

impl Revoke {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        let mut config = config::load(context)?;
        let chosen = held::named(held::all(&config.resolved), std::slice::from_ref(&self.name))?;
        context.block_on(async {
            let host = Host::open(&context.global, &config.loaded.host).await?;
            let facts = held::facts(&config, &host, &chosen).await?;
            let there: Vec<(&Held, String)> =
                chosen.iter().filter_map(|held| Some((held, held.standing(&facts).shown?.serial))).collect();
            for (held, serial) in &there {
                context.ui.say(&format!("`{}` of `{}`, serial number {serial}", self.name, held.resource));
            }
            if !there.is_empty() && !self.yes {
                context.ui.ask("take it back?")?;
            }
            for (held, serial) in &there {
                let step = revocation(held.asked.authority, &self.name, serial);
                if let Err(error) = host.backend.perform(&step, &Events::silent()).await {
                    // Somebody was here before: what is left is to get another.
                    if !error.log.iter().any(|line| line.contains("already revoked")) {
                        let log = error.log.join("; ");
                        let message = format!("`{}` could not be taken back: {error}: {log}", self.name);
                        let found = Diagnostic::error("not-revoked", message);
                        let found = found.with_hint(format!("see that `{}` runs", held.asked.authority));
                        return Err(Error::findings(found.into(), &config.loaded.sources));
                    }
                }
            }
            let refused: BTreeMap<_, _> =
                there.iter().map(|(held, serial)| (held.key(), serial.clone())).collect();
            held::narrow(&mut config.resolved, &chosen, &refused);
            runner::bring_about(context, &config, &host, &held::request(&chosen), "cert renew").await
        })
    }
}
