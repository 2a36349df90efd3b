//! Devices of the node in guests: which ones a guest's configuration lets in, whether the node has them, and what the
//! guest sees of them once it starts.

use std::collections::BTreeSet;

use phoenix_core::GuestKind;
use serde_json::{Map, json};

use crate::{
    gpus::Gpu,
    options::NodeSeed,
    sim::gpu,
    state::{State, config, guest::Guest, sections::Section},
};

/// What names of device nodes of graphics cards begin with.
const CARDS: &str = "/dev/nvidia";

/// Returns why a device node cannot be passed to a container: the node has none of that name. Of other devices than
/// graphics cards it is taken that they are there.
pub(crate) fn missing(state: &State, path: &str) -> Option<String> {
    let is_missing = !state.is_real && path.starts_with(CARDS) && state.host.file(path).is_none();
    is_missing.then(|| format!("Device {path} does not exist"))
}

/// Says why a guest cannot have its devices.
pub(crate) fn check(state: &State, guest: &Guest) -> Result<(), String> {
    if state.is_real {
        return Ok(());
    }
    match guest.kind {
        GuestKind::Lxc => match passed(guest).iter().find_map(|path| missing(state, path)) {
            Some(text) => Err(text),
            None => Ok(()),
        },
        GuestKind::Vm => pci(guest).into_iter().try_for_each(|value| card(state, value).map(drop)),
    }
}

/// Lets a guest that starts see the devices that it has.
pub(crate) fn show(state: &mut State, kind: GuestKind, vmid: u32) {
    let Some(guest) = state.guest(kind, vmid) else { return };
    match kind {
        GuestKind::Lxc => {
            let gpus = gpu::driven(&state.host);
            let is_there = |path: &String| missing(state, path).is_none();
            let let_in = passed(guest).into_iter().chain(mounted(guest)).filter(is_there).collect();
            if let Some(guest) = state.guest_mut(kind, vmid) {
                gpu::show_container(&mut guest.world, &gpus, &let_in);
            }
        }
        GuestKind::Vm => {
            let cards: Vec<Gpu> =
                pci(guest).into_iter().filter_map(|value| card(state, value).ok()?).cloned().collect();
            if let Some(guest) = state.guest_mut(kind, vmid) {
                gpu::show_machine(&mut guest.world, &cards);
            }
        }
    }
}

impl State {
    /// Gains cards with the driver that they come with, and names for devices. What runs sees the cards as after a start
    /// of the node.
    pub(crate) fn merge_devices(&mut self, seed: &NodeSeed) {
        // Real guests are given real devices, or none.
        if self.is_real {
            return;
        }
        for (id, address) in &seed.mappings {
            if self.cluster.mappings.pci.get(id).is_none() {
                let map = json!([format!("id=10de:2d04,node={},path={address}", self.name)]);
                let values = Map::from_iter([("map".to_owned(), map)]);
                self.cluster.mappings.pci.put(Section { id: id.clone(), kind: String::new(), values });
            }
        }
        // The host knows best which driver it has come to.
        if !self.host.gpus().is_empty() {
            self.gpus.clone_from(self.host.gpus());
        }
        let mut more = seed.gpus.clone();
        if seed.keeps_driver && !self.gpus.is_empty() {
            more.driver.clear();
        }
        self.gpus.merge(&more);
        if *self.host.gpus() == self.gpus {
            return;
        }
        gpu::equip_host(&mut self.host, &self.gpus);
        let runs = |guest: &&Guest| guest.running && guest.world.has_system();
        let running: Vec<_> =
            self.guests.values().filter(runs).map(|guest| (guest.kind, guest.vmid)).collect();
        for (kind, vmid) in running {
            show(self, kind, vmid);
        }
    }
}

/// Returns the device nodes that a container's options pass to it.
fn passed(guest: &Guest) -> BTreeSet<String> {
    let is_device = |key: &str| matches!(config::split_index(key), ("dev", Some(_)));
    let devices = guest.config.iter().filter(|(key, _)| is_device(key));
    devices.filter_map(|(_, value)| named(value, "path")).collect()
}

/// Returns what an option names by a key, which its first word may leave out.
fn named(value: &str, key: &str) -> Option<String> {
    let first = value.split(',').next().filter(|first| !first.contains('='));
    config::property(value, key).or(first).map(str::to_owned)
}

/// Returns the graphics cards' nodes that raw lines mount into a container and let it open.
fn mounted(guest: &Guest) -> BTreeSet<String> {
    let values = |wanted: &'static str| {
        guest.raw.iter().filter(move |(key, _)| key == wanted).map(|(_, value)| value.as_str())
    };
    let is_open = |rule: &str| {
        let device = rule.split_whitespace().nth(1).and_then(|device| device.split(':').next());
        rule.trim() == "a" || matches!(device, Some("195" | "*"))
    };
    if !values("lxc.cgroup2.devices.allow").any(is_open) {
        return BTreeSet::new();
    }
    let sources = values("lxc.mount.entry").filter_map(|entry| entry.split_whitespace().next());
    sources.filter(|source| source.starts_with(CARDS)).map(str::to_owned).collect()
}

/// Returns the options of a machine that pass devices of the node to it.
fn pci(guest: &Guest) -> Vec<&str> {
    let is_device = |key: &str| matches!(config::split_index(key), ("hostpci", Some(_)));
    guest.config.iter().filter(|(key, _)| is_device(key)).map(|(_, value)| value.as_str()).collect()
}

/// Returns the card that an option passes to a machine, if it is one; or why there is no such device.
fn card<'a>(state: &'a State, value: &str) -> Result<Option<&'a Gpu>, String> {
    let address = match config::property(value, "mapping") {
        Some(name) => mapped(state, name)?,
        None => match named(value, "host") {
            Some(address) => address,
            None => return Ok(None),
        },
    };
    let found = state.gpus.at(&address);
    match found.is_some() || crate::api::has_device(&address) {
        true => Ok(found),
        false => Err(format!("no PCI device found for '{address}'")),
    }
}

/// Returns the address that a mapping has on this node.
fn mapped(state: &State, name: &str) -> Result<String, String> {
    let section = state.cluster.mappings.pci.get(name);
    let section = section.ok_or_else(|| format!("PCI device mapping not found for '{name}'"))?;
    let entries = section.values.get("map").and_then(|map| map.as_array()).into_iter().flatten();
    let own = entries.filter_map(|entry| entry.as_str());
    let mut own = own.filter(|entry| config::property(entry, "node") == Some(state.name.as_str()));
    let path = own.next().and_then(|entry| config::property(entry, "path"));
    path.map(str::to_owned).ok_or_else(|| format!("PCI device mapping '{name}' has no device of this node"))
}
