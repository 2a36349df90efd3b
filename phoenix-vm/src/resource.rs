//! A virtual machine as a resource: what it requires, what it takes in, and what its clones inherit.

use std::collections::BTreeMap;

use phoenix_core::{
    Action, Claim, Diagnostic, GuestKind, Requirement, Resource, ResourceId, Stamp,
    guest::{
        GuestSpec, Origin, claim,
        machine::{self, Machine},
        wish::Wishes,
    },
    resource::LayerSource,
};
use serde_json::json;

use crate::{Spec, keys};

/// What a virtual machine from a cloud image has unless its options say otherwise: cloud images expect a serial
/// console, and get their settings from a drive that Proxmox VE writes.
const HARDWARE: [(&str, &str); 3] =
    [("scsihw", "virtio-scsi-single"), ("serial0", "socket"), ("vga", "serial0")];

impl Resource for Spec {
    const KIND: &'static str = "vm";

    fn id(&self) -> ResourceId {
        claim::id(GuestKind::Vm, &self.guest)
    }

    fn requires(&self) -> Vec<Requirement> {
        claim::requirements(GuestKind::Vm, &self.guest)
    }

    fn as_guest(&self) -> Option<&GuestSpec> {
        Some(&self.guest)
    }

    fn accept(&mut self, claim: &Claim, by: &str) -> Result<(), Diagnostic> {
        let id = self.id();
        let refuse = |what: String, hint: &str| {
            let message = format!("`{by}` needs {what}, which the virtual machine `{id}` cannot have");
            Err(Diagnostic::error("claim-refused", message).with_hint(hint))
        };
        let name = match claim {
            // It has a kernel of its own.
            Claim::Nesting | Claim::Keyctl => return Ok(()),
            Claim::Device { path, .. } => {
                return refuse(
                    format!("the device `{path}` of the host"),
                    "use a container, or give the virtual machine the PCI device",
                );
            }
            Claim::Mount { source, .. } => {
                return refuse(
                    format!("the directory `{source}` of the host"),
                    "use a container, or a network file system",
                );
            }
            Claim::RawKey { key, .. } => {
                return refuse(format!("the container key `{key}`"), "use a container");
            }
            Claim::Pci { device } => {
                if !self.pci.contains(device) {
                    self.pci.push(device.clone());
                }
                format!("pci {device}")
            }
            Claim::Memory { mib } => claim::memory(&id, &self.guest, *mib, by)?,
            Claim::Disk { gib } => claim::disk(&id, &self.guest, *gib, by)?,
            Claim::Guest { guest } => claim::other(&id, &mut self.guest, *guest, by)?,
            // The planner adds them up.
            Claim::GpuMemory { gpu, percent } => format!("{percent} % of the memory of GPU {gpu}"),
        };
        self.claimed.entry(name).or_insert_with(|| by.to_owned());
        Ok(())
    }

    fn layer(&self) -> Option<LayerSource> {
        // Where nobody clones it, they are changed in place.
        let option = |key: &str| self.guest.options.get(key).filter(|_| self.guest.template);
        let content = json!({
            "origin": claim::origin_content(&self.guest.origin),
            "bios": option("bios"),
            "machine": option("machine"),
            "ostype": option("ostype"),
        });
        Some(LayerSource { parent: claim::parent(GuestKind::Vm, &self.guest), content })
    }

    fn stamp(&mut self, stamp: Stamp) {
        self.stamp = stamp;
    }
}

impl Machine for Spec {
    const GUEST: GuestKind = GuestKind::Vm;
    const NAME_KEY: &'static str = "name";
    const ROOT: &'static str = "scsi0";

    fn guest(&self) -> &GuestSpec {
        &self.guest
    }

    fn place(&self) -> &Stamp {
        &self.stamp
    }

    fn wishes(&self, have: &BTreeMap<String, String>) -> Wishes {
        let mut wishes = machine::shared_wishes(self);
        keys::add(self, have, &mut wishes);
        machine::finish_wishes(self, &mut wishes, have);
        wishes
    }

    fn disks(&self, have: &BTreeMap<String, String>) -> Vec<(String, u64)> {
        let further = self.disks.iter().filter(|(key, _)| have.contains_key(*key));
        [(Self::ROOT.to_owned(), self.guest.disk_gib)]
            .into_iter()
            .chain(further.map(|(key, disk)| (key.clone(), disk.gib)))
            .collect()
    }

    fn creation(&self, mut params: BTreeMap<String, String>) -> Option<Action> {
        let Origin::CloudImage { storage, filename, .. } = &self.guest.origin else { return None };
        let room = &self.guest.storage;
        let mut default = |key: &str, value: String| {
            params.entry(key.to_owned()).or_insert(value);
        };
        for (key, value) in HARDWARE {
            default(key, value.to_owned());
        }
        default(Self::ROOT, format!("{room}:0,import-from={storage}:import/{filename}"));
        default("ide2", format!("{room}:cloudinit"));
        default("boot", format!("order={}", Self::ROOT));
        Some(Action::CreateVm { vmid: self.guest.vmid, node: self.guest.node.clone(), params })
    }

    fn storages(&self) -> Vec<(&str, &'static str)> {
        let disks = self.disks.values().map(|disk| (disk.storage.as_str(), "images"));
        let origin = match &self.guest.origin {
            Origin::CloudImage { storage, .. } => Some((storage.as_str(), "import")),
            Origin::OsTemplate { .. } | Origin::Clone { .. } => None,
        };
        [(self.guest.storage.as_str(), "images")].into_iter().chain(disks).chain(origin).collect()
    }
}
