//! What the user writes for `gpu`.

use std::collections::BTreeMap;

use phoenix_core::Artifact;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// The configuration of `gpu`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Containers: the cards' numbers on the node, as `nvidia-smi` counts them.
    pub devices: Vec<u32>,
    /// Virtual machines: resource mappings (`nvidia-0`) or PCI addresses (`0000:01:00.0`) of the cards.
    pub pci: Vec<String>,
    /// The driver's version, for instance `580.76.05`. Containers have the node's if it is not given; given, it must be
    /// the node's.
    pub driver_version: Option<String>,
    /// How the driver's libraries come into the guest.
    pub libraries: Libraries,
    /// The packages with the driver's libraries, where the distribution calls them otherwise than Ubuntu.
    pub packages: Vec<String>,
    /// The driver's installer, for `libraries: runfile`: name, version, source and SHA-256 of the file.
    #[schemars(with = "Option<Value>")]
    pub runfile: Option<Artifact>,
    /// Containers: how the devices are let in.
    pub passthrough: Passthrough,
    /// For `raw-keys`: device numbers by driver (`nvidia`, `nvidia-uvm`, `nvidia-caps`), as `/proc/devices` of the node
    /// has them.
    pub majors: BTreeMap<String, u32>,
    /// Containers: numbers of `/dev/nvidia-caps/nvidia-capN` that are let in as well (MIG).
    pub capabilities: Vec<u32>,
    /// Lets containers of Docker in this guest have the cards, through NVIDIA's container toolkit.
    pub docker: bool,
    /// The node that is asked; the one that the guest is on if not given.
    pub node: Option<String>,
}

/// How the driver's libraries come into the guest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Libraries {
    /// Packages of the distribution, held at the driver's version.
    #[default]
    Packages,
    /// NVIDIA's installer, without a kernel module.
    Runfile,
    /// They are there already, for instance from the layer below.
    None,
}

/// How the devices are let into a container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Passthrough {
    /// As `devN` keys, which Proxmox VE checks and sets up.
    #[default]
    Devices,
    /// As raw `lxc.*` keys, for versions that do not know `devN`.
    RawKeys,
}

impl Config {
    /// Returns the device nodes that a container shall have.
    pub fn nodes(&self) -> Vec<String> {
        if self.devices.is_empty() {
            return Vec::new();
        }
        let cards = self.devices.iter().map(|number| format!("/dev/nvidia{number}"));
        let shared = ["/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools"].map(str::to_owned);
        let capabilities =
            self.capabilities.iter().map(|number| format!("/dev/nvidia-caps/nvidia-cap{number}"));
        cards.chain(shared).chain(capabilities).collect()
    }

    /// Returns the drivers whose device numbers raw keys need.
    pub fn drivers(&self) -> Vec<&'static str> {
        let mut drivers = vec!["nvidia", "nvidia-uvm"];
        if !self.capabilities.is_empty() {
            drivers.push("nvidia-caps");
        }
        drivers
    }
}
