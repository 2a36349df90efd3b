//! `cert`: the certificates that the configuration declares: where they stand, and getting and giving them up by hand.

pub(super) mod ending;
mod held;
mod list;
mod renew;
mod revoke;
mod show;

use clap::{Args, Subcommand};

use crate::{
    context::Context,
    error::{Error, Exit},
};

/// Look after the certificates that the configuration declares.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    phoenix cert list                 every certificate, and how long it is good\n  \
    phoenix cert show gateway         all that one says of itself\n  \
    phoenix cert renew                those that are due, and nothing else\n  \
    phoenix cert renew gateway --force\n  \
    phoenix cert revoke gateway       take one back, and get another")]
pub(crate) struct CertVerb {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    List(list::List),
    Show(show::Show),
    Renew(renew::Renew),
    Revoke(revoke::Revoke),
}

impl CertVerb {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        match self.what {
            What::List(verb) => verb.run(context),
            What::Show(verb) => verb.run(context),
            What::Renew(verb) => verb.run(context),
            What::Revoke(verb) => verb.run(context),
        }
    }
}
