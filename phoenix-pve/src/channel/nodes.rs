//! The nodes of a cluster, and how their shells are reached: the one that the API answers from as the user says, the
//! others at the addresses that the cluster knows them by.

use std::{collections::BTreeMap, time::Duration};

use phoenix_core::{BackendError, ErrorKind};
use tokio::sync::OnceCell;

use super::{
    address::Address,
    process::{self, Ended},
    ssh::{Ssh, SshOptions, Way},
};
use crate::{client::Client, lenient};

/// How the node is reached that the API answers from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// It is this machine.
    Local {
        /// Words that every command begins with, `sudo -n` for instance.
        prefix: Vec<String>,
    },
    /// By ssh.
    Ssh(Address),
}

/// The nodes.
pub struct Nodes {
    client: Client,
    node: String,
    entry: Entry,
    ssh: Ssh,
    ways: OnceCell<BTreeMap<String, Entry>>,
}

impl Entry {
    /// Returns the entry of this machine: what only root may do is done with `sudo` by everybody else.
    pub fn local() -> Self {
        let prefix: &[&str] = if rustix::process::geteuid().is_root() { &[] } else { &["sudo", "-n"] };
        Self::Local { prefix: prefix.iter().map(|&word| word.to_owned()).collect() }
    }
}

impl Nodes {
    /// Returns the nodes of a cluster. `node` is the one that the API answers from, where the cluster does not say.
    pub fn new(client: Client, node: impl Into<String>, entry: Entry, options: SshOptions) -> Self {
        Self { client, node: node.into(), entry, ssh: Ssh::new(options), ways: OnceCell::new() }
    }

    /// Runs words on a node; none if there is no such node.
    pub(super) async fn run(
        &self,
        node: &str,
        words: &[&str],
        input: &[u8],
        limit: Duration,
    ) -> Result<Option<Ended>, BackendError> {
        let Some(entry) = self.ways().await?.get(node) else { return Ok(None) };
        let words = process::limited(words, limit);
        let ended = match entry {
            Entry::Local { prefix } => {
                let words: Vec<String> = prefix.iter().cloned().chain(words).collect();
                process::run(&words, input, limit, node).await
            }
            Entry::Ssh(address) => {
                let way = Way { to: address.clone(), over: None };
                self.ssh.run(&way, &with_rights(address, words), input, limit).await
            }
        };
        Ok(Some(ended?))
    }

    /// Runs words at an address that is reached from a node.
    pub(super) async fn run_beyond(
        &self,
        node: &str,
        address: &Address,
        words: &[&str],
        input: &[u8],
        limit: Duration,
    ) -> Result<Ended, BackendError> {
        let over = match self.ways().await?.get(node) {
            Some(Entry::Ssh(address)) => Some(address.clone()),
            Some(Entry::Local { .. }) | None => None,
        };
        let way = Way { to: address.clone(), over };
        let words = with_rights(address, process::limited(words, limit));
        Ok(self.ssh.run(&way, &words, input, limit).await?)
    }

    async fn ways(&self) -> Result<&BTreeMap<String, Entry>, BackendError> {
        self.ways.get_or_try_init(|| self.look()).await
    }

    async fn look(&self) -> Result<BTreeMap<String, Entry>, BackendError> {
        let mut ways = BTreeMap::from([(self.node.clone(), self.entry.clone())]);
        let data = match self.client.get("/cluster/status", Vec::new()).await {
            Ok(data) => data,
            // Who may not see the cluster still reaches the one node that he named.
            Err(error) if matches!(error.kind(), ErrorKind::Forbidden | ErrorKind::Failed) => {
                tracing::debug!(%error, "the cluster does not tell its nodes");
                return Ok(ways);
            }
            Err(error) => return Err(error.into()),
        };
        let rows = lenient::items(&data).iter().filter(|row| row["type"] == "node");
        let rows: Vec<_> = rows
            .filter_map(|row| {
                Some((lenient::word(&row["name"])?, lenient::word(&row["ip"]), lenient::flag(&row["local"])))
            })
            .collect();
        if rows.iter().any(|(_, _, local)| *local) {
            ways.clear();
        }
        for (name, ip, local) in rows {
            let entry = match (local, ip, &self.entry) {
                (true, ..) => self.entry.clone(),
                (false, Some(ip), Entry::Ssh(first)) => Entry::Ssh(Address { host: ip, ..first.clone() }),
                (false, Some(ip), Entry::Local { .. }) => Entry::Ssh(Address::root(ip)),
                (false, None, _) => continue,
            };
            ways.entry(name).or_insert(entry);
        }
        Ok(ways)
    }
}

fn with_rights(address: &Address, words: Vec<String>) -> Vec<String> {
    match address.needs_sudo() {
        true => ["sudo", "-n"].map(str::to_owned).into_iter().chain(words).collect(),
        false => words,
    }
}
