//! The listing of guests: the cluster's resources, which know every guest but lag behind, made current by the
//! lists of each node. The number of calls does not depend on the number of guests.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};
use phoenix_core::{
    ErrorKind, GuestKind, Vmid,
    evidence::{GuestRow, NodeRow},
};
use serde_json::Value;

use super::PveBackend;
use crate::{client::segment, error::PveError, lenient};

/// Tasks that only look at a guest.
const CONSOLES: [&str; 5] = ["vncproxy", "vncshell", "termproxy", "spiceproxy", "spiceshell"];

impl PveBackend {
    /// Returns the guests as the cluster's resources have them, and remembers where they are.
    pub(super) async fn resources(&self) -> Result<BTreeMap<Vmid, GuestRow>, PveError> {
        let data = self.client.get("/cluster/resources", vec![("type".to_owned(), "vm".to_owned())]).await?;
        let rows: BTreeMap<Vmid, GuestRow> = lenient::items(&data)
            .iter()
            .filter_map(|row| {
                let read = lenient::guest(row, None, None);
                for what in lenient::unknown_of_guest(row, read.as_ref()) {
                    self.note_unknown(what);
                }
                read
            })
            .map(|row| (row.guest.vmid, row))
            .collect();
        for row in rows.values() {
            self.remember(row.guest, &row.node, None);
        }
        Ok(rows)
    }

    /// Returns the nodes of the cluster.
    pub(super) async fn nodes(&self) -> Result<Vec<NodeRow>, PveError> {
        let data = self.client.get("/nodes", Vec::new()).await?;
        let mut rows: Vec<NodeRow> = lenient::items(&data).iter().filter_map(lenient::node).collect();
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(rows)
    }

    /// Returns every guest with its present status and the task that works on it.
    pub(super) async fn guests(&self) -> Result<BTreeMap<Vmid, GuestRow>, PveError> {
        let mut rows = self.resources().await?;
        let nodes: BTreeSet<String> =
            rows.values().map(|row| row.node.clone()).chain([self.node.clone()]).collect();
        let mut calls = Vec::new();
        for node in &nodes {
            for call in [Live::Guests(GuestKind::Lxc), Live::Guests(GuestKind::Vm), Live::Tasks] {
                calls.push(self.live(node, call));
            }
        }
        let answers: Vec<_> = stream::iter(calls).buffered(self.limits.calls).collect().await;
        let mut tasks = Tasks::default();
        for answer in answers {
            let (node, call, data) = answer?;
            match call {
                Live::Guests(kind) => merge(&mut rows, &node, kind, &data),
                Live::Tasks => tasks.add(&node, &data),
            }
        }
        for row in rows.values_mut() {
            row.task = tasks.of(row);
            self.remember(row.guest, &row.node, None);
        }
        Ok(rows)
    }

    async fn live(&self, node: &str, call: Live) -> Result<(String, Live, Value), PveError> {
        let name = segment(node)?;
        let (path, params) = match call {
            Live::Guests(kind) => (format!("/nodes/{name}/{}", kind.api_name()), Vec::new()),
            Live::Tasks => (format!("/nodes/{name}/tasks"), vec![("source".to_owned(), "active".to_owned())]),
        };
        match self.client.get(&path, params).await {
            Ok(data) => Ok((node.to_owned(), call, data)),
            // Another node that is down must not hide the rest of the cluster: its guests keep their bare rows.
            Err(error)
                if node != self.node
                    && matches!(error.kind(), ErrorKind::Unreachable | ErrorKind::Timeout) =>
            {
                tracing::debug!(node, %error, "node does not answer");
                Ok((node.to_owned(), call, Value::Null))
            }
            Err(error) => Err(error),
        }
    }

    /// Returns the running tasks of a node as pairs of type and id with their UPIDs.
    pub(super) async fn active_tasks(&self, node: &str) -> Result<Vec<(String, String, String)>, PveError> {
        let path = format!("/nodes/{}/tasks", segment(node)?);
        let data = self.client.get(&path, vec![("source".to_owned(), "active".to_owned())]).await?;
        Ok(lenient::items(&data)
            .iter()
            .filter(|task| task["endtime"].is_null())
            .filter_map(|task| {
                Some((
                    lenient::word(&task["type"])?,
                    lenient::text(&task["id"])?,
                    lenient::word(&task["upid"])?,
                ))
            })
            .collect())
    }
}

/// A call that tells the present.
#[derive(Clone, Copy)]
enum Live {
    Guests(GuestKind),
    Tasks,
}

fn merge(rows: &mut BTreeMap<Vmid, GuestRow>, node: &str, kind: GuestKind, data: &Value) {
    for item in lenient::items(data) {
        let Some(live) = lenient::guest(item, Some(node), Some(kind)) else { continue };
        let row = rows.entry(live.guest.vmid).or_insert_with(|| live.clone());
        row.guest = live.guest;
        row.node = live.node;
        row.running = live.running;
        row.template |= live.template;
        row.name = live.name.or(row.name.take());
        row.lock = live.lock.or(row.lock.take());
        // The lists of older releases have no tags.
        if !item["tags"].is_null() {
            row.tags = live.tags;
        }
    }
}

/// The tasks that run.
#[derive(Default)]
struct Tasks {
    own: BTreeMap<Vmid, String>,
    /// Clones by node and kind: their ids are those of their sources, and nothing tells what they make.
    clones: BTreeMap<(String, GuestKind), String>,
}

impl Tasks {
    fn add(&mut self, node: &str, data: &Value) {
        for task in lenient::items(data) {
            let kind = task["type"].as_str().unwrap_or_default();
            let is_work =
                task["endtime"].is_null() && !CONSOLES.iter().any(|console| kind.ends_with(console));
            let vmid = lenient::number(&task["id"]).and_then(|id| u32::try_from(id).ok()).and_then(Vmid::new);
            let (true, Some(vmid), Some(upid)) = (is_work, vmid, lenient::word(&task["upid"])) else {
                continue;
            };
            let cloned = match kind {
                "vzclone" => Some(GuestKind::Lxc),
                "qmclone" => Some(GuestKind::Vm),
                _ => None,
            };
            if let Some(cloned) = cloned {
                self.clones.insert((node.to_owned(), cloned), upid.clone());
            }
            self.own.insert(vmid, upid);
        }
    }

    /// Returns the task that works on a guest; for one that is being made, a clone that may be making it.
    fn of(&self, row: &GuestRow) -> Option<String> {
        let is_being_made = matches!(row.lock.as_deref(), Some("create" | "clone"));
        let clone = || self.clones.get(&(row.node.clone(), row.guest.kind)).filter(|_| is_being_made);
        self.own.get(&row.guest.vmid).or_else(clone).cloned()
    }
}
