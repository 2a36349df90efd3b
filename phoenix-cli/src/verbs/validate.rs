//! `validate`: everything that can be said about the configuration without a host.

use clap::Args;

use crate::{
    config,
    context::Context,
    error::{Error, Exit},
    ui::{number, records},
};

/// Check the configuration, without a host, and report everything that is wrong with it at once.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    phoenix --config-dir examples/homelab validate    with excerpts of the files\n  \
    phoenix --json validate                           a finding a line: code, file, line, message, hint")]
pub(crate) struct Validate;

impl Validate {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        let inspected = config::inspect(context);
        let findings = &inspected.findings;
        if context.ui.is_json() {
            for record in records(findings) {
                context.ui.record(&record)?;
            }
        } else {
            context.ui.all_findings(findings, &inspected.loaded.sources);
            let resources = inspected.loaded.desired.resources.keys();
            let guests = number(resources.filter(|id| id.guest().is_some()).count(), "guest");
            let word = if findings.has_errors() { "invalid" } else { "valid" };
            context.ui.data(&match findings.is_empty() {
                true => format!("{word}: {guests}"),
                false => format!("{word}: {guests}, {}", phoenix_config::summary(findings)),
            });
        }
        Ok(if findings.has_errors() { Exit::Failed } else { Exit::Done })
    }
}
