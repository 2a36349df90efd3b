//! What an action needs, from the calls that it is made of and from what they are given.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_core::{Action, FirewallScope, GuestId, GuestKind, Step, Vmid, property::PropertyString};

use super::{
    Call, Demanded, Need,
    calls::Subject,
    keys::{of_bridge, of_key},
    object,
};

/// What is known of the cluster without asking: where guests are, and what those use that the plan itself makes.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// The node where an action names none.
    pub node: String,
    nodes: BTreeMap<Vmid, String>,
    bridges: BTreeMap<Vmid, BTreeMap<String, String>>,
    storages: BTreeMap<Vmid, BTreeSet<String>>,
}

impl World {
    /// Returns a world in which nothing is known but a node.
    pub fn new(node: impl Into<String>) -> Self {
        Self { node: node.into(), ..Self::default() }
    }

    /// Says where a guest is, and the storage of its root disk if that is known.
    pub fn place(&mut self, vmid: Vmid, node: &str, storage: Option<&str>) {
        self.nodes.insert(vmid, node.to_owned());
        self.storages.entry(vmid).or_default().extend(storage.map(str::to_owned));
    }

    /// Takes in what the steps of a plan make of guests: a clone has what its source has by then.
    pub fn learn(&mut self, steps: &[Step]) {
        for step in steps {
            match &step.action {
                Action::CreateLxc { vmid, params, .. } | Action::CreateVm { vmid, params, .. } => {
                    self.learn_keys(*vmid, params);
                }
                Action::Configure { guest, set, .. } => self.learn_keys(guest.vmid, set),
                Action::Clone { source, target, storage, .. } => {
                    let bridges = self.bridges.get(&source.vmid).cloned().unwrap_or_default();
                    let storages = match storage {
                        Some(storage) => [storage.clone()].into(),
                        None => self.storages.get(&source.vmid).cloned().unwrap_or_default(),
                    };
                    self.bridges.insert(*target, bridges);
                    self.storages.insert(*target, storages);
                }
                Action::FetchOsTemplate { .. }
                | Action::FetchImage { .. }
                | Action::SetRawKeys { .. }
                | Action::Resize { .. }
                | Action::Start { .. }
                | Action::Stop { .. }
                | Action::Migrate { .. }
                | Action::Delete { .. }
                | Action::Snapshot { .. }
                | Action::DeleteSnapshot { .. }
                | Action::Rollback { .. }
                | Action::MakeTemplate { .. }
                | Action::Firewall { .. }
                | Action::Object { .. }
                | Action::WriteFile { .. }
                | Action::InstallArtifact { .. }
                | Action::MakeDirectory { .. }
                | Action::Symlink { .. }
                | Action::RemoveFile { .. }
                | Action::InstallPackages { .. }
                | Action::EnsureUser { .. }
                | Action::SetUnit { .. }
                | Action::Run { .. }
                | Action::Reboot { .. }
                | Action::Await { .. } => {}
            }
        }
    }

    fn learn_keys(&mut self, vmid: Vmid, set: &BTreeMap<String, String>) {
        for (key, value) in set {
            let parts = PropertyString::parse(value, "volume");
            let stem = key.trim_end_matches(|c: char| c.is_ascii_digit());
            if let ("net", Some(bridge)) = (stem, parts.get("bridge")) {
                self.bridges.entry(vmid).or_default().insert(key.clone(), bridge.to_owned());
            }
            let is_disk = matches!(stem, "rootfs" | "mp" | "scsi" | "virtio" | "sata" | "ide");
            let storage = parts.get("volume").and_then(|volume| volume.split_once(':'));
            if let (true, Some((storage, _))) = (is_disk, storage) {
                self.storages.entry(vmid).or_default().insert(storage.to_owned());
            }
        }
    }
}

/// Returns what an action needs. What is done inside guests, and to files of a node, is no call of the API.
pub fn of_action(action: &Action, world: &World) -> Demanded {
    let own = |node: &Option<String>| node.clone().unwrap_or_else(|| world.node.clone());
    let guest = |guest: &GuestId, calls: &[Call]| {
        let node = world.nodes.get(&guest.vmid).unwrap_or(&world.node).clone();
        of_calls(calls, &Subject { node, vmid: guest.vmid.to_string(), ..Subject::default() })
    };
    match action {
        Action::FetchOsTemplate { storage, node, .. } => {
            let subject = Subject { node: own(node), storage: storage.clone(), ..Subject::default() };
            of_calls(&[Call::ReadContent, Call::FetchOsTemplate], &subject)
        }
        Action::FetchImage { storage, node, .. } => {
            let subject = Subject { node: own(node), storage: storage.clone(), ..Subject::default() };
            of_calls(&[Call::ReadContent, Call::FetchImage], &subject)
        }
        Action::CreateLxc { vmid, template_storage, params, .. } => {
            let guest = GuestId { kind: GuestKind::Lxc, vmid: *vmid };
            let subject = Subject { storage: template_storage.clone(), ..subject_of(guest, world) };
            let mut demanded = of_calls(&[Call::ReadContent, Call::Create, Call::ReadConfig], &subject);
            extend_keys(guest, params, &mut demanded);
            // Root inside is root outside: who may not change the node may not make one.
            if params.get("unprivileged").is_none_or(|flag| flag == "0") {
                demanded.needs.insert(Need::all("/", &["Sys.Modify"]));
            }
            demanded
        }
        Action::CreateVm { vmid, params, .. } => {
            let guest = GuestId { kind: GuestKind::Vm, vmid: *vmid };
            let mut demanded = of_calls(&[Call::Create, Call::ReadConfig], &subject_of(guest, world));
            extend_keys(guest, params, &mut demanded);
            demanded
        }
        Action::Clone { source, target, storage, .. } => {
            let subject = Subject { newid: target.to_string(), ..subject_of(*source, world) };
            let mut demanded = of_calls(&[Call::Clone, Call::ReadConfig], &subject);
            let copy = Subject { vmid: target.to_string(), ..Subject::default() };
            demanded.extend(of_calls(&[Call::ReadConfig], &copy));
            let sources = world.storages.get(&source.vmid).cloned().unwrap_or_default();
            let storages = storage.as_ref().map_or(sources, |storage| [storage.clone()].into());
            demanded.needs.extend(storages.iter().map(|storage| space(storage)));
            let bridges = world.bridges.get(&source.vmid).into_iter().flat_map(BTreeMap::values);
            demanded.needs.extend(bridges.map(|bridge| of_bridge(bridge)));
            demanded
        }
        Action::Configure { guest: id, set, delete, .. } => {
            let mut demanded = guest(id, &[Call::ReadConfig, Call::Configure]);
            extend_keys(*id, set, &mut demanded);
            for key in delete {
                demanded.extend(of_key(*id, key, None));
            }
            demanded
        }
        Action::Resize { guest: id, .. } => guest(id, &[Call::ReadConfig, Call::Resize]),
        Action::Start { guest: id } => guest(id, &[Call::ReadStatus, Call::Start]),
        Action::Stop { guest: id, .. } => guest(id, &[Call::ReadStatus, Call::Shutdown, Call::Stop]),
        Action::Migrate { guest: id, .. } => guest(id, &[Call::ReadStatus, Call::Migrate]),
        Action::Delete { guest: id } => guest(id, &[Call::ReadConfig, Call::Delete]),
        Action::Snapshot { guest: id, .. } => guest(id, &[Call::ReadSnapshots, Call::Snapshot]),
        Action::DeleteSnapshot { guest: id, .. } => guest(id, &[Call::ReadSnapshots, Call::DeleteSnapshot]),
        Action::Rollback { guest: id, .. } => guest(id, &[Call::Rollback]),
        Action::MakeTemplate { guest: id } => guest(id, &[Call::ReadConfig, Call::Template]),
        Action::Firewall { scope, .. } => of_firewall(scope),
        Action::Object { of, name, change } => object::needs(of, name, change),
        Action::SetRawKeys { .. }
        | Action::WriteFile { .. }
        | Action::InstallArtifact { .. }
        | Action::MakeDirectory { .. }
        | Action::Symlink { .. }
        | Action::RemoveFile { .. }
        | Action::InstallPackages { .. }
        | Action::EnsureUser { .. }
        | Action::SetUnit { .. }
        | Action::Run { .. }
        | Action::Reboot { .. }
        | Action::Await { .. } => Demanded::default(),
    }
}

/// Returns what it needs to read and change a firewall, as Proxmox VE documents it.
fn of_firewall(scope: &FirewallScope) -> Demanded {
    let (path, privileges): (String, &[&'static str]) = match scope {
        FirewallScope::Cluster => ("/".to_owned(), &["Sys.Audit", "Sys.Modify"]),
        FirewallScope::Node(name) => (format!("/nodes/{name}"), &["Sys.Audit", "Sys.Modify"]),
        FirewallScope::Guest(guest) => (format!("/vms/{}", guest.vmid), &["VM.Audit", "VM.Config.Network"]),
    };
    Demanded { needs: [Need::all(path, privileges)].into(), ..Demanded::default() }
}

fn subject_of(guest: GuestId, world: &World) -> Subject {
    let node = world.nodes.get(&guest.vmid).unwrap_or(&world.node).clone();
    Subject { node, vmid: guest.vmid.to_string(), ..Subject::default() }
}

fn of_calls(calls: &[Call], subject: &Subject) -> Demanded {
    let needs = calls.iter().flat_map(|call| call.needs(subject)).collect();
    Demanded { needs, ..Demanded::default() }
}

fn extend_keys(guest: GuestId, set: &BTreeMap<String, String>, demanded: &mut Demanded) {
    for (key, value) in set {
        demanded.extend(of_key(guest, key, Some(value)));
    }
}

fn space(storage: &str) -> Need {
    Need::all(format!("/storage/{storage}"), &["Datastore.AllocateSpace"])
}
