//! The model: all files decoded, and every guest in one view, so that checks need not know which file it is from.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use phoenix_core::{Diagnostic, GuestId, GuestKind, Vmid};

use crate::format::{
    certificate::Manifest,
    feature::FeatureEntry,
    firewall::Firewall,
    guest::{CloneWord, TraefikService},
    hypervisor::HypervisorFile,
    id::Id,
    lxc::{Lxc, LxcFile},
    network::Network,
    service::ServiceEntry,
    stack::{Stack, StacksFile},
    vm::{Vm, VmFile},
};

pub(crate) const HYPERVISOR_FILE: &str = "phoenix_hypervisor_config.json";
pub(crate) const LXC_FILE: &str = "phoenix_lxc_configs.json";
pub(crate) const VM_FILE: &str = "phoenix_vm_configs.json";
pub(crate) const STACKS_FILE: &str = "phoenix_stacks_config.json";
pub(crate) const CERTIFICATE_FILE: &str = "certificate-manifest.json";

/// All files, decoded. A file that is missing or unreadable is as good as empty here.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) dir: PathBuf,
    pub(crate) has_hypervisor: bool,
    pub(crate) hypervisor: HypervisorFile,
    pub(crate) lxc: LxcFile,
    pub(crate) vm: VmFile,
    pub(crate) stacks: BTreeMap<String, StackFiles>,
    pub(crate) catalogue: Option<StacksFile>,
    pub(crate) certificates: Manifest,
    /// Every vmid that a file declares, whether or not its entry could be decoded.
    pub(crate) declared: BTreeMap<u32, Vec<(GuestKind, Spot)>>,
}

/// The files of one stack.
#[derive(Clone, Debug, Default)]
pub(crate) struct StackFiles {
    pub(crate) manifest_file: Arc<str>,
    pub(crate) manifest: Option<Stack>,
    pub(crate) compose_file: Option<Arc<str>>,
}

/// A place in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot {
    pub(crate) file: Arc<str>,
    pub(crate) pointer: String,
}

/// A guest, whatever its kind.
#[derive(Clone, Debug)]
pub(crate) struct Guest<'a> {
    pub(crate) id: GuestId,
    pub(crate) spot: Spot,
    pub(crate) entry: Entry<'a>,
    pub(crate) name: &'a str,
    pub(crate) clone: Option<CloneView>,
    pub(crate) dependencies: Vec<(u32, Spot)>,
    pub(crate) networks: Vec<(&'a Network, Spot)>,
    pub(crate) firewall: Option<&'a Firewall>,
    pub(crate) features: &'a [FeatureEntry],
    pub(crate) traefik: Option<&'a TraefikService>,
    pub(crate) services: &'a BTreeMap<String, ServiceEntry>,
    pub(crate) is_template: bool,
    pub(crate) start_at_boot: bool,
    pub(crate) boot_order: Option<u32>,
    pub(crate) memory_mb: u64,
    pub(crate) storage: Option<&'a str>,
    pub(crate) disk_gb: Option<u64>,
}

/// Where each guest stands in a list of guests: with thousands of them a search for each would take their square.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index(BTreeMap<u32, usize>);

/// The entry that a guest was read from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Entry<'a> {
    Lxc(&'a Lxc),
    Vm(&'a Vm),
}

/// The origin of a clone.
#[derive(Clone, Debug)]
pub(crate) struct CloneView {
    pub(crate) source: u32,
    pub(crate) mode: CloneWord,
    pub(crate) snapshot: Option<String>,
    pub(crate) spot: Spot,
}

impl Index {
    pub(crate) fn new(guests: &[Guest<'_>]) -> Self {
        // The first of two guests with one vmid counts.
        Self(guests.iter().enumerate().rev().map(|(index, guest)| (guest.id.vmid.0, index)).collect())
    }

    pub(crate) fn find<'g, 'a>(&self, guests: &'g [Guest<'a>], vmid: u32) -> Option<&'g Guest<'a>> {
        guests.get(*self.0.get(&vmid)?)
    }
}

impl Spot {
    pub(crate) fn new(file: &str, pointer: impl Into<String>) -> Self {
        Self { file: file.into(), pointer: pointer.into() }
    }

    /// Returns the place of something inside.
    pub(crate) fn at(&self, more: &str) -> Self {
        Self { file: Arc::clone(&self.file), pointer: format!("{}/{more}", self.pointer) }
    }

    pub(crate) fn put(&self, diagnostic: Diagnostic) -> Diagnostic {
        diagnostic.at_path(&self.file, self.pointer.clone())
    }
}

impl Model {
    /// Returns every guest, containers first.
    pub(crate) fn guests(&self) -> Vec<Guest<'_>> {
        let containers = self
            .lxc
            .lxc_configs
            .iter()
            .filter_map(|(id, lxc)| self.container(id.trim().parse().ok()?, id, lxc));
        let machines = self.vm.vms.iter().enumerate().filter_map(|(index, vm)| self.machine(index, vm));
        containers.chain(machines).collect()
    }

    /// Tells whether a container is fully or otherwise cloned by another one.
    pub(crate) fn is_cloned(&self, kind: GuestKind, vmid: u32) -> bool {
        match kind {
            GuestKind::Lxc => {
                self.lxc.lxc_configs.values().any(|lxc| lxc_source(lxc).is_some_and(|(id, ..)| id.0 == vmid))
            }
            GuestKind::Vm => self.vm.vms.iter().any(|vm| vm_source(vm).is_some_and(|(id, ..)| id.0 == vmid)),
        }
    }

    fn container<'a>(&'a self, vmid: u32, key: &str, lxc: &'a Lxc) -> Option<Guest<'a>> {
        let id = GuestId { kind: GuestKind::Lxc, vmid: Vmid::new(vmid)? };
        let spot = Spot::new(LXC_FILE, format!("/lxc_configs/{key}"));
        let defaults = self.lxc.lxc_defaults.as_ref();
        let is_template = lxc
            .is_template
            .unwrap_or_else(|| lxc.template_snapshot_name.is_some() && self.is_cloned(GuestKind::Lxc, vmid));
        Some(Guest {
            id,
            name: &lxc.name,
            entry: Entry::Lxc(lxc),
            clone: lxc_source(lxc).map(|source| clone_view(source, &spot)),
            dependencies: dependencies(&lxc.dependencies, &spot),
            networks: networks(&lxc.network_config, &lxc.networks, &spot),
            firewall: lxc.firewall.as_ref(),
            features: &lxc.features,
            traefik: lxc.traefik_service.as_ref(),
            services: &lxc.services,
            is_template,
            start_at_boot: lxc.start_at_boot.unwrap_or(false) && !is_template,
            boot_order: lxc.boot_order,
            memory_mb: lxc.memory_mb.or(defaults.and_then(|defaults| defaults.memory_mb)).unwrap_or(512),
            storage: lxc
                .storage_pool
                .as_deref()
                .or(defaults.and_then(|defaults| defaults.storage_pool.as_deref())),
            disk_gb: lxc.storage_size_gb.or(defaults.and_then(|defaults| defaults.storage_size_gb)),
            spot,
        })
    }

    fn machine<'a>(&'a self, index: usize, vm: &'a Vm) -> Option<Guest<'a>> {
        let id = GuestId { kind: GuestKind::Vm, vmid: Vmid::new(vm.vmid.0)? };
        let spot = Spot::new(VM_FILE, format!("/vms/{index}"));
        let defaults = self.vm.vm_defaults.as_ref();
        let is_template = vm.is_template.unwrap_or(false);
        Some(Guest {
            id,
            name: &vm.name,
            entry: Entry::Vm(vm),
            clone: vm_source(vm).map(|source| clone_view(source, &spot)),
            dependencies: dependencies(&vm.dependencies, &spot),
            networks: networks(&vm.network_config, &vm.networks, &spot),
            firewall: vm.firewall.as_ref(),
            features: &vm.features,
            traefik: vm.traefik_service.as_ref(),
            services: &vm.services,
            is_template,
            start_at_boot: vm.start_at_boot.unwrap_or(false) && !is_template,
            boot_order: vm.boot_order,
            memory_mb: vm.memory_mb.or(defaults.and_then(|defaults| defaults.memory_mb)).unwrap_or(2048),
            storage: vm
                .storage_pool
                .as_deref()
                .or(defaults.and_then(|defaults| defaults.storage_pool.as_deref())),
            disk_gb: vm.disk_size_gb.or(defaults.and_then(|defaults| defaults.disk_size_gb)),
            spot,
        })
    }
}

type Source = (Id, CloneWord, Option<String>, &'static str);

fn lxc_source(lxc: &Lxc) -> Option<Source> {
    match (&lxc.clone, lxc.clone_from_ctid) {
        (Some(clone), _) => Some((clone.from, clone.mode, clone.snapshot.clone(), "clone/from")),
        (None, Some(id)) => Some((id, CloneWord::Full, None, "clone_from_ctid")),
        (None, None) => None,
    }
}

fn vm_source(vm: &Vm) -> Option<Source> {
    match (&vm.clone, vm.clone_from_vmid) {
        (Some(clone), _) => Some((clone.from, clone.mode, clone.snapshot.clone(), "clone/from")),
        (None, Some(id)) => Some((id, CloneWord::Full, None, "clone_from_vmid")),
        (None, None) => None,
    }
}

fn clone_view((id, mode, snapshot, key): Source, spot: &Spot) -> CloneView {
    CloneView { source: id.0, mode, snapshot, spot: spot.at(key) }
}

fn dependencies(ids: &[Id], spot: &Spot) -> Vec<(u32, Spot)> {
    ids.iter().enumerate().map(|(index, id)| (id.0, spot.at(&format!("dependencies/{index}")))).collect()
}

fn networks<'a>(one: &'a Option<Network>, more: &'a [Network], spot: &Spot) -> Vec<(&'a Network, Spot)> {
    let one = one.iter().map(|network| (network, spot.at("network_config")));
    let more =
        more.iter().enumerate().map(|(index, network)| (network, spot.at(&format!("networks/{index}"))));
    one.chain(more).collect()
}
