//! `plugin`: plugins of others: a new one, those that the configuration lists, and what one says of itself.

mod explain;
mod list;
mod new;
mod serve;
mod verify;

use clap::{Args, Subcommand};

use crate::{
    context::Context,
    error::{Error, Exit},
};

/// Begin a plugin, try one out, and see which there are and what they may do.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    phoenix plugin new motd             a crate that builds and passes its own tests\n  \
    phoenix plugin verify libmotd.so    is it a good plugin?\n  \
    phoenix plugin explain libmotd.so   what it wants, and the entry to add to the configuration\n  \
    phoenix plugin list                 those that the configuration lists")]
pub(crate) struct PluginVerb {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    New(new::New),
    List(list::List),
    Verify(verify::Verify),
    Explain(explain::Explain),
    #[command(hide = true)]
    Serve(serve::Serve),
}

impl PluginVerb {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        match self.what {
            What::New(verb) => verb.run(context),
            What::List(verb) => verb.run(context),
            What::Verify(verb) => verb.run(context),
            What::Explain(verb) => verb.run(context),
            What::Serve(verb) => verb.run(),
        }
    }
}
