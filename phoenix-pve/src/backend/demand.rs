//! What a step holds while it runs, as data for the scheduler: PVE's locks, the daemons' workers, and how long each
//! sort of action takes as a rule.

use std::{collections::BTreeMap, time::Duration};

use phoenix_core::{
    Action, CloneMode, Demand, GuestId, GuestKind, Lock, ObjectChange, ObjectKind, Vmid,
    firewall::FirewallChange,
};

use super::{PveBackend, root_storage};

/// The units of a lock that many can share: more than steps ever run at the same time.
const SHARED: u32 = 1000;

impl PveBackend {
    pub(super) fn demand_of(&self, action: &Action) -> Demand {
        let mut locks = Vec::new();
        if let Some(vmid) = action.vmid().filter(|_| !matches!(action, Action::Await { .. })) {
            locks.push(alone(format!("guest:{vmid}")));
        }
        match action {
            Action::FetchOsTemplate { storage, node, .. } | Action::FetchImage { storage, node, .. } => {
                self.allocating(&mut locks, Some(storage.clone()), node.clone());
            }
            Action::CreateLxc { node, params, .. } => {
                self.allocating(&mut locks, root_of(GuestKind::Lxc, params), node.clone());
            }
            Action::CreateVm { node, params, .. } => {
                self.allocating(&mut locks, root_of(GuestKind::Vm, params), node.clone());
            }
            Action::Clone { source, storage, .. } => {
                let name = format!("clone-source:{source}");
                locks.push(match source.kind {
                    // PVE writes `lock: disk` into the source of a container's clone and refuses a second at once.
                    GuestKind::Lxc => alone(name),
                    GuestKind::Vm => Lock { name, capacity: SHARED, units: 1 },
                });
                let place = self.place(source.vmid);
                let known = place.as_ref().and_then(|place| place.storage.clone());
                self.allocating(&mut locks, storage.clone().or(known), place.map(|place| place.node));
            }
            Action::Migrate { guest, target } => {
                let place = self.place(guest.vmid);
                self.allocating(&mut locks, None, Some(target.clone()));
                // Both nodes work; a guest that is on the target already takes its node once.
                if let Some(place) = place.filter(|place| place.node != *target) {
                    self.allocating(&mut locks, place.storage, Some(place.node));
                }
            }
            Action::Resize { guest, .. }
            | Action::Snapshot { guest, .. }
            | Action::DeleteSnapshot { guest, .. }
            | Action::Rollback { guest, .. }
            | Action::MakeTemplate { guest }
            | Action::Delete { guest } => {
                let place = self.place(guest.vmid);
                let storage = place.as_ref().and_then(|place| place.storage.clone());
                self.allocating(&mut locks, storage, place.map(|place| place.node));
            }
            Action::Firewall { scope, .. } => locks.push(alone(format!("firewall:{scope}"))),
            Action::Object { of, .. } => locks.push(alone(format!("objects:{}", file_of(of)))),
            Action::Configure { .. }
            | Action::SetRawKeys { .. }
            | Action::Start { .. }
            | Action::Stop { .. }
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
        if let (None, Some(site)) = (action.vmid(), action.site())
            && !matches!(action, Action::Await { .. })
        {
            locks.push(alone(format!("site:{site}")));
        }
        Demand { locks, estimate: estimate(action) }
    }

    /// Adds what a step holds that writes much: a share of its storage's lock and of its node.
    fn allocating(&self, locks: &mut Vec<Lock>, storage: Option<String>, node: Option<String>) {
        let node = node.unwrap_or_else(|| self.node.clone());
        let capacity = self.limits.heavy_per_node;
        locks.push(Lock { name: format!("node:{node}"), capacity, units: 1 });
        if let Some(storage) = storage {
            let capacity = self.limits.allocate_per_storage;
            locks.push(Lock { name: format!("allocate:{storage}"), capacity, units: 1 });
        }
    }
}

fn alone(name: String) -> Lock {
    Lock { name, capacity: 1, units: 1 }
}

fn root_of(kind: GuestKind, params: &BTreeMap<String, String>) -> Option<String> {
    root_storage(GuestId { kind, vmid: Vmid(Vmid::MIN) }, params)
}

/// Returns the file that Proxmox VE keeps an object in: it writes one at a time.
fn file_of(of: &ObjectKind) -> &'static str {
    match of {
        ObjectKind::Storage | ObjectKind::Volume { .. } => "storage.cfg",
        ObjectKind::Role | ObjectKind::Group | ObjectKind::User | ObjectKind::Token | ObjectKind::Acl => {
            "user.cfg"
        }
        ObjectKind::Interface { .. } => "interfaces",
    }
}

/// Returns how long an action takes as a rule. Only the order of steps depends on it.
fn estimate(action: &Action) -> Duration {
    let milliseconds = match action {
        Action::Reboot { .. } => 300_000,
        Action::FetchImage { .. } | Action::Migrate { .. } => 60_000,
        Action::FetchOsTemplate { .. } | Action::InstallPackages { .. } => 30_000,
        Action::Clone { mode: CloneMode::Full, .. } => 20_000,
        Action::Run { .. } | Action::Await { .. } => 10_000,
        Action::CreateLxc { .. } => 6_000,
        Action::CreateVm { .. } | Action::Stop { .. } => 5_000,
        Action::Clone { mode: CloneMode::Linked, .. }
        | Action::Start { .. }
        | Action::Delete { .. }
        | Action::Rollback { .. }
        | Action::MakeTemplate { .. } => 3_000,
        Action::Resize { .. } | Action::Snapshot { .. } | Action::DeleteSnapshot { .. } => 2_000,
        Action::SetUnit { .. } => 1_500,
        Action::EnsureUser { .. } | Action::SetRawKeys { .. } => 500,
        Action::Firewall { change: FirewallChange::Confirm, .. } => 15_000,
        Action::Object { change: ObjectChange::Apply, .. } => 5_000,
        Action::Configure { .. }
        | Action::Firewall { .. }
        | Action::Object { .. }
        | Action::WriteFile { .. }
        | Action::InstallArtifact { .. }
        | Action::MakeDirectory { .. }
        | Action::Symlink { .. }
        | Action::RemoveFile { .. } => 300,
    };
    Duration::from_millis(milliseconds)
}
