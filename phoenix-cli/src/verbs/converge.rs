//! `converge`: brings guests to what the configuration says, and makes outdated ones anew if that is wanted.

use clap::Args;

use super::{apply, converging};
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
    phoenix converge --rebuild 901 955    and make anew these two, if they stand on an older layer")]
pub(crate) struct Converge {
    /// Vmids or names; everything if there are none. A target brings what it requires.
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// Make anew what stands on an older layer: all of it, or only these.
    #[arg(long, value_name = "TARGET", num_args = 0..)]
    rebuild: Option<Vec<String>>,
}

impl Converge {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        apply(context, "converge", |resolved| converging(resolved, &self.targets, self.rebuild.as_deref()))
    }
}
