//! `plugin verify`: is it a good plugin? Its file, its schemas, what it answers, and whether that depends on anything
//! but the question.

mod check;
mod purity;
mod sample;

use std::path::PathBuf;

use clap::Args;
use phoenix_plugin::host::Library;
use serde::Serialize;

use crate::{
    context::Context,
    error::{Error, Exit},
    ui::Table,
};

/// Find out whether a plugin is a good one: opens it in a process of its own and asks it many things. It is granted what
/// its manifest declares; nothing of what it plans is done.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    phoenix plugin verify target/release/libmotd.so\n  \
    phoenix plugin verify libmotd.so --samples 10000    more configurations from its schema\n  \
    phoenix --json plugin verify libmotd.so             a check a line")]
pub(super) struct Verify {
    /// The library.
    file: PathBuf,
    /// How many configurations to make from each schema.
    #[arg(long, default_value_t = 100, value_name = "NUMBER")]
    samples: u32,
}

/// What came of a check.
#[derive(Debug, Serialize)]
pub(super) struct Checked {
    /// Its name.
    check: &'static str,
    /// Whether all is well.
    is_good: bool,
    /// What was looked at.
    looked_at: String,
    /// What is wrong, a sentence each.
    faults: Vec<String>,
}

impl Checked {
    /// Returns what came of a check.
    pub(super) fn new(check: &'static str, looked_at: String, faults: Vec<String>) -> Self {
        Self { check, is_good: faults.is_empty(), looked_at, faults }
    }
}

impl Verify {
    /// Does it.
    pub(super) fn run(self, context: &Context) -> Result<Exit, Error> {
        let library = Library::read(&self.file, None).map_err(Error::Plugin)?;
        let manifest = &library.manifest;
        let looked_at = format!("library, manifest and table; for Phoenix {}", manifest.phoenix);
        let mut all = vec![Checked::new("file", looked_at, Vec::new())];
        all.push(check::schemas(manifest));
        all.push(check::answers(&library));
        // A plugin that cannot answer its own examples has nothing to be compared.
        if all.iter().all(|checked| checked.is_good) {
            all.push(check::settles(&library));
            all.push(context.block_on(async { Ok(purity::check(&library).await) })?);
        }
        all.push(check::samples(&library, self.samples));
        show(context, &library, &all)?;
        Ok(if all.iter().all(|checked| checked.is_good) { Exit::Done } else { Exit::Failed })
    }
}

fn show(context: &Context, library: &Library, all: &[Checked]) -> Result<(), Error> {
    if context.ui.is_json() {
        return all.iter().try_for_each(|checked| context.ui.record(checked));
    }
    let mut table = Table::new(&["CHECK", "", "WHAT"]);
    for Checked { check, is_good, looked_at, faults } in all {
        let verdict = if *is_good { "good" } else { "bad" };
        table.push([(*check).to_owned(), verdict.to_owned(), looked_at.clone()]);
        for fault in faults {
            table.push([String::new(), String::new(), format!("- {fault}")]);
        }
    }
    let manifest = &library.manifest;
    context.ui.data(&format!("{} {}\n{}", manifest.name, manifest.version, table.render()));
    Ok(())
}
