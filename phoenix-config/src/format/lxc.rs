//! The containers' file.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{
    feature::FeatureEntry,
    firewall::Firewall,
    guest::{CloneFrom, DnsRecord, Health, PowerWord, Tests, TraefikService},
    id::Id,
    network::Network,
    service::ServiceEntry,
};

/// `phoenix_lxc_configs.json`: the containers.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "some keys are decoded only so that their shape is checked")]
pub(crate) struct LxcFile {
    /// The JSON Schema of this file, for editors.
    #[serde(rename = "$schema")]
    pub(crate) schema: Option<String>,
    /// The version of the host's NVIDIA driver, which the feature `gpu` holds the host against.
    pub(crate) nvidia_driver_version: Option<String>,
    /// Where the `gpu` feature finds CUDA packages.
    #[schemars(extend("format" = "url"))]
    pub(crate) nvidia_repo_url: Option<String>,
    /// Where the `gpu` feature finds the driver.
    #[schemars(extend("format" = "url"))]
    pub(crate) nvidia_runfile_url: Option<String>,
    /// What holds for every container that does not say otherwise.
    pub(crate) lxc_defaults: Option<LxcDefaults>,
    /// The containers by their vmids.
    #[serde(default)]
    #[schemars(extend("propertyNames" = { "format": "vmid" }))]
    pub(crate) lxc_configs: BTreeMap<String, Lxc>,
}

/// What holds for every container that does not say otherwise.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LxcDefaults {
    /// CPU cores.
    #[schemars(range(min = 1, max = 8192))]
    pub(crate) cores: Option<u32>,
    /// Memory in MiB.
    #[schemars(range(min = 16, max = 16777216))]
    pub(crate) memory_mb: Option<u64>,
    /// Swap in MiB.
    #[schemars(range(max = 16777216))]
    pub(crate) swap_mb: Option<u64>,
    /// The storage of the root disk.
    #[schemars(extend("format" = "storage-id"))]
    pub(crate) storage_pool: Option<String>,
    /// The size of the root disk in GiB.
    #[schemars(range(min = 1, max = 1048576))]
    pub(crate) storage_size_gb: Option<u64>,
    /// The bridge of network interfaces.
    #[schemars(extend("format" = "interface"))]
    pub(crate) bridge: Option<String>,
    /// Addresses of DNS servers.
    #[serde(default)]
    #[schemars(extend("items" = { "type": "string", "format": "ip" }))]
    pub(crate) nameservers: Vec<String>,
    /// Its root is not the host's root.
    pub(crate) unprivileged: Option<bool>,
    /// PVE's container features, for instance `nesting=1`.
    #[serde(default)]
    #[schemars(extend("items" = { "type": "string", "format": "container-option" }))]
    pub(crate) pct_options: Vec<String>,
}

/// A container.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "some keys are decoded only so that their shape is checked")]
pub(crate) struct Lxc {
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
    /// CPU cores.
    #[schemars(range(min = 1, max = 8192))]
    pub(crate) cores: Option<u32>,
    /// Memory in MiB.
    #[schemars(range(min = 16, max = 16777216))]
    pub(crate) memory_mb: Option<u64>,
    /// Swap in MiB.
    #[schemars(range(max = 16777216))]
    pub(crate) swap_mb: Option<u64>,
    /// The OS template that it is made from: a file name, or a name without version such as `ubuntu-24.04-standard`.
    #[schemars(extend("format" = "property"))]
    pub(crate) os_template: Option<String>,
    /// The storage that holds, or shall hold, the OS template; the host's default if not given.
    #[schemars(extend("format" = "storage-id"))]
    pub(crate) os_template_storage: Option<String>,
    /// Old spelling of `os_template`: a path.
    #[schemars(extend("format" = "property"))]
    pub(crate) template: Option<String>,
    /// The guest that it is cloned from, and how.
    pub(crate) clone: Option<CloneFrom>,
    /// The container that it is fully cloned from; short for `clone`.
    pub(crate) clone_from_ctid: Option<Id>,
    /// The node of a cluster that it is made on; the host's own if not given. One that is somewhere else stays there
    /// unless `--migrate` asks for it.
    #[schemars(extend("format" = "hostname"))]
    pub(crate) node: Option<String>,
    /// The storage of its root disk.
    #[schemars(extend("format" = "storage-id"))]
    pub(crate) storage_pool: Option<String>,
    /// The size of its root disk in GiB. A disk only grows.
    #[schemars(range(min = 1, max = 1048576))]
    pub(crate) storage_size_gb: Option<u64>,
    /// Its only network interface; short for `networks`.
    pub(crate) network_config: Option<Network>,
    /// Its network interfaces.
    #[serde(default)]
    pub(crate) networks: Vec<Network>,
    /// The MAC address of its first interface.
    #[schemars(extend("format" = "mac"))]
    pub(crate) mac_address: Option<String>,
    /// Addresses of its DNS servers; the host's if there are none.
    #[serde(default)]
    #[schemars(extend("items" = { "type": "string", "format": "ip" }))]
    pub(crate) nameservers: Vec<String>,
    /// Its DNS search domain.
    #[schemars(extend("format" = "domain"))]
    pub(crate) search_domain: Option<String>,
    /// Its root is not the host's root; true if not given. Fixed when it is created.
    pub(crate) unprivileged: Option<bool>,
    /// The node starts it at boot.
    pub(crate) start_at_boot: Option<bool>,
    /// Its place in the boot order; lower starts earlier.
    #[schemars(range(max = 1000000))]
    pub(crate) boot_order: Option<u32>,
    /// Seconds to wait after its start.
    #[schemars(range(max = 86400))]
    pub(crate) boot_delay: Option<u32>,
    /// PVE's container features, for instance `nesting=1`.
    #[serde(default)]
    #[schemars(extend("items" = { "type": "string", "format": "container-option" }))]
    pub(crate) pct_options: Vec<String>,
    /// Raw `lxc.key=value` lines, for what Proxmox VE has no key for.
    #[serde(default)]
    #[schemars(extend("items" = { "type": "string", "format": "raw-line" }))]
    pub(crate) lxc_options: Vec<String>,
    /// The AppArmor profile; `unconfined` for none.
    #[schemars(extend("format" = "line"))]
    pub(crate) apparmor_profile: Option<String>,
    /// The AppArmor profile, not `nesting=1`, is what lets containers run inside.
    pub(crate) apparmor_manages_nesting: Option<bool>,
    /// GPUs for the `gpu` feature: `none`, or indexes with commas.
    #[schemars(extend("format" = "gpus"))]
    pub(crate) gpu_assignment: Option<String>,
    /// Never read: Proxmox VE maps ids by itself.
    #[serde(default)]
    pub(crate) id_maps: Vec<Value>,
    /// Volumes of its own.
    #[serde(default)]
    pub(crate) zfs_volumes: Vec<Volume>,
    /// Volumes of its own; another spelling of `zfs_volumes`.
    #[serde(default)]
    pub(crate) volumes: Vec<Volume>,
    /// Directories of the host.
    #[serde(default)]
    pub(crate) mount_points: Vec<MountPoint>,
    /// Devices of the host.
    #[serde(default)]
    pub(crate) devices: Vec<Device>,
    /// What is installed inside, in order.
    #[serde(default)]
    pub(crate) features: Vec<FeatureEntry>,
    /// A script that ran after the features.
    #[schemars(extend("format" = "file-name"))]
    pub(crate) application_script: Option<String>,
    /// The address of the certificate authority for features that need one.
    #[schemars(extend("format" = "url"))]
    pub(crate) bootstrap_ca_url: Option<String>,
    /// What the `vllm` feature serves, and how.
    pub(crate) vllm_engine_config: Option<BTreeMap<String, BTreeMap<String, Value>>>,
    /// Its firewall.
    pub(crate) firewall: Option<Firewall>,
    /// Old spelling of `is_template` where others are cloned from it; else a snapshot taken at the end.
    #[schemars(extend("format" = "config-id"))]
    pub(crate) template_snapshot_name: Option<String>,
    /// A snapshot taken at the end.
    #[schemars(extend("format" = "config-id"))]
    pub(crate) final_snapshot: Option<String>,
    /// Snapshots `pre-configured` and `final-form` are taken.
    pub(crate) enable_lifecycle_snapshots: Option<bool>,
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
    /// Further options, in PVE's words and form.
    #[serde(default)]
    #[schemars(extend("additionalProperties" = { "type": "string", "format": "line" }))]
    pub(crate) options: BTreeMap<String, String>,
    /// Never read: a container has an address of its own.
    #[serde(default)]
    pub(crate) ports: Vec<String>,
    /// Never read: `health` is what Phoenix runs.
    pub(crate) health_check: Option<Value>,
    /// Old spelling of `health`: shell text.
    pub(crate) health_checks: Option<Value>,
    /// Never read.
    #[serde(default)]
    pub(crate) tests: Tests,
    /// Never read for containers.
    pub(crate) portainer_role: Option<String>,
    /// DNS records.
    #[serde(default)]
    pub(crate) dns_records: Vec<DnsRecord>,
}

/// A volume of its own.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "the name is for people")]
pub(crate) struct Volume {
    /// What it holds, for people.
    pub(crate) name: Option<String>,
    /// The storage that it is allocated on.
    #[schemars(extend("format" = "storage-id"))]
    pub(crate) pool: String,
    /// Its size in GiB. It only grows.
    #[schemars(range(min = 1, max = 1048576))]
    pub(crate) size_gb: u64,
    /// The absolute path inside.
    #[schemars(extend("format" = "absolute-path"))]
    pub(crate) mount_point: String,
    /// It is included in backups.
    #[serde(default)]
    pub(crate) backup: bool,
    /// Not writable from inside.
    #[serde(default)]
    pub(crate) read_only: bool,
}

/// A directory of the host.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MountPoint {
    /// The absolute path on the host.
    #[schemars(extend("format" = "absolute-path"))]
    pub(crate) host_path: String,
    /// The absolute path inside.
    #[schemars(extend("format" = "absolute-path"))]
    pub(crate) container_path: String,
    /// The owner, as a uid inside.
    #[schemars(range(max = 65535))]
    pub(crate) owner_uid: Option<u32>,
    /// The group, as a gid inside.
    #[schemars(range(max = 65535))]
    pub(crate) owner_gid: Option<u32>,
    /// Not writable from inside.
    #[serde(default)]
    pub(crate) read_only: bool,
}

/// A device of the host.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Device {
    /// Its path on the host.
    #[schemars(extend("format" = "device-path"))]
    pub(crate) path: String,
    /// Permission bits inside, in octal, for instance `0660`.
    #[schemars(extend("format" = "octal"))]
    pub(crate) mode: Option<String>,
    /// The owner inside.
    pub(crate) uid: Option<u32>,
    /// The group inside.
    pub(crate) gid: Option<u32>,
}
