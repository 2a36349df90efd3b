//! What is known of a guest, decoded from the facts once and for all that plan it.

use std::collections::BTreeMap;

use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    evidence::{Evidence, GuestConfig, GuestRow, SnapshotRow},
    facts::Facts,
    id::{GuestId, ResourceId, Site, Vmid},
    marker::Marker,
    probe::Probe,
    property::parse_bool,
};

/// What is known of a guest that is in the listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// What the listing says.
    pub row: GuestRow,
    /// Its configuration.
    pub config: GuestConfig,
    /// Its notes without the marker.
    pub text: String,
    /// Phoenix's marker, be it the guest's own or another's.
    pub marker: Option<Marker>,
    /// Its snapshots, if they were asked for.
    pub snapshots: Option<Vec<SnapshotRow>>,
    /// Which commands inside it succeeded.
    pub answers: BTreeMap<Vec<String>, bool>,
}

impl Observed {
    /// Decodes what the facts know of a guest; `None` if it is not there.
    pub fn read(guest: GuestId, facts: &Facts) -> Result<Option<Self>, Diagnostics> {
        let Some(row) = facts.row(guest.vmid).filter(|row| row.guest == guest) else { return Ok(None) };
        let config = match facts.get(&Probe::Config { guest }) {
            Some(Evidence::Config(config)) => config.clone(),
            // A guest in the making has no configuration worth the name.
            _ if row.lock.is_some() && row.task.is_some() => GuestConfig::default(),
            other => return Err(unreadable(guest, row, other).into()),
        };
        let (text, marker) = Marker::parse(config.values.get("description").map_or("", String::as_str));
        let snapshots = match facts.get(&Probe::Snapshots { guest }) {
            Some(Evidence::Snapshots { rows }) => Some(rows.clone()),
            _ => None,
        };
        let answers = if row.running {
            facts
                .commands(&Site::Guest(guest))
                .map(|(argv, answer)| (argv.to_vec(), matches!(answer, Evidence::Output { status: 0, .. })))
                .collect()
        } else {
            BTreeMap::new()
        };
        Ok(Some(Self { row: row.clone(), config, text, marker, snapshots, answers }))
    }

    /// Tells whether the marker is the guest's own.
    pub fn is_owned(&self) -> bool {
        self.marker.as_ref().is_some_and(|marker| marker.vmid == self.row.guest.vmid)
    }

    /// Tells whether a task that makes it holds it, or has left it half-made.
    pub fn is_being_made(&self) -> bool {
        matches!(self.row.lock.as_deref(), Some("create" | "clone"))
    }

    /// Tells whether it is a template.
    pub fn is_template(&self) -> bool {
        self.row.template || self.config.values.get("template").is_some_and(|text| parse_bool(text))
    }

    /// Tells whether Proxmox VE refuses to delete it.
    pub fn is_protected(&self) -> bool {
        self.config.values.get("protection").is_some_and(|text| parse_bool(text))
    }

    /// Returns the guest that it is a linked clone of, as its volumes' names tell.
    pub fn stands_on(&self) -> Option<ResourceId> {
        let own = self.row.guest;
        let base = self.config.values.values().filter(|value| value.contains("base")).find_map(|value| {
            let volume = value.split(',').next()?;
            volume.split([':', '/']).find_map(|part| {
                let number = part.strip_prefix("base-").or_else(|| part.strip_prefix("basevol-"))?;
                let vmid = Vmid::new(number.split('-').next()?.parse().ok()?)?;
                (vmid != own.vmid).then_some(vmid)
            })
        })?;
        Some(GuestId { vmid: base, ..own }.resource())
    }
}

fn unreadable(guest: GuestId, row: &GuestRow, answer: Option<&Evidence>) -> Diagnostic {
    let reason = match answer {
        Some(Evidence::Unreachable { reason }) => format!(": {reason}"),
        _ => String::new(),
    };
    Diagnostic::error("guest-unreadable", format!("the configuration of `{guest}` cannot be read{reason}"))
        .with_hint(format!("see whether the node `{}` is online, then try again", row.node))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(volume: &str) -> Observed {
        let guest = GuestId::lxc(950);
        let values = BTreeMap::from([("rootfs".to_owned(), volume.to_owned())]);
        let row = GuestRow {
            guest,
            node: "n".into(),
            name: None,
            running: false,
            template: false,
            lock: None,
            tags: Default::default(),
            task: None,
        };
        let facts = Facts::from_iter([
            (Probe::Guests, Evidence::Guests { rows: BTreeMap::from([(guest.vmid, row)]) }),
            (Probe::Config { guest }, Evidence::Config(GuestConfig { values, ..GuestConfig::default() })),
        ]);
        Observed::read(guest, &facts).unwrap().unwrap()
    }

    #[test]
    fn volume_names_tell_the_base_of_a_linked_clone() {
        for volume in [
            "local-lvm:base-900-disk-0/vm-950-disk-0,size=8G",
            "tank:basevol-900-disk-0/subvol-950-disk-0,size=8G",
            "local:900/base-900-disk-0.qcow2/950/vm-950-disk-0.qcow2",
        ] {
            assert_eq!(observed(volume).stands_on(), Some(GuestId::lxc(900).resource()), "{volume}");
        }
        assert_eq!(observed("tank:basevol-950-disk-0,size=8G").stands_on(), None);
        assert_eq!(observed("tank:subvol-950-disk-0,size=8G").stands_on(), None);
    }
}
