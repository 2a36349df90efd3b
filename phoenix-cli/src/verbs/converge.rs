//! `converge`: brings guests to what the configuration says, and makes outdated ones anew if that is wanted.

use clap::Args;

use super::{apply, converging, strays};
use crate::{
    context::Context,
    error::{Error, Exit},
};

/// Bring guests to what the configuration says.
///
/// A guest that stands on an older layer of its template is only reported. `--rebuild` deletes it and makes it anew,
/// guests that stand on it last; a template that linked clones still use is never deleted.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    phoenix converge                      everything\n  \
    phoenix converge 101                  one guest and what it requires\n  \
    phoenix converge --rebuild            and make anew all that stand on an older layer\n  \
    phoenix converge --rebuild 901 955    and make anew these two, if they stand on an older layer\n  \
    phoenix converge --migrate 101        and bring it to the node that it is wanted on")]
pub(crate) struct Converge {
    /// Vmids or names; everything if there are none. A target brings what it requires.
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// Bring guests to the node that their configuration names if they are on another one: a container that runs is
    /// restarted there, a virtual machine goes on running.
    #[arg(long)]
    migrate: bool,
    /// Make anew what stands on an older layer: all of it, or only these.
    #[arg(long, value_name = "TARGET", num_args = 0..)]
    rebuild: Option<Vec<String>>,
}

impl Converge {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        apply(context, "converge", |resolved| {
            let request = converging(resolved, &self.targets, self.rebuild.as_deref())?;
            Ok(request.with_strays(strays(self.migrate)))
        })
    }
}
