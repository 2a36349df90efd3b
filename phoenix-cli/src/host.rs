//! The host that a verb works on: the embedded node in this process, seeded with what the configuration says of the
//! host, this machine where it is a Proxmox VE host, or one at a URL.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use phoenix_config::{Host as Described, StorageDecl};
use phoenix_node::{Calls, Gpu, Gpus, MachineMode, Node, NodeSeed, Options, StorageSeed, Uplink, Zpool};
use phoenix_pve::{
    Address, ChannelLimits, Client, Credentials, Entry, HostFiles, Https, Limits, LiveChannel, LocalHost,
    Nodes, PveBackend, SshOptions, Transport, Trust,
};
use phoenix_sandbox::{Bridge, Containers, SandboxSpec};

use crate::{
    args::{Engine, Global, GpuOption, HostChoice},
    error::Error,
};

/// The size of a storage that the configuration does not limit.
const ROOMY: u64 = 4 << 40;

/// A host that is open.
pub(crate) struct Host {
    /// What performs steps on it.
    pub(crate) backend: PveBackend,
    way: Way,
}

/// What leads to a host.
enum Way {
    Embedded(Arc<Node>),
    Far(Arc<Https>),
}

impl Host {
    /// Opens the host that the options name.
    pub(crate) async fn open(global: &Global, described: &Described) -> Result<Self, Error> {
        match &global.host {
            Some(HostChoice::Url(url)) => Self::far(global, url, described).await,
            Some(HostChoice::Local) => Self::local(global, &LocalHost::default()).await,
            None if LocalHost::default().is_there() => Self::local(global, &LocalHost::default()).await,
            Some(HostChoice::Embedded) | None => {
                let node = embedded(global, described).await?;
                // In process a question costs nothing, so tasks are looked at as soon as they may have ended.
                // What it holds is in force at once.
                let limits = Limits {
                    poll_floor: Duration::from_millis(2),
                    firewall_settle: Duration::ZERO,
                    ..Limits::default()
                };
                let backend = PveBackend::new(node.clone(), node.clone(), node.name(), limits);
                Ok(Self { backend, way: Way::Embedded(node) })
            }
        }
    }

    async fn far(global: &Global, url: &str, described: &Described) -> Result<Self, Error> {
        let trust = match (global.insecure, &global.fingerprint, &global.ca_file) {
            (true, ..) => Trust::Everybody,
            (false, Some(fingerprint), _) => Trust::Fingerprint(fingerprint.clone()),
            (false, None, Some(file)) => Trust::Authority(file.clone()),
            (false, None, None) => Trust::System,
        };
        let https = Arc::new(Https::new(url, &trust, credentials(url)?).map_err(Error::Api)?);
        let nodes = Client::new(https.clone()).get("/nodes", Vec::new()).await.map_err(Error::Api)?;
        let found: Vec<String> = nodes
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|row| Some(row["node"].as_str()?.to_owned()))
            .collect();
        let node = match &found[..] {
            [only] => only.clone(),
            several if several.contains(&described.node) => described.node.clone(),
            _ => return Err(Error::NoNode { url: url.to_owned(), node: described.node.clone(), found }),
        };
        let address = global.ssh.clone().or_else(|| Address::of_url(url));
        let address = address.ok_or_else(|| Error::NoAddress { url: url.to_owned() })?;
        let backend = live(global, https.clone(), node, Entry::Ssh(address));
        Ok(Self { backend, way: Way::Far(https) })
    }

    async fn local(global: &Global, here: &LocalHost) -> Result<Self, Error> {
        if !here.is_there() {
            return Err(Error::NotHere { dir: here.pve_dir.clone() });
        }
        let https = Arc::new(here.https(found_credentials()?).map_err(Error::Api)?);
        let files = Arc::new(HostFiles::new(https.clone(), &here.pve_dir));
        let backend = live(global, files, here.node().map_err(Error::Api)?, Entry::local());
        Ok(Self { backend, way: Way::Far(https) })
    }

    /// Tells whether it is a model, which carries no traffic.
    pub(crate) fn is_simulated(&self, global: &Global) -> bool {
        matches!((&self.way, global.node_engine), (Way::Embedded(_), Engine::Sim))
    }

    /// Returns the virtual machines that containers stand for.
    pub(crate) fn machines_as_containers(&self) -> BTreeSet<u32> {
        match &self.way {
            Way::Embedded(node) => node.machines_as_containers(),
            Way::Far(_) => BTreeSet::new(),
        }
    }

    /// Returns how many calls were made, and how many bytes they were.
    pub(crate) fn calls(&self) -> Calls {
        match &self.way {
            Way::Embedded(node) => node.calls(),
            Way::Far(https) => Calls { count: https.calls(), bytes: https.bytes() },
        }
    }
}

/// Returns a host that has what the configuration says of it, and no guest: what a first plan is made for.
pub(crate) fn blank(described: &Described) -> PveBackend {
    let node =
        Node::in_memory(Options { speed: f64::INFINITY, seed: seed(described, &[]), ..Options::default() });
    PveBackend::new(node.clone(), node.clone(), node.name(), Limits::default())
}

/// Opens the embedded node.
pub(crate) async fn embedded(global: &Global, described: &Described) -> Result<Arc<Node>, Error> {
    check(global)?;
    let machines = if global.vm_as_container { MachineMode::Containers } else { MachineMode::Qemu };
    let options = Options { speed: global.node_speed, seed: seed(described, &global.node_gpus), machines };
    let dir = node_dir(global)?;
    match global.node_engine {
        Engine::Sim => Node::open(&dir, options).await.map_err(Error::Node),
        Engine::Lxc => {
            let containers = containers(global, described)?;
            Node::open_real(&dir, options, containers).await.map_err(Error::Node)
        }
    }
}

/// Returns the real containers of the embedded node.
pub(crate) fn containers(global: &Global, described: &Described) -> Result<Containers, Error> {
    let dir = Node::sandbox_dir(&node_dir(global)?);
    let dir = std::path::absolute(&dir).map_err(|source| Error::Read { path: dir, source })?;
    let main = described.bridges.first();
    let bridge = |name: &String| Bridge {
        name: name.clone(),
        // The host's own addresses are those of its first bridge.
        addresses: if Some(name) == main { described.addresses.clone() } else { Vec::new() },
        gateways: if Some(name) == main { gateway_of(described).into_iter().collect() } else { Vec::new() },
    };
    let spec = SandboxSpec {
        dir,
        hostname: described.node.clone(),
        bridges: described.bridges.iter().map(bridge).collect(),
        uplink: global.node_uplink,
    };
    Containers::new(spec, global.template_cache.clone())
        .map(|containers| {
            containers.with_mirror(global.package_mirror.clone()).with_places(places(described))
        })
        .map_err(|lacking| Error::Lacking { lacking: lacking.iter().map(ToString::to_string).collect() })
}

/// Returns where the host has file systems of its own: its pools, and what storages are mounted at.
fn places(described: &Described) -> Vec<String> {
    let pools = described.storages.iter().filter_map(|storage| {
        let pool = storage.pool.as_deref()?.split('/').next()?;
        Some(format!("/{pool}"))
    });
    let mut places: Vec<String> = pools.collect();
    places.sort();
    places.dedup();
    places
}

/// Returns the gateway with the network that the host shares with it.
fn gateway_of(described: &Described) -> Option<String> {
    let gateway = described.gateway.as_ref()?;
    let of_kind = |address: &&String| address.contains(':') == gateway.contains(':');
    let length = described.addresses.iter().find(of_kind)?.split_once('/')?.1;
    Some(format!("{gateway}/{length}"))
}

/// Returns the backend of a live cluster.
fn live(global: &Global, transport: Arc<dyn Transport>, node: String, entry: Entry) -> PveBackend {
    let client = Client::new(Arc::clone(&transport));
    let options = SshOptions { config_file: global.ssh_config.clone() };
    let nodes = Nodes::new(client.clone(), node.clone(), entry, options);
    let channel = LiveChannel::new(client, nodes, ChannelLimits::default());
    let limits = Limits { unguarded_firewall: global.firewall_unguarded, ..Limits::default() };
    PveBackend::new(transport, Arc::new(channel), node, limits)
}

/// Returns what the environment has to be let in with.
fn credentials(url: &str) -> Result<Credentials, Error> {
    found_credentials()?.ok_or_else(|| Error::NoCredentials { url: url.to_owned() })
}

/// Returns what the environment has to be let in with, if it has anything.
fn found_credentials() -> Result<Option<Credentials>, Error> {
    if let Some(token) = secret("PHOENIX_TOKEN")? {
        return Ok(Some(Credentials::Token(token)));
    }
    let user = env::var("PHOENIX_USER").ok().filter(|user| !user.is_empty());
    let user = user.unwrap_or_else(|| "root@pam".to_owned());
    Ok(secret("PHOENIX_PASSWORD")?.map(|password| Credentials::Password { user, password }))
}

/// Returns the content of a variable, or of the file that the variable with `_FILE` at its end names. Secrets are never
/// arguments: those can be seen by everybody on the machine.
pub(crate) fn secret(name: &str) -> Result<Option<String>, Error> {
    if let Some(text) = env::var(name).ok().filter(|text| !text.is_empty()) {
        return Ok(Some(text));
    }
    let Some(path) = env::var_os(format!("{name}_FILE")).filter(|path| !path.is_empty()) else {
        return Ok(None);
    };
    let path = PathBuf::from(path);
    let text = std::fs::read_to_string(&path).map_err(|source| Error::Read { path, source })?;
    Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
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

/// Says so if the options lead to anything but an embedded node that there is.
pub(crate) fn check(global: &Global) -> Result<(), Error> {
    match &global.host {
        None if LocalHost::default().is_there() => Err(Error::NotEmbedded { url: "local".to_owned() }),
        Some(HostChoice::Local) => Err(Error::NotEmbedded { url: "local".to_owned() }),
        Some(HostChoice::Url(url)) => Err(Error::NotEmbedded { url: url.clone() }),
        None | Some(HostChoice::Embedded) => Ok(()),
    }
}

/// Returns what the embedded node starts with: what every Proxmox VE has, and what the configuration names.
fn seed(described: &Described, cards: &[GpuOption]) -> NodeSeed {
    let mut seed = NodeSeed { name: described.node.clone(), ..NodeSeed::default() };
    seed.bridges.extend(described.bridges.iter().cloned());
    let bridge = described.bridges.first();
    let address = described.addresses.iter().find(|address| !address.contains(':'));
    seed.uplink = bridge.zip(address).map(|(bridge, address)| Uplink {
        bridge: bridge.clone(),
        address: address.clone(),
        gateway: described.gateway.clone(),
    });
    for storage in described.storages.iter().filter(|storage| is_seeded(storage)) {
        let content: Vec<&str> = storage.content.iter().map(String::as_str).collect();
        let total = storage.total_bytes.unwrap_or(ROOMY);
        let mut named = StorageSeed::new(&storage.name, &storage.plugin, &content, total);
        named.definition = storage.definition.clone().unwrap_or_default();
        seed.storages.retain(|other| other.name != named.name);
        seed.storages.push(named);
    }
    if !seed.storages.iter().any(|storage| storage.name == "local-lvm") {
        seed.storages.push(StorageSeed::new("local-lvm", "lvmthin", &["images", "rootdir"], ROOMY));
    }
    give_disks(&mut seed, described);
    give_cards(&mut seed, described, cards);
    seed
}

/// Tells whether a storage is there from the beginning: one on a dataset, or one that is only named. The others are what
/// `phoenix setup` makes.
fn is_seeded(storage: &StorageDecl) -> bool {
    let is_on_dataset = storage.pool.is_some();
    is_on_dataset || storage.definition.is_none()
}

/// Gives a node the pools that the configuration declares, on their disks, with what limits their file systems.
fn give_disks(seed: &mut NodeSeed, described: &Described) {
    for pool in &described.pools {
        let name = |path: &String| path.rsplit('/').next().unwrap_or(path).to_owned();
        let root = (pool.name.clone(), BTreeMap::new());
        let limited =
            |limit: &Option<u64>| limit.iter().map(|limit| ("quota".to_owned(), limit.to_string())).collect();
        let datasets =
            pool.datasets.iter().map(|(path, limit)| (format!("{}/{path}", pool.name), limited(limit)));
        let zpool = Zpool {
            layout: pool.layout.clone().unwrap_or_default(),
            disks: pool.disks.iter().map(name).collect(),
            datasets: [root].into_iter().chain(datasets).collect(),
            ..Zpool::default()
        };
        seed.disks.pools.insert(pool.name.clone(), zpool);
    }
}

/// Gives a node graphics cards: those that the options name; else, where the configuration declares their driver, those
/// that its containers name. Devices that its virtual machines name are there too.
fn give_cards(seed: &mut NodeSeed, described: &Described, cards: &[GpuOption]) {
    let driver = described.gpu_driver.as_deref();
    // What `phoenix setup` installs does not come by itself where another one is.
    seed.keeps_driver = described.installs_driver;
    let plain = || (Gpus::NAME, Gpus::MEMORY_MIB);
    seed.gpus = match (cards, driver, described.gpus.iter().max()) {
        ([], Some(driver), Some(last)) => Gpus::new(driver, (0..=*last).map(|_| plain())),
        ([], ..) => Gpus::default(),
        (cards, ..) => {
            let cards = cards.iter().map(|card| (card.name.as_str(), card.memory_mib));
            Gpus::new(driver.unwrap_or(Gpus::DRIVER), cards)
        }
    };
    for device in &described.pci {
        let number = seed.gpus.cards.keys().next_back().map_or(0, |last| last + 1);
        let card = Gpu::new(number, plain().0, plain().1);
        let (card, is_new) = match device.contains(':') {
            true => (Gpu { address: device.clone(), ..card }, seed.gpus.at(device).is_none()),
            false => {
                seed.mappings.insert(device.clone(), card.address.clone());
                (card, true)
            }
        };
        if is_new {
            seed.gpus.cards.insert(number, card);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_has_the_network_that_the_host_shares_with_it() {
        let addresses = vec!["fd00::2/64".to_owned(), "10.0.0.13/24".to_owned()];
        let described = |gateway: &str| Described {
            addresses: addresses.clone(),
            gateway: Some(gateway.to_owned()),
            ..Described::default()
        };
        assert_eq!(gateway_of(&described("10.0.0.1")).as_deref(), Some("10.0.0.1/24"));
        assert_eq!(gateway_of(&described("fd00::1")).as_deref(), Some("fd00::1/64"));
        assert_eq!(gateway_of(&Described::default()), None);
    }
}
