//! The virtual machines' file.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    feature::FeatureEntry,
    firewall::Firewall,
    guest::{CloneFrom, DnsRecord, Health, PowerWord, TraefikService},
    id::Id,
    network::Network,
    service::ServiceEntry,
};

/// `phoenix_vm_configs.json`: the virtual machines.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "some keys are decoded only so that their shape is checked")]
pub(crate) struct VmFile {
    /// The JSON Schema of this file, for editors.
    #[serde(rename = "$schema")]
    pub(crate) schema: Option<String>,
    /// What holds for every virtual machine that does not say otherwise.
    pub(crate) vm_defaults: Option<VmDefaults>,
    /// The virtual machines.
    #[serde(default)]
    pub(crate) vms: Vec<Vm>,
}

/// What holds for every virtual machine that does not say otherwise.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "some keys are decoded only so that their shape is checked")]
pub(crate) struct VmDefaults {
    /// Never read.
    pub(crate) template: Option<String>,
    /// CPU cores.
    #[schemars(range(min = 1, max = 8192))]
    pub(crate) cores: Option<u32>,
    /// Memory in MiB.
    #[schemars(range(min = 16, max = 16777216))]
    pub(crate) memory_mb: Option<u64>,
    /// The size of the root disk in GiB.
    #[schemars(range(min = 1, max = 1048576))]
    pub(crate) disk_size_gb: Option<u64>,
    /// The storage of the root disk.
    #[schemars(extend("format" = "storage-id"))]
    pub(crate) storage_pool: Option<String>,
    /// The bridge of network interfaces.
    #[schemars(extend("format" = "interface"))]
    pub(crate) network_bridge: Option<String>,
    /// Addresses of DNS servers.
    #[serde(default)]
    #[schemars(extend("items" = { "type": "string", "format": "ip" }))]
    pub(crate) nameservers: Vec<String>,
}

/// A virtual machine.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "some keys are decoded only so that their shape is checked")]
pub(crate) struct Vm {
    /// Its number.
    pub(crate) vmid: Id,
    /// Its host name.
    #[schemars(extend("format" = "hostname"))]
    pub(crate) name: String,
    /// Its name for people; the first line of its notes.
    #[schemars(extend("format" = "line"))]
    pub(crate) title: Option<String>,
    /// Its notes.
    pub(crate) description: Option<String>,
    /// Tags beside `phoenix`.
    #[serde(default)]
    #[schemars(extend("items" = { "type": "string", "format": "tag" }))]
    pub(crate) tags: Vec<String>,
    /// It becomes a template when it is complete.
    pub(crate) is_template: Option<bool>,
    /// Proxmox VE refuses to delete it or its disks.
    pub(crate) protection: Option<bool>,
    /// Whether it runs; `running` if not given. A template never does.
    pub(crate) power: Option<PowerWord>,
    /// The file name of the cloud image that it is made from.
    #[schemars(extend("format" = "file-name"))]
    pub(crate) template_image: Option<String>,
    /// Where the cloud image is downloaded; the release's place at cloud-images.ubuntu.com if not given.
    #[schemars(extend("format" = "url"))]
    pub(crate) image_url: Option<String>,
    /// The SHA-256 that the cloud image must have.
    #[schemars(extend("format" = "sha256"))]
    pub(crate) image_sha256: Option<String>,
    /// The storage that holds, or shall hold, the cloud image; the host's default if not given.
    #[schemars(extend("format" = "storage-id"))]
    pub(crate) image_storage: Option<String>,
    /// The guest that it is cloned from, and how.
    pub(crate) clone: Option<CloneFrom>,
    /// The virtual machine that it is fully cloned from; short for `clone`.
    pub(crate) clone_from_vmid: Option<Id>,
    /// CPU cores.
    #[schemars(range(min = 1, max = 8192))]
    pub(crate) cores: Option<u32>,
    /// CPU sockets; 1 if not given.
    #[schemars(range(min = 1, max = 4))]
    pub(crate) sockets: Option<u32>,
    /// The CPU type, for instance `host`.
    #[schemars(extend("format" = "property"))]
    pub(crate) cpu: Option<String>,
    /// Memory in MiB.
    #[schemars(range(min = 16, max = 16777216))]
    pub(crate) memory_mb: Option<u64>,
    /// The size of its root disk in GiB. A disk only grows.
    #[schemars(range(min = 1, max = 1048576))]
    pub(crate) disk_size_gb: Option<u64>,
    /// The node of a cluster that it is made on; the host's own if not given. One that is somewhere else stays there
    /// unless `--migrate` asks for it.
    #[schemars(extend("format" = "hostname"))]
    pub(crate) node: Option<String>,
    /// The storage of its root disk.
    #[schemars(extend("format" = "storage-id"))]
    pub(crate) storage_pool: Option<String>,
    /// The bridge of its first network interface.
    #[schemars(extend("format" = "interface"))]
    pub(crate) network_bridge: Option<String>,
    /// Its only network interface; short for `networks`.
    pub(crate) network_config: Option<Network>,
    /// Its network interfaces.
    #[serde(default)]
    pub(crate) networks: Vec<Network>,
    /// Addresses of its DNS servers; the host's if there are none.
    #[serde(default)]
    #[schemars(extend("items" = { "type": "string", "format": "ip" }))]
    pub(crate) nameservers: Vec<String>,
    /// Its DNS search domain.
    #[schemars(extend("format" = "domain"))]
    pub(crate) search_domain: Option<String>,
    /// The QEMU guest agent is in use; true if not given.
    pub(crate) agent: Option<bool>,
    /// Further disks by their keys, for instance `scsi1`.
    #[serde(default)]
    #[schemars(extend("propertyNames" = { "format": "disk-key" }))]
    pub(crate) disks: BTreeMap<String, Disk>,
    /// The boot order as disk and network keys; `scsi0` first if not given.
    #[serde(default)]
    #[schemars(extend("items" = { "type": "string", "format": "config-id" }))]
    pub(crate) boot: Vec<String>,
    /// PCI devices of the host, by mapping name or address.
    #[serde(default)]
    #[schemars(extend("items" = { "type": "string", "format": "property" }))]
    pub(crate) pci: Vec<String>,
    /// What cloud-init sets up inside.
    pub(crate) cloud_init: Option<CloudInit>,
    /// Old spelling of `cloud_init`.
    pub(crate) user_config: Option<UserConfig>,
    /// The node starts it at boot.
    pub(crate) start_at_boot: Option<bool>,
    /// Its place in the boot order; lower starts earlier.
    #[schemars(range(max = 1000000))]
    pub(crate) boot_order: Option<u32>,
    /// Seconds to wait after its start.
    #[schemars(range(max = 86400))]
    pub(crate) boot_delay: Option<u32>,
    /// What is installed inside, in order.
    #[serde(default)]
    pub(crate) features: Vec<FeatureEntry>,
    /// Directories of an NFS server that are mounted inside.
    #[serde(default)]
    pub(crate) volumes: Vec<NfsVolume>,
    /// Compose stacks of `stacks/` that run inside.
    #[serde(default)]
    pub(crate) docker_stacks: Vec<String>,
    /// Its part in Portainer.
    pub(crate) portainer_role: Option<PortainerRole>,
    /// The name of its environment in Portainer.
    #[schemars(extend("format" = "line"))]
    pub(crate) portainer_environment_name: Option<String>,
    /// The host name at which Portainer reaches its agent.
    #[schemars(extend("format" = "domain"))]
    pub(crate) portainer_agent_hostname: Option<String>,
    /// Its firewall.
    pub(crate) firewall: Option<Firewall>,
    /// Never read: a template is what others are cloned from.
    pub(crate) template_snapshot_name: Option<String>,
    /// A snapshot taken at the end.
    #[schemars(extend("format" = "config-id"))]
    pub(crate) final_snapshot: Option<String>,
    /// Snapshots `pre-configured` and `final-form` are taken.
    pub(crate) enable_lifecycle_snapshots: Option<bool>,
    /// Old spelling of `enable_lifecycle_snapshots`.
    pub(crate) snapshots: Option<BTreeMap<String, String>>,
    /// Guests that must be healthy before it starts.
    #[serde(default)]
    pub(crate) dependencies: Vec<Id>,
    /// The services that it has for others, by name.
    #[serde(default)]
    pub(crate) services: BTreeMap<String, ServiceEntry>,
    /// Old spelling of a service: the name under which the reverse proxy publishes it.
    pub(crate) traefik_service: Option<TraefikService>,
    /// Names, routes and certificates are brought up to date when it is complete.
    pub(crate) trigger_sync_on_completion: Option<bool>,
    /// Commands inside it that succeed when it is healthy.
    #[serde(default)]
    pub(crate) health: Vec<Health>,
    /// DNS records.
    #[serde(default)]
    pub(crate) dns_records: Vec<DnsRecord>,
    /// Further options, in PVE's words and form.
    #[serde(default)]
    #[schemars(extend("additionalProperties" = { "type": "string", "format": "line" }))]
    pub(crate) options: BTreeMap<String, String>,
}

/// A further disk.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Disk {
    /// The storage that it is allocated on.
    #[schemars(extend("format" = "storage-id"))]
    pub(crate) storage: String,
    /// Its size in GiB. It only grows.
    #[schemars(range(min = 1, max = 1048576))]
    pub(crate) size_gb: u64,
}

/// What cloud-init sets up inside.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CloudInit {
    /// The login name.
    #[schemars(extend("format" = "user"))]
    pub(crate) user: Option<String>,
    /// Public keys that may log in.
    #[serde(default)]
    #[schemars(extend("items" = { "type": "string", "format": "line" }))]
    pub(crate) ssh_keys: Vec<String>,
    /// Packages are upgraded at the first boot.
    #[serde(default)]
    pub(crate) upgrade: bool,
}

/// Old spelling of `cloud_init`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserConfig {
    /// The login name.
    #[schemars(extend("format" = "user"))]
    pub(crate) username: String,
}

/// A directory of an NFS server.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "decoded so that its shape is checked; a later release applies it")]
pub(crate) struct NfsVolume {
    /// Its sort.
    #[serde(rename = "type")]
    pub(crate) kind: VolumeKind,
    /// What it holds, for people.
    pub(crate) name: Option<String>,
    /// The exported path.
    #[schemars(extend("format" = "absolute-path"))]
    pub(crate) path: String,
    /// The absolute path inside.
    #[schemars(extend("format" = "absolute-path"))]
    pub(crate) mount_point: String,
    /// The server's address.
    #[schemars(extend("format" = "ip"))]
    pub(crate) server: String,
}

/// The sort of a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum VolumeKind {
    Nfs,
}

/// A virtual machine's part in Portainer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PortainerRole {
    Primary,
    Agent,
    None,
}
