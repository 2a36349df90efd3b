//! `man`: the manual, from the same words as the help.

use std::{fs, path::PathBuf};

use clap::Args;
use clap_mangen::Man as Page;

use crate::{
    args,
    context::Context,
    error::{Error, Exit},
};

/// Print the manual page, or write the pages of all verbs to a directory.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    phoenix man | man -l -                          read it\n  \
    phoenix man --out /usr/local/share/man/man1     install it")]
pub(crate) struct Man {
    /// Write all pages to this directory.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Man {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        let command = args::command();
        match self.out {
            None => {
                let mut page = Vec::new();
                Page::new(command).render(&mut page).map_err(Error::Output)?;
                context.ui.write(&page);
            }
            Some(dir) => {
                let written = fs::create_dir_all(&dir).and_then(|()| clap_mangen::generate_to(command, &dir));
                written.map_err(|source| Error::Write { path: dir, source })?;
            }
        }
        Ok(Exit::Done)
    }
}
