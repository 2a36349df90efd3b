//! Network interfaces of guests.

use schemars::JsonSchema;
use serde::Deserialize;

/// A network interface. What is not given comes from the defaults.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Network {
    /// Its name inside a container; `eth0`, `eth1`, … if not given.
    #[schemars(extend("format" = "interface"))]
    pub(crate) name: Option<String>,
    /// The bridge that it is plugged into; the host's if not given.
    #[schemars(extend("format" = "interface"))]
    pub(crate) bridge: Option<String>,
    /// Its MAC address; Proxmox VE chooses one if not given.
    #[schemars(extend("format" = "mac"))]
    pub(crate) mac: Option<String>,
    /// `dhcp`, `manual` or an address with prefix length.
    #[schemars(extend("format" = "ip-config"))]
    pub(crate) ip: Option<String>,
    /// The gateway; the host's if the address is in the host's network and none is given.
    #[schemars(extend("format" = "ipv4"))]
    pub(crate) gw: Option<String>,
    /// `auto`, `dhcp`, `manual` or an IPv6 address with prefix length.
    #[schemars(extend("format" = "ip6-config"))]
    pub(crate) ip6: Option<String>,
    /// The IPv6 gateway.
    #[schemars(extend("format" = "ipv6"))]
    pub(crate) gw6: Option<String>,
    /// The VLAN tag.
    #[schemars(range(min = 1, max = 4094))]
    pub(crate) vlan: Option<u16>,
    /// The MTU in bytes.
    #[schemars(range(min = 64, max = 65535))]
    pub(crate) mtu: Option<u32>,
    /// The rate limit in MB/s.
    #[schemars(extend("format" = "property"))]
    pub(crate) rate: Option<String>,
    /// The guest's firewall rules apply to it.
    pub(crate) firewall: Option<bool>,
    /// The model of a virtual machine's card; `virtio` if not given.
    #[schemars(extend("format" = "property"))]
    pub(crate) model: Option<String>,
    /// Addresses of DNS servers, separated by spaces or commas. `nameservers` of the guest is the newer spelling.
    #[schemars(extend("format" = "ip-list"))]
    pub(crate) nameservers: Option<String>,
    /// The address of the DNS server of a virtual machine. `nameservers` of the guest is the newer spelling.
    #[schemars(extend("format" = "ip-list"))]
    pub(crate) nameserver: Option<String>,
}
