//! `plugin list`: the plugins that the configuration lists.

use clap::Args;
use phoenix_plugin::host::Plugin;
use serde_json::json;

use crate::{
    config::{self, Assembly},
    context::Context,
    error::{Error, Exit},
    plugins::Listed,
    ui::Table,
};

/// Show the plugins that the configuration lists; none of them is opened.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  phoenix plugin list\n  phoenix --json plugin list    for machines")]
pub(super) struct List;

impl List {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        let Assembly { files, plugins, findings, .. } = config::assemble(context);
        if context.ui.is_json() {
            for listed in &plugins {
                context.ui.record(&record(listed))?;
            }
        } else if plugins.is_empty() {
            context.ui.data("the configuration lists no plugin");
        } else {
            let mut table = Table::new(&["PLUGIN", "VERSION", "RUNS", "FEATURES", "FILE"]);
            plugins.iter().for_each(|listed| table.push(row(listed)));
            context.ui.data(&table.render());
        }
        match findings.has_errors() {
            true => Err(Error::findings(findings, files.sources())),
            false => Ok(Exit::Done),
        }
    }
}

fn row(listed: &Listed) -> [String; 5] {
    let runs = if listed.entry.in_process { "in-process" } else { "apart" };
    let path = listed.entry.path.display().to_string();
    match &listed.plugin {
        Ok(plugin) => {
            let manifest = &plugin.library().manifest;
            let version = manifest.version.to_string();
            [manifest.name.clone(), version, runs.to_owned(), names(plugin).join(", "), path]
        }
        Err(_) => ["?".to_owned(), "?".to_owned(), "cannot be used".to_owned(), "?".to_owned(), path],
    }
}

fn names(plugin: &Plugin) -> Vec<String> {
    plugin.library().manifest.features.iter().map(|feature| feature.name.clone()).collect()
}

fn record(listed: &Listed) -> serde_json::Value {
    let entry = &listed.entry;
    let plugin = listed.plugin.as_ref().ok();
    json!({
        "path": entry.path,
        "sha256": entry.sha256,
        "in_process": entry.in_process,
        "grant": entry.grant,
        "timeout_s": entry.timeout.as_secs(),
        "manifest": plugin.map(|plugin| &plugin.library().manifest),
        "error": listed.plugin.as_ref().err().map(ToString::to_string),
    })
}
