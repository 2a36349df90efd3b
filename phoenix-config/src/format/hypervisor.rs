//! The host's file.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{
    access::Access,
    artifact::ArtifactEntry,
    feature::FeatureEntry,
    firewall::ClusterFirewall,
    guest::Tests,
    host::HostEntry,
    interface::{BondEntry, BridgeEntry, VlanEntry},
    plugin::Plugin,
    samba::{Nfs, Samba},
    service::PublishingEntry,
    storage::StorageEntry,
    volume::VolumeEntry,
    zfs::Zfs,
};

/// `phoenix_hypervisor_config.json`: the host.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "some keys are decoded only so that their shape is checked")]
pub(crate) struct HypervisorFile {
    /// The JSON Schema of this file, for editors.
    #[serde(rename = "$schema")]
    pub(crate) schema: Option<String>,
    /// The version of this file, for people.
    pub(crate) version: Option<String>,
    /// Who wrote this file, for people.
    pub(crate) author: Option<String>,
    /// The domain of all guests.
    #[schemars(extend("format" = "domain"))]
    pub(crate) domain_name: Option<String>,
    /// The time zone, for instance `America/New_York`.
    #[schemars(extend("format" = "timezone"))]
    pub(crate) timezone: Option<String>,
    /// The administrator.
    pub(crate) users: Option<User>,
    /// Where the predecessor found its files. Never read: the config directory holds them all.
    pub(crate) core_paths: Option<BTreeMap<String, String>>,
    /// Software of the host itself.
    pub(crate) host: Option<HostEntry>,
    /// Network.
    pub(crate) network: Option<HostNetwork>,
    /// Images of Portainer.
    pub(crate) docker: Option<Docker>,
    /// The NFS server.
    pub(crate) nfs: Option<Nfs>,
    /// The Samba server.
    pub(crate) samba: Option<Samba>,
    /// Pools and datasets.
    pub(crate) zfs: Option<Zfs>,
    /// Storages that stand on no dataset.
    #[serde(default)]
    pub(crate) storages: Vec<StorageEntry>,
    /// Who may do what in Proxmox VE.
    pub(crate) access: Option<Access>,
    /// The storage of OS templates; the first `dir` storage with `vztmpl`, else `local`, if not given.
    #[schemars(extend("format" = "storage-id"))]
    pub(crate) os_template_storage: Option<String>,
    /// The storage of cloud images; the first with `import`, else `local`, if not given.
    #[schemars(extend("format" = "storage-id"))]
    pub(crate) image_storage: Option<String>,
    /// Storage ids by other names. The predecessor's; a storage is named `<pool>-<dataset>`.
    #[serde(default)]
    pub(crate) proxmox_storage_ids: BTreeMap<String, String>,
    /// Where Proxmox VE mounts storages.
    #[schemars(extend("format" = "absolute-path"))]
    pub(crate) mount_point_base: Option<String>,
    /// Never read: `lxc_defaults` of the containers' file is.
    pub(crate) proxmox_defaults: Option<Value>,
    /// Never read.
    pub(crate) tests: Option<Tests>,
    /// The NVIDIA driver of the host.
    pub(crate) nvidia_driver: Option<NvidiaDriver>,
    /// Never read.
    pub(crate) behavior: Option<Value>,
    /// Directories of the host for several guests. Never read, but for a `firewall` that stands here by mistake.
    #[serde(default)]
    pub(crate) shared_volumes: BTreeMap<String, Value>,
    /// The firewall of the cluster.
    pub(crate) firewall: Option<ClusterFirewall>,
    /// How services are published.
    pub(crate) publishing: Option<PublishingEntry>,
    /// Directories of the host that guests share, by name.
    #[serde(default)]
    pub(crate) volumes: BTreeMap<String, VolumeEntry>,
    /// How Portainer is reached.
    pub(crate) portainer_api: Option<PortainerApi>,
    /// What holds for virtual machines.
    pub(crate) vm_defaults: Option<ReleaseDefaults>,
    /// The DNS server of the host.
    pub(crate) dns_server: Option<DnsServer>,
    /// Names of the certificate authority.
    pub(crate) step_ca: Option<Value>,
    /// Features of the host itself.
    #[serde(default)]
    pub(crate) features: Vec<FeatureEntry>,
    /// Plugins of others, whose features guests can have.
    #[serde(default)]
    pub(crate) plugins: Vec<Plugin>,
    /// A directory on a web server that has every artifact of the features under its file's name.
    #[schemars(extend("format" = "url"))]
    pub(crate) artifact_mirror: Option<String>,
    /// Artifacts that are had from elsewhere, or in another version, than their features pin, by name. `phoenix explain
    /// FEATURE` tells the names.
    #[serde(default)]
    pub(crate) artifacts: BTreeMap<String, ArtifactEntry>,
}

/// The administrator.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct User {
    /// The login name.
    #[schemars(extend("format" = "user"))]
    pub(crate) username: String,
    /// A reference to the hash of the password: `env:`, `file:` or `cmd:`. `NOT_SET` for none.
    #[schemars(extend("format" = "secret"))]
    pub(crate) password_hash: Option<String>,
    /// It may use sudo.
    #[serde(default)]
    pub(crate) sudo_access: bool,
    /// A public key that may log in.
    #[schemars(extend("format" = "line"))]
    pub(crate) ssh_public_key: Option<String>,
}

/// Network.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "some keys are decoded only so that their shape is checked")]
pub(crate) struct HostNetwork {
    /// The name of the node.
    #[schemars(extend("format" = "hostname"))]
    pub(crate) hostname: Option<String>,
    /// The workgroup of the Samba server.
    #[schemars(extend("format" = "line"))]
    pub(crate) workgroup: Option<String>,
    /// The bridge and its address.
    pub(crate) interfaces: Option<Interfaces>,
    /// The address of the NFS server.
    #[schemars(extend("format" = "ip"))]
    pub(crate) nfs_server: Option<String>,
    /// The address of Portainer. Never read.
    #[schemars(extend("format" = "ip"))]
    pub(crate) portainer_server_ip: Option<String>,
    /// The port of Portainer. Never read.
    #[schemars(range(min = 1, max = 65535))]
    pub(crate) portainer_server_port: Option<u32>,
    /// The port of Portainer's agents.
    #[schemars(range(min = 1, max = 65535))]
    pub(crate) portainer_agent_port: Option<u32>,
    /// A registry of images. Never read.
    pub(crate) external_registry_url: Option<String>,
    /// The network of the guests. Never read: `interfaces.address` says it.
    pub(crate) default_subnet: Option<String>,
    /// Another DNS server. Never read: `dns_nameservers` is.
    pub(crate) fallback_dns: Option<String>,
}

/// The bridge and its address.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Interfaces {
    /// The bridge.
    #[schemars(extend("format" = "interface"))]
    pub(crate) name: String,
    /// The address of the host with prefix length.
    #[schemars(extend("format" = "cidr"))]
    pub(crate) address: Option<String>,
    /// The gateway.
    #[schemars(extend("format" = "ip"))]
    pub(crate) gateway: Option<String>,
    /// The interfaces that are the bridge's ports, and no others.
    #[schemars(extend("items" = { "type": "string", "format": "interface" }))]
    pub(crate) ports: Option<Vec<String>>,
    /// The bridge takes in VLAN tags of guests.
    pub(crate) vlan_aware: Option<bool>,
    /// The largest packet.
    #[schemars(range(min = 576, max = 65520))]
    pub(crate) mtu: Option<u32>,
    /// Further bridges, by name.
    #[serde(default)]
    pub(crate) bridges: BTreeMap<String, BridgeEntry>,
    /// Interfaces that act as one, by name.
    #[serde(default)]
    pub(crate) bonds: BTreeMap<String, BondEntry>,
    /// VLANs of interfaces, by name.
    #[serde(default)]
    pub(crate) vlans: BTreeMap<String, VlanEntry>,
    /// DNS servers of the host.
    #[serde(default)]
    #[schemars(extend("items" = { "type": "string", "format": "ip" }))]
    pub(crate) dns_nameservers: Vec<String>,
}

/// Images of Portainer.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Docker {
    /// The image of the server, with tag and digest.
    pub(crate) portainer_server_image: Option<String>,
    /// The image of the agents, with tag and digest.
    pub(crate) portainer_agent_image: Option<String>,
}

/// The NVIDIA driver of the host.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "some keys are decoded only so that their shape is checked")]
pub(crate) struct NvidiaDriver {
    /// It is installed.
    #[serde(default)]
    pub(crate) install: bool,
    /// Its version.
    pub(crate) version: Option<String>,
    /// Where it is downloaded.
    #[schemars(extend("format" = "url"))]
    pub(crate) runfile_url: Option<String>,
    /// The SHA-256 of that file.
    #[schemars(extend("format" = "sha256"))]
    pub(crate) runfile_sha256: Option<String>,
    /// Which sort of kernel modules is built: `open` if not given, which cards from 2025 on need.
    pub(crate) kernel_modules: Option<KernelModules>,
    /// Options of the module `nvidia`.
    #[serde(default)]
    pub(crate) module_options: Vec<String>,
    /// The version of CUDA. Never read.
    pub(crate) cuda_version: Option<String>,
    /// Never read.
    pub(crate) install_vllm_libs: Option<bool>,
}

/// Which sort of kernel modules is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum KernelModules {
    Open,
    Proprietary,
}

/// How Portainer is reached.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PortainerApi {
    /// The administrator's name.
    #[schemars(extend("format" = "line"))]
    pub(crate) admin_user: Option<String>,
    /// A reference to the administrator's password: `env:`, `file:` or `cmd:`.
    #[schemars(extend("format" = "secret"))]
    pub(crate) admin_password: Option<String>,
    /// A reference to the secret that server and agents share.
    #[schemars(extend("format" = "secret"))]
    pub(crate) agent_secret: Option<String>,
    /// The name at which it is published, and for which its certificate is.
    #[schemars(extend("format" = "domain"))]
    pub(crate) portainer_hostname: Option<String>,
}

/// What holds for virtual machines.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReleaseDefaults {
    /// The Ubuntu release of cloud images, for instance `noble`.
    #[schemars(extend("format" = "tag"))]
    pub(crate) ubuntu_release: Option<String>,
}

/// The DNS server of the host.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "decoded so that its shape is checked; a later release applies it")]
pub(crate) struct DnsServer {
    /// It is switched on.
    #[serde(default)]
    pub(crate) enabled: bool,
    /// Servers that are asked for other names.
    #[serde(default)]
    #[schemars(extend("items" = { "type": "string", "format": "ip" }))]
    pub(crate) upstream_servers: Vec<String>,
    /// Zones that it answers for. Never read.
    #[serde(default)]
    pub(crate) authoritative_zones: Vec<String>,
}
