//! Network interfaces of the host: bridges, bonds, VLANs.

use schemars::JsonSchema;
use serde::Deserialize;

/// What every interface can have.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BridgeEntry {
    /// Its address with prefix length.
    #[schemars(extend("format" = "cidr"))]
    pub(crate) address: Option<String>,
    /// The gateway.
    #[schemars(extend("format" = "ip"))]
    pub(crate) gateway: Option<String>,
    /// The interfaces that are its ports, and no others.
    #[schemars(extend("items" = { "type": "string", "format": "interface" }))]
    pub(crate) ports: Option<Vec<String>>,
    /// It takes in VLAN tags of guests.
    pub(crate) vlan_aware: Option<bool>,
    /// The largest packet.
    #[schemars(range(min = 576, max = 65520))]
    pub(crate) mtu: Option<u32>,
}

/// Interfaces that act as one.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BondEntry {
    /// The interfaces that it is made of.
    #[schemars(extend("items" = { "type": "string", "format": "interface" }))]
    pub(crate) slaves: Vec<String>,
    /// How they act together: `active-backup`, `802.3ad`, `balance-xor`, …
    #[schemars(extend("format" = "line"))]
    pub(crate) mode: String,
    /// The one that is used first, of `active-backup`.
    #[schemars(extend("format" = "interface"))]
    pub(crate) primary: Option<String>,
    /// What decides which one a packet takes, of `802.3ad` and `balance-xor`: `layer2`, `layer2+3`, `layer3+4`.
    #[schemars(extend("format" = "line"))]
    pub(crate) hash_policy: Option<String>,
    /// Its address with prefix length.
    #[schemars(extend("format" = "cidr"))]
    pub(crate) address: Option<String>,
    /// The gateway.
    #[schemars(extend("format" = "ip"))]
    pub(crate) gateway: Option<String>,
    /// The largest packet.
    #[schemars(range(min = 576, max = 65520))]
    pub(crate) mtu: Option<u32>,
}

/// A VLAN of an interface. Named `DEVICE.TAG`, it needs neither `device` nor `tag`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VlanEntry {
    /// The interface.
    #[schemars(extend("format" = "interface"))]
    pub(crate) device: Option<String>,
    /// The tag.
    #[schemars(range(min = 1, max = 4094))]
    pub(crate) tag: Option<u32>,
    /// Its address with prefix length.
    #[schemars(extend("format" = "cidr"))]
    pub(crate) address: Option<String>,
    /// The gateway.
    #[schemars(extend("format" = "ip"))]
    pub(crate) gateway: Option<String>,
    /// The largest packet.
    #[schemars(range(min = 576, max = 65520))]
    pub(crate) mtu: Option<u32>,
}
