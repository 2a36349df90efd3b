//! `completions`: a script that lets a shell complete the command line.

use clap::Args;

use crate::{
    args,
    context::Context,
    error::{Error, Exit},
};

/// Print the script that lets a shell complete the command line.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  phoenix completions bash > /etc/bash_completion.d/phoenix")]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_name = "SHELL")]
    shell: clap_complete::Shell,
}

impl Completions {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut args::command(), "phoenix", &mut script);
        context.ui.write(&script);
        Ok(Exit::Done)
    }
}
