//! The host that a verb works on. For now that is the embedded node in this process, seeded with what the
//! configuration says of the host.

use std::{
    env,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use phoenix_config::Host as Described;
use phoenix_node::{Node, NodeSeed, Options, StorageSeed};
use phoenix_pve::{Limits, PveBackend};

use crate::{
    args::{Engine, Global, HostChoice},
    error::Error,
};

/// What makes a machine a Proxmox VE host.
const PVE: &str = "/etc/pve";
/// The size of a storage that the configuration does not limit.
const ROOMY: u64 = 4 << 40;

/// A host that is open.
pub(crate) struct Host {
    /// The embedded node.
    pub(crate) node: Arc<Node>,
    /// What performs steps on it.
    pub(crate) backend: PveBackend,
}

impl Host {
    /// Opens the host that the options name.
    pub(crate) async fn open(global: &Global, described: &Described) -> Result<Self, Error> {
        check(global)?;
        let options = Options { speed: global.node_speed, seed: seed(described) };
        let node = Node::open(&node_dir(global)?, options).await.map_err(Error::Node)?;
        // In process a question costs nothing, so tasks are looked at as soon as they may have ended.
        let limits = Limits { poll_floor: Duration::from_millis(2), ..Limits::default() };
        let backend = PveBackend::new(node.clone(), node.clone(), node.name(), limits);
        Ok(Self { node, backend })
    }
}

/// Returns the directory of the embedded node.
pub(crate) fn node_dir(global: &Global) -> Result<PathBuf, Error> {
    if let Some(dir) = &global.node_dir {
        return Ok(dir.clone());
    }
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = set("XDG_STATE_HOME").filter(|dir| dir.is_absolute());
    let state = state.or_else(|| set("HOME").map(|home| home.join(".local/state")));
    Ok(state.ok_or(Error::NoStateHome)?.join("phoenix/node"))
}

/// Says so if the options lead to a host that this version cannot reach.
pub(crate) fn check(global: &Global) -> Result<(), Error> {
    let live = |wanted: String| Err(Error::NoLiveHost { wanted });
    match &global.host {
        None if Path::new(PVE).exists() => live("this machine is one".to_owned()),
        Some(HostChoice::Local) => live("`--host local` asks for this machine".to_owned()),
        Some(HostChoice::Url(url)) => live(format!("`--host` asks for `{url}`")),
        None | Some(HostChoice::Embedded) => match global.node_engine {
            Engine::Sim => Ok(()),
            Engine::Lxc => Err(Error::NoLxcEngine),
        },
    }
}

/// Returns what the embedded node starts with: what every Proxmox VE has, and what the configuration names.
fn seed(described: &Described) -> NodeSeed {
    let mut seed = NodeSeed { name: described.node.clone(), ..NodeSeed::default() };
    seed.bridges.extend(described.bridges.iter().cloned());
    for storage in &described.storages {
        let content: Vec<&str> = storage.content.iter().map(String::as_str).collect();
        let named =
            StorageSeed::new(&storage.name, &storage.plugin, &content, storage.total_bytes.unwrap_or(ROOMY));
        seed.storages.retain(|other| other.name != named.name);
        seed.storages.push(named);
    }
    if !seed.storages.iter().any(|storage| storage.name == "local-lvm") {
        seed.storages.push(StorageSeed::new("local-lvm", "lvmthin", &["images", "rootdir"], ROOMY));
    }
    seed
}
