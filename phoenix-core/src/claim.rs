//! A claim: what a feature needs of the guest that it lives in. Managers fold claims into specs; so features and
//! managers need not know each other.

use serde::{Deserialize, Serialize};

use crate::{
    diagnostic::Diagnostic,
    id::{GuestId, ResourceId},
};

/// What a feature needs of its guest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "claim", rename_all = "kebab-case")]
pub enum Claim {
    /// Containers inside the guest (`features: nesting=1`). A VM has it by nature.
    Nesting,
    /// The kernel keyring inside an unprivileged container (`features: keyctl=1`). A VM has it by nature.
    Keyctl,
    /// A device node of the host (`devN`).
    Device {
        /// The path on the host, for instance `/dev/nvidia0`.
        path: String,
        /// Octal permissions, for instance 0o666; the host's if not given.
        mode: Option<u32>,
    },
    /// A PCI device of the host, by mapping name or address (VMs).
    Pci {
        /// The mapping's name or the address.
        device: String,
    },
    /// At least this much memory.
    Memory {
        /// In MiB.
        mib: u64,
    },
    /// At least this much root disk.
    Disk {
        /// In GiB.
        gib: u64,
    },
    /// A host directory inside the guest.
    Mount {
        /// On the host.
        source: String,
        /// In the guest.
        target: String,
        /// Not writable from inside.
        read_only: bool,
    },
    /// A raw container key (`lxc.*`), for what the API has no key for.
    RawKey {
        /// For instance `lxc.cgroup2.devices.allow`.
        key: String,
        /// Its value.
        value: String,
    },
    /// Another guest, which must be complete before this one is started.
    Guest {
        /// The other guest.
        guest: GuestId,
    },
    /// A share of a graphics card's memory. Those of all guests are added up: nobody can have more than the card.
    GpuMemory {
        /// The card's number on its node, as `nvidia-smi` counts.
        gpu: u32,
        /// How much of it, in hundredths.
        percent: u32,
    },
}

impl Claim {
    /// Returns what a server claims that computes on cards: its share of each one's memory, and memory of the guest.
    pub fn of_server(gpus: &[u32], percent: Option<u32>, memory_mib: Option<u64>) -> Vec<Self> {
        let share = |gpu: &u32| Some(Self::GpuMemory { gpu: *gpu, percent: percent? });
        gpus.iter().filter_map(share).chain(memory_mib.map(|mib| Self::Memory { mib })).collect()
    }
}

impl Claim {
    /// Returns the finding that this cannot be had of a resource that is no guest; `by` is the feature that wants it.
    pub fn refused(&self, id: &ResourceId, by: &str) -> Diagnostic {
        let message = format!("the feature `{by}` wants {self:?} of `{id}`, which is no guest");
        Diagnostic::error("claim-refused", message)
            .with_hint("give the feature to a container or a virtual machine")
    }
}
