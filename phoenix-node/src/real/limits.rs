//! Limits of containers that run: a change of the configuration reaches them without a restart, as on Proxmox VE.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use phoenix_core::GuestKind;
use phoenix_sandbox::{ContainerSpec, Containers};

use super::spec::container;
use crate::state::State;

/// What was set last, by container, and whether that went well.
#[derive(Debug, Default)]
pub(super) struct Limits(Mutex<BTreeMap<u32, (ContainerSpec, bool)>>);

impl Limits {
    /// Brings the limits of these containers in line where they were not yet. What failed is tried again each time, and
    /// told once.
    pub(super) fn follow(&self, state: &State, running: &BTreeSet<u32>, containers: &Containers) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|vmid, _| running.contains(vmid));
        for &vmid in running {
            let Some(guest) = state.guest(GuestKind::Lxc, vmid) else { continue };
            let Ok(spec) = container(vmid, &guest.config, &guest.raw) else { continue };
            let wanted = limits_of(spec);
            let before = known.get(&vmid).filter(|(last, _)| *last == wanted);
            if before.is_some_and(|(_, is_done)| *is_done) {
                continue;
            }
            let done = containers.limit(&wanted);
            if let (Err(error), None) = (&done, before) {
                tracing::warn!(%error, vmid, "limits of a running container could not be set");
            }
            known.insert(vmid, (wanted, done.is_ok()));
        }
    }
}

/// Returns what of a container is limited.
fn limits_of(spec: ContainerSpec) -> ContainerSpec {
    ContainerSpec {
        vmid: spec.vmid,
        memory: spec.memory,
        swap: spec.swap,
        cores: spec.cores,
        cpu_percent: spec.cpu_percent,
        cpu_shares: spec.cpu_shares,
        raw: spec.raw,
        ..ContainerSpec::default()
    }
}
