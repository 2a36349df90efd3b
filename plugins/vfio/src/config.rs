//! What the user writes for `vfio`.

use std::collections::BTreeMap;

use phoenix_core::Problems;
use schemars::JsonSchema;
use serde::Deserialize;

/// The configuration of `vfio`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The devices that virtual machines have.
    pub devices: Vec<Device>,
    /// The cards that containers have through the host's own driver, by their numbers, with who has them. A card that a
    /// virtual machine has is none of them.
    pub shared: BTreeMap<String, Vec<String>>,
}

/// A device that a virtual machine has.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// Its address: `0000:01:00.0`, or `0000:01:00` for all of its functions.
    pub address: String,
    /// Who has it: `vm/8001`.
    #[serde(default)]
    pub by: Vec<String>,
}

impl Device {
    /// Returns its slot with the domain: `0000:01:00`.
    pub(crate) fn slot(&self) -> String {
        let slot = self.address.split('.').next().unwrap_or_default().to_lowercase();
        if slot.matches(':').count() == 1 { format!("0000:{slot}") } else { slot }
    }

    /// Returns who has it, for a sentence.
    pub(crate) fn owners(&self) -> String {
        owners(&self.by)
    }
}

/// Returns who has something, for a sentence.
pub(crate) fn owners(by: &[String]) -> String {
    by.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ")
}

impl Config {
    /// Returns what is wrong with it as a whole.
    pub fn problems(&self) -> Problems {
        let mut problems = Problems::default();
        for (at, device) in self.devices.iter().enumerate() {
            let is_hex = |text: &str, length: usize| {
                text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit())
            };
            let slot = device.slot();
            let parts: Vec<&str> = slot.split(':').collect();
            let is_slot = matches!(parts[..], [domain, bus, slot] if is_hex(domain, 4) && is_hex(bus, 2) && is_hex(slot, 2));
            let is_function = device
                .address
                .split_once('.')
                .is_none_or(|(_, number)| matches!(number, "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7"));
            if !is_slot || !is_function {
                problems.add(
                    format!("/devices/{at}/address"),
                    format!("`{}` is no PCI address, such as `0000:01:00.0`", device.address),
                );
            }
        }
        for number in self.shared.keys().filter(|number| number.parse::<u32>().is_err()) {
            problems.add("/shared", format!("`{number}` is no number of a card"));
        }
        problems
    }
}
