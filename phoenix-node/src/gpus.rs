//! Graphics cards: what a node has of them, and the driver that its kernel has for all. The simulation makes of it the
//! device nodes, what `/proc` shows, and what `nvidia-smi` says.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The cards of a node, and their driver.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gpus {
    /// The version of NVIDIA's driver: a kernel has one for all cards. Empty while none is loaded.
    pub driver: String,
    /// The cards by their numbers.
    pub cards: BTreeMap<u32, Gpu>,
}

/// A graphics card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gpu {
    /// What it is called: `NVIDIA GeForce RTX 5060 Ti`.
    pub name: String,
    /// Its memory in MiB.
    pub memory_mib: u64,
    /// Its own number, as no other card has.
    pub uuid: String,
    /// Where it sits: `0000:01:00.0`.
    pub address: String,
}

impl Gpus {
    /// The driver of cards of which nobody says which they have.
    pub const DRIVER: &'static str = "580.76.05";
    /// What a card is called of which nobody says more than its number.
    pub const NAME: &'static str = "NVIDIA GeForce RTX 5060 Ti";
    /// How much memory such a card has, in MiB.
    pub const MEMORY_MIB: u64 = 16_311;

    /// Returns cards by name and memory in MiB, numbered as they come, with a driver.
    pub fn new<'a>(driver: &str, cards: impl IntoIterator<Item = (&'a str, u64)>) -> Self {
        let cards = (0..).zip(cards).map(|(number, (name, memory))| (number, Gpu::new(number, name, memory)));
        Self { driver: driver.to_owned(), cards: cards.collect() }
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.cards.is_empty()
    }

    /// Takes in cards of other numbers, and the driver that they come with; removes nothing.
    pub(crate) fn merge(&mut self, more: &Self) {
        if !more.driver.is_empty() {
            self.driver.clone_from(&more.driver);
        }
        for (number, card) in &more.cards {
            self.cards.entry(*number).or_insert_with(|| card.clone());
        }
    }

    /// Returns the card at an address, which may leave out the domain and the function.
    pub fn at(&self, address: &str) -> Option<&Gpu> {
        let address =
            if address.matches(':').count() == 1 { format!("0000:{address}") } else { address.to_owned() };
        self.cards.values().find(|card| card.address == address || card.address == format!("{address}.0"))
    }
}

impl Gpu {
    /// Returns the card of a number: where it sits and its own number follow from that.
    pub fn new(number: u32, name: &str, memory_mib: u64) -> Self {
        Self {
            name: name.to_owned(),
            memory_mib,
            uuid: format!("GPU-5f1c0f4a-{number:04x}-4a7e-8a11-{number:012x}"),
            address: format!("0000:{:02x}:00.0", number.saturating_add(1)),
        }
    }

    /// Returns where it sits with the domain and without a function: `0000:01:00`.
    pub fn slot(&self) -> String {
        let slot = self.address.split('.').next().unwrap_or_default();
        if slot.matches(':').count() == 1 { format!("0000:{slot}") } else { slot.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_keeps_its_cards_and_gains_others() {
        let mut gpus = Gpus::new("580.76.05", [("A", 1000)]);
        gpus.merge(&Gpus::default());
        assert_eq!(gpus, Gpus::new("580.76.05", [("A", 1000)]));
        gpus.merge(&Gpus::new("580.95.05", [("B", 1), ("C", 2000)]));
        assert_eq!(gpus, Gpus::new("580.95.05", [("A", 1000), ("C", 2000)]));
    }

    #[test]
    fn a_card_is_found_by_a_short_address_too() {
        let gpus = Gpus::new("580.76.05", [("A", 1000), ("B", 1000)]);
        for address in ["0000:02:00.0", "02:00.0", "02:00", "0000:02:00"] {
            assert_eq!(gpus.at(address).map(|card| card.name.as_str()), Some("B"), "{address}");
        }
        assert!(gpus.at("03:00").is_none());
    }
}
