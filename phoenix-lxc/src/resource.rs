//! A container as a resource: what it requires, what it takes in, and what its clones inherit.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_core::{
    Action, Claim, Diagnostic, Diagnostics, GuestKind, Requirement, Resource, ResourceId, Stamp,
    guest::{
        GuestSpec, Origin, claim,
        machine::{self, Machine},
        wish::Wishes,
    },
    resource::LayerSource,
};
use serde_json::json;

use crate::{Device, Mount, MountSource, Spec, keys};

impl Resource for Spec {
    const KIND: &'static str = "lxc";

    fn id(&self) -> ResourceId {
        claim::id(GuestKind::Lxc, &self.guest)
    }

    fn requires(&self) -> Vec<Requirement> {
        claim::requirements(GuestKind::Lxc, &self.guest)
    }

    fn as_guest(&self) -> Option<&GuestSpec> {
        Some(&self.guest)
    }

    fn accept(&mut self, claim: &Claim, by: &str) -> Result<(), Diagnostic> {
        let id = self.id();
        let name = match claim {
            Claim::Nesting => self.turn_on("nesting", by)?,
            Claim::Keyctl => self.turn_on("keyctl", by)?,
            Claim::Device { path, mode } => {
                let device = self.devices.entry(path.clone()).or_default();
                let wanted = device.mode.or(*mode);
                if mode.is_some() && wanted != *mode {
                    let octal = |mode: Option<u32>| format!("0{:o}", mode.unwrap_or(0));
                    let what = format!("the device `{path}` with mode {}", octal(*mode));
                    return Err(claim::conflict(&id, by, &what, &octal(device.mode)));
                }
                *device = Device { mode: wanted, ..device.clone() };
                format!("device {path}")
            }
            Claim::Pci { device } => {
                return Err(Diagnostic::error(
                    "claim-refused",
                    format!("`{by}` needs the PCI device `{device}`, which the container `{id}` cannot have"),
                )
                .with_hint("use a virtual machine, or give the container the host's device nodes"));
            }
            Claim::Memory { mib } => claim::memory(&id, &self.guest, *mib, by)?,
            Claim::Disk { gib } => claim::disk(&id, &self.guest, *gib, by)?,
            Claim::Guest { guest } => claim::other(&id, &mut self.guest, *guest, by)?,
            // The planner adds them up.
            Claim::GpuMemory { gpu, percent } => format!("{percent} % of the memory of GPU {gpu}"),
            Claim::Mount { source, target, read_only } => {
                self.mount(source, target, *read_only, by)?;
                format!("mount {target}")
            }
            Claim::RawKey { key, value } => {
                self.raw.insert((key.clone(), value.clone()));
                format!("raw {key}: {value}")
            }
        };
        self.claimed.entry(name).or_insert_with(|| by.to_owned());
        Ok(())
    }

    fn layer(&self) -> Option<LayerSource> {
        // A clone takes these from its source whatever its own spec says.
        let own = !matches!(self.guest.origin, Origin::Clone { .. });
        // Where nobody clones it, they are changed in place.
        let option = |key: &str| self.guest.options.get(key).filter(|_| self.guest.template);
        let content = json!({
            "origin": claim::origin_content(&self.guest.origin),
            "unprivileged": own.then_some(self.unprivileged),
            "ostype": option("ostype"),
            "arch": option("arch"),
        });
        Some(LayerSource { parent: claim::parent(GuestKind::Lxc, &self.guest), content })
    }

    fn stamp(&mut self, stamp: Stamp) {
        self.stamp = stamp;
    }
}

impl Machine for Spec {
    const GUEST: GuestKind = GuestKind::Lxc;
    const NAME_KEY: &'static str = "hostname";
    const ROOT: &'static str = "rootfs";

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
        keys::disks(self, have)
    }

    fn homes(&self, have: &BTreeMap<String, String>) -> Vec<(String, String)> {
        keys::homes(self, have)
    }

    fn creation(&self, mut params: BTreeMap<String, String>) -> Option<Action> {
        let Origin::OsTemplate { storage, template } = &self.guest.origin else { return None };
        let root = || format!("{}:{}", self.guest.storage, self.guest.disk_gib);
        params.entry("rootfs".to_owned()).or_insert_with(root);
        params.insert("unprivileged".to_owned(), u8::from(self.unprivileged).to_string());
        Some(Action::CreateLxc {
            vmid: self.guest.vmid,
            node: self.guest.node.clone(),
            template_storage: storage.clone(),
            template: template.clone(),
            params,
        })
    }

    fn storages(&self) -> Vec<(&str, &'static str)> {
        let volumes = self.mounts.iter().filter_map(|mount| match &mount.source {
            MountSource::Volume { storage, .. } => Some((storage.as_str(), "rootdir")),
            MountSource::Bind { .. } => None,
        });
        let origin = match &self.guest.origin {
            Origin::OsTemplate { storage, .. } => Some((storage.as_str(), "vztmpl")),
            Origin::CloudImage { .. } | Origin::Clone { .. } => None,
        };
        [(self.guest.storage.as_str(), "rootdir")].into_iter().chain(volumes).chain(origin).collect()
    }

    fn raw_keys(&self) -> Option<&BTreeSet<(String, String)>> {
        Some(&self.raw)
    }

    fn has_bind_mounts(&self) -> bool {
        self.mounts.iter().any(|mount| matches!(mount.source, MountSource::Bind { .. }))
    }

    fn notes(&self) -> Diagnostics {
        // Which ids a container's users have on the host is the host's affair, and so is the directory.
        let shift = if self.unprivileged { 100_000 } else { 0 };
        let owned = self.mounts.iter().filter(|mount| mount.uid.is_some() || mount.gid.is_some());
        let note = |mount: &Mount| {
            let (uid, gid) = (mount.uid.unwrap_or(0), mount.gid.unwrap_or(0));
            let (id, target) = (Resource::id(self), &mount.target);
            let hint = match &mount.source {
                MountSource::Bind { path } => {
                    format!("`chown {}:{} {path}` on the node sets it", shift + uid, shift + gid)
                }
                MountSource::Volume { .. } => format!("`chown {uid}:{gid} {target}` inside sets it"),
            };
            Diagnostic::warning(
                "mount-owner",
                format!("`{id}` does not set the owner of its mount point `{target}`"),
            )
            .with_hint(hint)
        };
        owned.map(note).collect()
    }

    fn obstacle(&self, have: &BTreeMap<String, String>) -> Option<String> {
        // A clone is as its source is.
        if matches!(self.guest.origin, Origin::Clone { .. }) {
            return None;
        }
        let is_unprivileged = have.get("unprivileged").is_some_and(|value| value == "1");
        match (is_unprivileged, self.unprivileged) {
            (true, false) => {
                Some("is unprivileged and shall be privileged, which is fixed at its making".into())
            }
            (false, true) => {
                Some("is privileged and shall be unprivileged, which is fixed at its making".into())
            }
            (true, true) | (false, false) => None,
        }
    }
}

impl Spec {
    fn turn_on(&mut self, feature: &str, by: &str) -> Result<String, Diagnostic> {
        let id = self.id();
        let value = self.features.entry(feature.to_owned()).or_insert_with(|| "1".to_owned());
        if value == "1" {
            return Ok(format!("feature {feature}"));
        }
        Err(claim::conflict(
            &id,
            by,
            &format!("the container feature `{feature}=1`"),
            &format!("{feature}={value}"),
        ))
    }

    fn mount(&mut self, source: &str, target: &str, read_only: bool, by: &str) -> Result<(), Diagnostic> {
        let id = self.id();
        let wanted = MountSource::Bind { path: source.to_owned() };
        let Some(mount) = self.mounts.iter().find(|mount| keys::is_same_path(&mount.target, target)) else {
            self.mounts.push(Mount {
                target: target.to_owned(),
                source: wanted,
                read_only,
                backup: false,
                uid: None,
                gid: None,
            });
            return Ok(());
        };
        // Writable serves a feature that only reads.
        if mount.source == wanted && (read_only || !mount.read_only) {
            return Ok(());
        }
        let present = match &mount.source {
            MountSource::Volume { storage, .. } => format!("a volume of `{storage}`"),
            MountSource::Bind { path } if mount.read_only => format!("`{path}`, read-only"),
            MountSource::Bind { path } => format!("`{path}`"),
        };
        Err(claim::conflict(&id, by, &format!("`{source}` of the host mounted at `{target}`"), &present))
    }
}
