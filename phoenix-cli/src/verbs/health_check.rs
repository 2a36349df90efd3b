//! `health-check`: the way to each service, hop by hop.

use std::collections::BTreeSet;

use clap::Args;
use phoenix_core::{Diagnostic, Diagnostics, Evidence, Facts, Network, Probe, Reader, network::Service};
use phoenix_net::health::{self, Hop};
use serde::Serialize;

use crate::{
    config,
    context::Context,
    error::{Error, Exit},
    host::Host,
    targets,
    ui::Table,
};

/// Follow the way to each service, from its name to the program that answers, and say which hop fails and why.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    phoenix health-check                  every service\n  \
    phoenix health-check service-a        one service, by its name or host name\n  \
    phoenix health-check 1002             the services of a guest\n  \
    phoenix --json health-check           a hop a line, for machines\n\n\
    Ends with status 1 if a hop fails. Nothing is changed.")]
pub(crate) struct HealthCheck {
    /// Services, host names, vmids or names of guests; everything if there are none.
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
}

/// One hop.
#[derive(Serialize)]
struct Row {
    service: String,
    guest: String,
    hop: &'static str,
    wanted: String,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

impl HealthCheck {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        let config = config::load(context)?;
        let network = config.loaded.desired.network.clone().unwrap_or_default();
        let chosen = self.chosen(&config, &network)?;
        let hops = health::hops(&network, |service| chosen.contains(&key(service)));
        if hops.is_empty() {
            context.ui.say("no service is declared: `services` of a guest declares them");
            return Ok(Exit::Done);
        }
        let (rows, is_simulated) = context.block_on(async {
            let host = Host::open(&context.global, &config.loaded.host).await?;
            let rows = answers(&host, hops).await;
            let rows = rows.map_err(|found| Error::findings(found, &config.loaded.sources))?;
            Ok((rows, host.is_simulated(&context.global)))
        })?;
        if context.ui.is_json() {
            for row in &rows {
                context.ui.record(row)?;
            }
        } else {
            context.ui.data(&table(&rows).render());
        }
        let is_well = rows.iter().all(|row| row.ok);
        if is_simulated && !is_well {
            context.ui.say(
                "the simulated node carries no traffic, so names and connections fail on it: real containers \
                 (`--node-engine lxc`) have both",
            );
        }
        Ok(if is_well { Exit::Done } else { Exit::Failed })
    }

    /// Returns the services that are meant, each by guest and name.
    fn chosen(
        &self,
        config: &config::Config,
        network: &Network,
    ) -> Result<BTreeSet<(String, String)>, Error> {
        let mut chosen = BTreeSet::new();
        let mut guests = Vec::new();
        for word in &self.targets {
            let is_meant = |service: &&Service| service.name == *word || service.hosts.contains(word);
            let found: Vec<_> = network.services.iter().filter(is_meant).map(key).collect();
            match found.is_empty() {
                true => guests.push(word.clone()),
                false => chosen.extend(found),
            }
        }
        let guests = targets::find(&config.resolved, &guests)?;
        let is_of =
            |service: &&Service| self.targets.is_empty() || guests.contains(&service.guest.resource());
        chosen.extend(network.services.iter().filter(is_of).map(key));
        Ok(chosen)
    }
}

fn key(service: &Service) -> (String, String) {
    (service.guest.to_string(), service.name.clone())
}

/// Asks all hops. The listing comes first: who does not run is not asked.
async fn answers(host: &Host, hops: Vec<Hop>) -> Result<Vec<Row>, Diagnostics> {
    let mut facts = Facts::new();
    let listing = host.backend.read(&[Probe::Guests]).await.pop();
    match listing {
        Some(Ok(evidence)) => facts.insert(Probe::Guests, evidence),
        Some(Err(error)) => {
            return Err(Diagnostic::error(
                "unanswered",
                format!("could not read the list of guests: {error}"),
            )
            .into());
        }
        None => {}
    }
    let is_asked = |hop: &&Hop| match hop.probe.site() {
        Some(site) => site.guest().is_none_or(|guest| facts.is_running(guest)),
        None => false,
    };
    let asked: BTreeSet<Probe> = hops.iter().filter(is_asked).map(|hop| hop.probe.clone()).collect();
    let asked: Vec<Probe> = asked.into_iter().collect();
    let answers = host.backend.read(&asked).await;
    for (probe, answer) in asked.into_iter().zip(answers) {
        let evidence = answer.unwrap_or_else(|error| Evidence::unreachable(error.to_string()));
        facts.insert(probe, evidence);
    }
    let row = |hop: Hop| {
        let problem = match facts.get(&hop.probe) {
            Some(answer) => hop.problem(answer),
            None => Some("it does not run, so nobody there can be asked".to_owned()),
        };
        Row {
            service: hop.service,
            guest: hop.guest.to_string(),
            hop: hop.hop,
            wanted: hop.wanted,
            ok: problem.is_none(),
            problem,
        }
    };
    Ok(hops.into_iter().map(row).collect())
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(&["SERVICE", "GUEST", "HOP", "RESULT", "DETAIL"]);
    for row in rows {
        let result = if row.ok { "ok" } else { "FAILS" };
        let detail = row.problem.clone().unwrap_or_else(|| row.wanted.clone());
        table.push([row.service.clone(), row.guest.clone(), row.hop.to_owned(), result.to_owned(), detail]);
    }
    table
}
