//! Facts: all evidence so far, by probe. They are data: they can be stored, sent and replayed.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    evidence::{Evidence, GuestConfig, GuestRow, StorageRow},
    firewall::{FirewallNames, FirewallScope, FirewallState},
    id::{GuestId, Site, Vmid},
    object::{ObjectKind, Objects},
    probe::Probe,
};

/// All answers so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts(BTreeMap<Probe, Evidence>);

impl Facts {
    /// Returns facts that know nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the answer to a probe, if it was asked.
    pub fn get(&self, probe: &Probe) -> Option<&Evidence> {
        self.0.get(probe)
    }

    /// Records an answer; a later one replaces an earlier one.
    pub fn insert(&mut self, probe: Probe, evidence: Evidence) {
        self.0.insert(probe, evidence);
    }

    /// Tells whether a probe was answered.
    pub fn knows(&self, probe: &Probe) -> bool {
        self.0.contains_key(probe)
    }

    /// Goes through all answers in the order of their probes.
    pub fn iter(&self) -> impl Iterator<Item = (&Probe, &Evidence)> {
        self.0.iter()
    }

    /// Returns how many answers there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether there is no answer.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the row of a vmid in the listing of guests, if the listing is known and has it.
    pub fn row(&self, vmid: Vmid) -> Option<&GuestRow> {
        match self.get(&Probe::Guests)? {
            Evidence::Guests { rows } => rows.get(&vmid),
            _ => None,
        }
    }

    /// Returns a guest's configuration, if it is known.
    pub fn config(&self, guest: GuestId) -> Option<&GuestConfig> {
        match self.get(&Probe::Config { guest })? {
            Evidence::Config(config) => Some(config),
            _ => None,
        }
    }

    /// Returns a firewall, if it is known.
    pub fn firewall(&self, scope: &FirewallScope) -> Option<&FirewallState> {
        match self.get(&Probe::Firewall { scope: scope.clone() })? {
            Evidence::Firewall(state) => Some(state),
            _ => None,
        }
    }

    /// Returns what the rules of a firewall can name, if it is known.
    pub fn firewall_names(&self, scope: &FirewallScope) -> Option<&FirewallNames> {
        match self.get(&Probe::FirewallNames { scope: scope.clone() })? {
            Evidence::FirewallNames(names) => Some(names),
            _ => None,
        }
    }

    /// Returns the objects of a list, if they are known.
    pub fn objects(&self, of: &ObjectKind) -> Option<&Objects> {
        match self.get(&of.probe())? {
            Evidence::Objects(objects) => Some(objects),
            _ => None,
        }
    }

    /// Returns a storage's row as a node has it (the backend's own if none is given), if its storages are known and
    /// have it.
    pub fn storage(&self, node: Option<&str>, name: &str) -> Option<&StorageRow> {
        match self.get(&Probe::Storages { node: node.map(str::to_owned) })? {
            Evidence::Storages { rows } => rows.get(name),
            _ => None,
        }
    }

    /// Returns the facts as they would be if these guests were not there.
    #[must_use]
    pub fn without_guests(&self, gone: impl IntoIterator<Item = GuestId>) -> Self {
        let gone: std::collections::BTreeSet<GuestId> = gone.into_iter().collect();
        let is_about = |probe: &Probe| match probe {
            Probe::Config { guest } | Probe::Snapshots { guest } => gone.contains(guest),
            Probe::Firewall { scope } | Probe::FirewallNames { scope } => {
                scope.guest().is_some_and(|guest| gone.contains(&guest))
            }
            other => other.site().and_then(crate::id::Site::guest).is_some_and(|guest| gone.contains(&guest)),
        };
        let mut facts: Self =
            self.iter().filter(|(probe, _)| !is_about(probe)).map(|(p, e)| (p.clone(), e.clone())).collect();
        if let Some(Evidence::Guests { rows }) = facts.0.get_mut(&Probe::Guests) {
            rows.retain(|_, row| !gone.contains(&row.guest));
        }
        facts
    }

    /// Goes through all that was asked at a site, with the answers.
    pub fn at_site<'a>(&'a self, site: &'a Site) -> impl Iterator<Item = (&'a Probe, &'a Evidence)> {
        Probe::least_at(site).into_iter().flat_map(move |from| {
            let sort = std::mem::discriminant(&from);
            self.0.range(from..).take_while(move |(probe, _)| {
                std::mem::discriminant(*probe) == sort && probe.site() == Some(site)
            })
        })
    }

    /// Goes through the commands that were asked at a site, with their answers.
    pub fn commands<'a>(&'a self, site: &'a Site) -> impl Iterator<Item = (&'a [String], &'a Evidence)> {
        let from = Probe::Command { site: site.clone(), argv: Vec::new() };
        self.0.range(from..).map_while(move |(probe, answer)| match probe {
            Probe::Command { site: asked, argv } if asked == site => Some((argv.as_slice(), answer)),
            _ => None,
        })
    }

    /// Tells whether the listing of guests is known.
    pub fn has_listing(&self) -> bool {
        self.knows(&Probe::Guests)
    }

    /// Tells whether the guest is there and can be asked from inside.
    pub fn is_running(&self, guest: GuestId) -> bool {
        self.row(guest.vmid).is_some_and(|row| row.guest == guest && row.running)
    }

    /// Tells whether the guest is known not to be there.
    pub fn is_absent(&self, guest: GuestId) -> bool {
        self.has_listing() && self.row(guest.vmid).is_none_or(|row| row.guest != guest)
    }
}

impl FromIterator<(Probe, Evidence)> for Facts {
    fn from_iter<I: IntoIterator<Item = (Probe, Evidence)>>(iter: I) -> Self {
        Self(iter.into_iter().collect())
    }
}

// A probe is a record, which JSON does not take as a key, so facts are written as a list of pairs.
impl Serialize for Facts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter())
    }
}

impl<'de> Deserialize<'de> for Facts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<(Probe, Evidence)>::deserialize(deserializer)?.into_iter().collect())
    }
}
