//! What the cluster as a whole is set to: options, HA, jobs, SDN, notifications, mappings.

pub(crate) mod ha;
pub(crate) mod notifications;
pub(crate) mod sdn;

use phoenix_core::GuestKind;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::state::sections::{Section, Sections};

/// What the cluster as a whole is set to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Cluster {
    /// The options of the datacenter, each as it was given.
    pub(crate) options: Map<String, Value>,
    pub(crate) ha: ha::Ha,
    /// Backup jobs and synchronisations of realms.
    pub(crate) jobs: Sections,
    pub(crate) replication: Sections,
    pub(crate) sdn: sdn::Sdn,
    pub(crate) notifications: notifications::Notifications,
    pub(crate) mappings: Mappings,
    /// The servers that metrics are sent to.
    pub(crate) metrics: Sections,
    pub(crate) acme_plugins: Sections,
    pub(crate) cpu_models: Sections,
}

/// Names for devices and directories that every node has at a place of its own.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Mappings {
    pub(crate) dir: Sections,
    pub(crate) pci: Sections,
    pub(crate) usb: Sections,
}

impl Cluster {
    /// Tells whether a guest is named anywhere.
    pub(crate) fn names(&self, kind: GuestKind, vmid: u32) -> bool {
        let text = vmid.to_string();
        let in_job =
            |job: &Section| listed(job, "vmid").chain(listed(job, "exclude")).any(|entry| entry == text);
        self.ha.resource(kind, vmid).is_some()
            || self.jobs.iter().any(in_job)
            || self.replication.iter().any(|job| job.id.split('-').next() == Some(&text))
    }

    /// Takes a guest out of HA and of all jobs.
    pub(crate) fn forget(&mut self, kind: GuestKind, vmid: u32) {
        let text = vmid.to_string();
        self.ha.forget(&ha::sid(kind, vmid));
        let named: Vec<Section> = self.jobs.iter().cloned().collect();
        for mut job in named {
            for key in ["vmid", "exclude"] {
                if job.values.contains_key(key) {
                    let rest: Vec<&str> = listed(&job, key).filter(|entry| *entry != text).collect();
                    let rest = rest.join(",");
                    job.values.insert(key.to_owned(), rest.into());
                }
            }
            // A job on nothing is no job.
            match job.values.get("vmid") {
                Some(rest) if *rest == "" => drop(self.jobs.remove(&job.id)),
                Some(_) | None => {
                    job.values.retain(|key, value| key != "exclude" || *value != "");
                    self.jobs.put(job);
                }
            }
        }
        let copies: Vec<String> = self.replication.iter().map(|job| job.id.clone()).collect();
        for id in copies.iter().filter(|id| id.split('-').next() == Some(&text)) {
            self.replication.remove(id);
        }
    }
}

fn listed<'a>(section: &'a Section, key: &str) -> impl Iterator<Item = &'a str> {
    section.str(key).unwrap_or_default().split([',', ';', ' ']).filter(|entry| !entry.is_empty())
}
