//! `status`: where every guest stands, from what the host says now.

use clap::Args;
use phoenix_core::{
    Facts, GuestKind, Lifecycle, ResourceId,
    planner::{Request, Resolved, Standing},
};
use serde::Serialize;

use super::{
    cert::ending::{self, Ending},
    converging,
};
use crate::{
    config,
    context::Context,
    error::{Error, Exit},
    host::Host,
    runner, targets,
    ui::Table,
};

/// Show where every guest stands in its life, from what the host says now.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    phoenix status               everything\n  \
    phoenix status 101           one guest and what it requires\n  \
    phoenix --json status        a guest a line, for machines\n\n\
    CERTIFICATE says for how long the first of a guest's certificates is good, or what is wrong with one of them: `phoenix cert \
    list` tells of each.")]
pub(crate) struct Status {
    /// Vmids or names; everything if there are none.
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
}

/// One guest.
#[derive(Serialize)]
struct Row {
    id: ResourceId,
    name: String,
    lifecycle: Lifecycle,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    power: Option<&'static str>,
    /// None if the host is such that no plan can be made.
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outdated: Option<String>,
    /// When its certificates end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    certificates: Vec<Ending>,
    /// Whether it is a virtual machine that a container stands for.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    as_container: bool,
}

impl Status {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        let config = config::load(context)?;
        let request = converging(&config.resolved, &self.targets, None)?;
        let (facts, survey, stand_ins) = context.block_on(async {
            let host = Host::open(&context.global, &config.loaded.host).await?;
            let facts = runner::gather(&config, &host, &request).await?;
            let survey = runner::plan(&config, &request, &facts);
            Ok((facts, survey, host.machines_as_containers()))
        })?;
        let mut rows: Vec<Row> = match &survey {
            Ok(survey) => survey.standings.iter().map(|it| row(&config.resolved, it, &facts)).collect(),
            Err(_) => unplanned(&config, &request, &facts)?,
        };
        let mut endings = ending::all(&config.resolved, &facts);
        for row in &mut rows {
            row.certificates = endings.extract_if(.., |one| one.is_at(&row.id)).collect();
            row.as_container = row.id.guest().is_some_and(|guest| stand_ins.contains(&guest.vmid.0));
        }
        if context.ui.is_json() {
            for row in &rows {
                context.ui.record(row)?;
            }
        } else {
            context.ui.data(&table(&rows).render());
        }
        // Where everything stands can be told even if no plan can be made of it; that it cannot is an error.
        survey.map(|_| Exit::Done)
    }
}

fn row(resolved: &Resolved, standing: &Standing, facts: &Facts) -> Row {
    let Standing { id, lifecycle, steps, outdated } = standing;
    let found = id.guest().and_then(|guest| facts.row(guest.vmid));
    let power = found.map(|row| match (row.template, row.running) {
        (true, _) => "template",
        (false, true) => "running",
        (false, false) => "stopped",
    });
    Row {
        id: id.clone(),
        name: targets::name(resolved, id),
        lifecycle: *lifecycle,
        node: found.map(|row| row.node.clone()),
        power,
        steps: Some(*steps),
        outdated: outdated.clone(),
        certificates: Vec::new(),
        as_container: false,
    }
}

/// Returns the rows where one guest is such that nothing can be planned.
fn unplanned(config: &config::Config, request: &Request, facts: &Facts) -> Result<Vec<Row>, Error> {
    let resolved = &config.resolved;
    let scope = request.scope(resolved).map_err(|found| Error::findings(found, &config.loaded.sources))?;
    let one = |id: &ResourceId| {
        let lifecycle = runner::lifecycle(config, id, facts);
        let standing = Standing { id: id.clone(), lifecycle, steps: 0, outdated: None };
        Row { steps: None, ..row(resolved, &standing, facts) }
    };
    Ok(resolved.ids().filter(|id| scope.contains(*id)).map(one).collect())
}

fn table(rows: &[Row]) -> Table {
    let mut table =
        Table::new(&["ID", "NAME", "KIND", "LIFECYCLE", "NODE", "POWER", "STEPS", "LAYER", "CERTIFICATE"]);
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    for row in rows {
        let kind = match row.id.guest().map(|guest| guest.kind) {
            Some(GuestKind::Lxc) => "container",
            Some(GuestKind::Vm) if row.as_container => "vm as container",
            Some(GuestKind::Vm) => "vm",
            None => row.id.kind(),
        };
        table.push([
            row.id.to_string(),
            row.name.clone(),
            kind.to_owned(),
            row.lifecycle.to_string(),
            or_dash(row.node.clone()),
            or_dash(row.power.map(str::to_owned)),
            or_dash(row.steps.map(|steps| steps.to_string())),
            or_dash(row.outdated.clone()),
            ending::sentence(&row.certificates),
        ]);
    }
    table
}
