//! What containers and virtual machines have in common: the shared part of their specs, in Phoenix's words, with
//! PVE's names where PVE has one; and, in the submodules, what their managers have in common.

pub mod claim;
pub mod disk;
pub mod form;
pub mod life;
pub mod machine;
pub mod making;
pub mod manager;
pub mod migration;
pub mod nic;
pub mod observed;
pub mod plan;
pub mod seal;
pub mod snapshot;
pub mod standing;
pub mod stock;
pub mod wish;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::id::{ResourceId, Vmid};

/// The tag of every guest that Phoenix owns.
pub const TAG: &str = "phoenix";

/// How a clone relates to its source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CloneMode {
    /// A copy that stands alone.
    #[default]
    Full,
    /// The difference to a template, which cannot be deleted as long as the clone is there.
    Linked,
}

/// A state of power.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Power {
    /// It runs.
    #[default]
    Running,
    /// It does not run.
    Stopped,
    /// It runs, after a stop: a goal of the `restart` verb, never a wish of a spec.
    Restarted,
}

/// Where a guest comes from: exactly one of these.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Origin {
    /// A container from an OS template.
    OsTemplate {
        /// The storage that holds, or shall hold, the template.
        storage: String,
        /// A file name (`ubuntu-24.04-standard_24.04-2_amd64.tar.zst`) or a name without version
        /// (`ubuntu-24.04-standard`).
        template: String,
    },
    /// A virtual machine from a cloud image.
    CloudImage {
        /// The storage that holds, or shall hold, the image (content `import`).
        storage: String,
        /// Where to download it from if it is missing.
        url: String,
        /// Its name in the storage.
        filename: String,
        /// The SHA-256 that it must have.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<String>,
    },
    /// A clone of another guest of the same kind.
    Clone {
        /// That guest.
        source: Vmid,
        /// Full or linked.
        #[serde(default)]
        mode: CloneMode,
        /// The snapshot to clone; the present state if not given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        snapshot: Option<String>,
    },
}

/// The part of a spec that every guest has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuestSpec {
    /// Its number.
    pub vmid: Vmid,
    /// Its host name.
    pub name: String,
    /// The node it is made on; the backend's own if not given. Not a pin: a guest is found where it is, and brought
    /// to this node only if a request asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Where it comes from.
    pub origin: Origin,
    /// CPU cores.
    pub cores: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// The storage of its root disk.
    pub storage: String,
    /// The size of its root disk in GiB. A disk only grows.
    pub disk_gib: u64,
    /// Its network interfaces; the index is that of `netN`.
    #[serde(default)]
    pub networks: Vec<Nic>,
    /// Addresses of its DNS servers; the host's if there are none.
    #[serde(default)]
    pub nameservers: Vec<String>,
    /// Its DNS search domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search_domain: Option<String>,
    /// Tags beside [`TAG`].
    #[serde(default)]
    pub tags: BTreeSet<String>,
    /// The text of its notes.
    #[serde(default)]
    pub description: String,
    /// PVE refuses to delete it or its disks.
    #[serde(default)]
    pub protection: bool,
    /// The node starts it at boot.
    #[serde(default)]
    pub onboot: bool,
    /// Its place in the boot order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub startup: Option<Startup>,
    /// It becomes a template when it is complete.
    #[serde(default)]
    pub template: bool,
    /// Snapshots `pre-configured` (before the features) and `final-form` (at the end) are taken.
    #[serde(default)]
    pub lifecycle_snapshots: bool,
    /// A snapshot of this name is taken at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub final_snapshot: Option<String>,
    /// Guests that must be healthy before it starts.
    #[serde(default)]
    pub dependencies: BTreeSet<ResourceId>,
    /// Commands inside it that succeed when it is healthy.
    #[serde(default)]
    pub health: Vec<HealthCheck>,
    /// Whether it shall run. A template never does.
    #[serde(default)]
    pub power: Power,
    /// Further options, in PVE's words and form.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}

/// A network interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nic {
    /// Its name inside a container (`eth0`); VMs name theirs themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The bridge it is plugged into.
    pub bridge: String,
    /// Its MAC address; PVE's choice, kept from then on, if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// `dhcp`, `manual` or an address with prefix length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// The gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    /// `auto`, `dhcp`, `manual` or an address with prefix length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip6: Option<String>,
    /// The IPv6 gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway6: Option<String>,
    /// The VLAN tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlan: Option<u16>,
    /// The MTU in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// The rate limit in MB/s, as PVE writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<String>,
    /// The guest's firewall rules apply to it.
    #[serde(default)]
    pub firewall: bool,
    /// The model of a VM's card; `virtio` if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// A place in the boot order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Startup {
    /// Lower starts earlier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<u32>,
    /// Seconds to wait after its start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up: Option<u32>,
    /// Seconds to wait after its stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub down: Option<u32>,
}

/// A command inside the guest that succeeds when it is healthy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthCheck {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// How long to wait for success, in seconds.
    #[serde(default = "HealthCheck::default_timeout")]
    pub timeout_s: u32,
}

impl HealthCheck {
    fn default_timeout() -> u32 {
        60
    }
}
