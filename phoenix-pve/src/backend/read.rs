//! Probes: each question of a batch is asked once, those about the inside of one site in one round trip.

use std::collections::BTreeMap;

use async_trait::async_trait;
use futures::{FutureExt, StreamExt, future::BoxFuture, stream};
use phoenix_core::{BackendError, ErrorKind, Evidence, Probe, Reader, Site, evidence::StorageRow};

use super::PveBackend;
use crate::{client::segment, error::PveError, lenient};

/// The contents that guests are made from.
const SOURCES: [&str; 4] = ["vztmpl", "import", "iso", "images"];

type Answer = Result<Evidence, BackendError>;

#[async_trait]
impl Reader for PveBackend {
    async fn read(&self, probes: &[Probe]) -> Vec<Answer> {
        let mut sites: BTreeMap<&Site, Vec<Probe>> = BTreeMap::new();
        let mut calls: BTreeMap<&Probe, ()> = BTreeMap::new();
        for probe in probes {
            match probe.site() {
                Some(site) => {
                    let asked = sites.entry(site).or_default();
                    if !asked.contains(probe) {
                        asked.push(probe.clone());
                    }
                }
                None => {
                    calls.insert(probe, ());
                }
            }
        }
        let mut answers = BTreeMap::new();
        // The listing goes first: it tells where the guests are that the other probes ask about.
        if calls.remove(&Probe::Guests).is_some() {
            answers.insert(Probe::Guests, self.answer(&Probe::Guests).await);
        }
        let calls: Vec<BoxFuture<'_, Vec<(Probe, Answer)>>> = calls
            .into_keys()
            .map(|probe| async move { vec![(probe.clone(), self.answer(probe).await)] }.boxed())
            .collect();
        let sites: Vec<BoxFuture<'_, Vec<(Probe, Answer)>>> = sites
            .into_iter()
            .map(|(site, asked)| {
                async move {
                    let said = self.channel.ask(site, &asked).await;
                    asked.into_iter().zip(said).collect()
                }
                .boxed()
            })
            .collect();
        let (calls, sites): (Vec<_>, Vec<_>) = futures::future::join(
            stream::iter(calls).buffer_unordered(self.limits.calls).collect::<Vec<_>>(),
            stream::iter(sites).buffer_unordered(self.limits.sites).collect::<Vec<_>>(),
        )
        .await;
        answers.extend(calls.into_iter().chain(sites).flatten());
        probes.iter().map(|probe| answers.get(probe).map_or_else(|| Err(unanswered(probe)), copy)).collect()
    }
}

impl PveBackend {
    async fn answer(&self, probe: &Probe) -> Answer {
        Ok(match probe {
            Probe::Nodes => Evidence::Nodes { rows: self.nodes().await? },
            Probe::Guests => Evidence::Guests { rows: self.guests().await? },
            Probe::Storages { node } => {
                Evidence::Storages { rows: self.storages(self.node_or_own(node.as_ref())).await? }
            }
            Probe::Volumes { storage, node } => {
                let mut rows: Vec<_> = self
                    .contents(self.node_or_own(node.as_ref()), storage, None)
                    .await?
                    .into_iter()
                    .filter(|row| SOURCES.contains(&row.content.as_str()))
                    .collect();
                rows.sort_by(|a, b| a.volid.cmp(&b.volid));
                Evidence::Volumes { rows }
            }
            Probe::Config { guest } => {
                self.config_with_pending(*guest).await?.map_or(Evidence::Absent, Evidence::Config)
            }
            Probe::Snapshots { guest } => match self.get_of(*guest, "/snapshot").await? {
                Some(data) => Evidence::Snapshots { rows: lenient::snapshots(&data) },
                None => Evidence::Absent,
            },
            Probe::Firewall { scope } => self.firewall(scope).await?,
            Probe::FirewallNames { scope } => self.firewall_names(scope).await?,
            Probe::Objects { of } => Evidence::Objects(self.object_list(of).await?),
            Probe::File { site, .. }
            | Probe::Package { site, .. }
            | Probe::Unit { site, .. }
            | Probe::User { site, .. }
            | Probe::Command { site, .. } => {
                let mut said = self.channel.ask(site, std::slice::from_ref(probe)).await;
                return said.pop().unwrap_or_else(|| Err(unanswered(probe)));
            }
        })
    }

    async fn storages(&self, node: &str) -> Result<BTreeMap<String, StorageRow>, PveError> {
        let data = self.client.get(&format!("/nodes/{}/storage", segment(node)?), Vec::new()).await?;
        Ok(lenient::items(&data).iter().filter_map(lenient::storage).collect())
    }

    /// Returns the volumes of a storage, of one content if one is given.
    pub(super) async fn contents(
        &self,
        node: &str,
        storage: &str,
        content: Option<&str>,
    ) -> Result<Vec<phoenix_core::evidence::VolumeRow>, PveError> {
        let path = format!("/nodes/{}/storage/{}/content", segment(node)?, segment(storage)?);
        let params = content.map(|content| ("content".to_owned(), content.to_owned()));
        let data = self.client.get(&path, params.into_iter().collect()).await?;
        Ok(lenient::items(&data).iter().filter_map(lenient::volume).collect())
    }
}

fn unanswered(probe: &Probe) -> BackendError {
    BackendError::new(ErrorKind::Failed, format!("the site did not answer {probe:?}"))
}

/// Returns an answer once more, for a probe that stands in the batch twice. The cause cannot be copied.
fn copy(answer: &Answer) -> Answer {
    match answer {
        Ok(evidence) => Ok(evidence.clone()),
        Err(error) => Err(BackendError {
            kind: error.kind,
            message: error.message.clone(),
            fields: error.fields.clone(),
            log: error.log.clone(),
            hint: error.hint.clone(),
            source: error.source.as_ref().map(|source| source.to_string().into()),
        }),
    }
}
