//! `cert list`: every certificate of the configuration, and how long it is good.

use clap::Args;
use phoenix_core::ResourceId;
use serde::Serialize;

use super::held::{self, Held, Standing};
use crate::{
    config,
    context::Context,
    error::{Error, Exit},
    host::Host,
    ui::Table,
};

/// Show every certificate of the configuration: where it is, for which names, how long it is good, and what is wrong.
///
/// The states: `ok`, `due` (it is to be renewed), `expired`, `wrong names`, `wrong key`, `wrong authority`, `no
/// certificate`, `missing`, and `unknown` where the guest does not run.
#[derive(Debug, Args)]
pub(crate) struct List {}

/// One certificate.
#[derive(Serialize)]
struct Row {
    name: String,
    at: ResourceId,
    names: Vec<String>,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    days_left: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<String>,
    path: String,
}

impl List {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        let config = config::load(context)?;
        let all = held::all(&config.resolved);
        let facts = context.block_on(async {
            let host = Host::open(&context.global, &config.loaded.host).await?;
            held::facts(&config, &host, &all).await
        })?;
        let rows: Vec<Row> = all.iter().map(|held| row(held, held.standing(&facts))).collect();
        if context.ui.is_json() {
            for row in &rows {
                context.ui.record(row)?;
            }
        } else if rows.is_empty() {
            context.ui.data("the configuration declares no certificates");
        } else {
            context.ui.data(&table(&rows).render());
        }
        Ok(Exit::Done)
    }
}

fn row(held: &Held, standing: Standing) -> Row {
    let (word, days_left) = (standing.word(), standing.days_left());
    let said = |fault: &phoenix_certificate::Fault| fault.reason(&held.asked, &held.certificate);
    Row {
        name: held.certificate.name.clone(),
        at: held.resource.clone(),
        names: held.certificate.names.clone(),
        state: word,
        problem: standing.fault.as_ref().filter(|_| standing.is_known).map(said),
        expires: standing.ends.map(held::moment),
        days_left,
        serial: standing.shown.map(|shown| shown.serial),
        path: held.certificate.certificate_path(),
    }
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(&["NAME", "AT", "STATE", "EXPIRES", "DAYS", "FOR"]);
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    for row in rows {
        table.push([
            row.name.clone(),
            row.at.to_string(),
            row.state.to_owned(),
            or_dash(row.expires.clone()),
            or_dash(row.days_left.map(|days| days.to_string())),
            row.names.join(", "),
        ]);
    }
    table
}
