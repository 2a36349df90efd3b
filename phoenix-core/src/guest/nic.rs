//! Network interfaces as `netN` and `ipconfigN`: which of their fields Phoenix knows, and their defaults.

use std::borrow::Cow;

use super::{
    Nic,
    wish::{Fields, Wish, Wishes},
};

impl Nic {
    /// Returns the wish for a container's `netN`.
    pub fn lxc_wish(&self, index: usize) -> Wish {
        let name = self.name.clone().unwrap_or_else(|| format!("eth{index}"));
        let fields = Fields::open()
            .with("name", Some(name), "")
            .or_kept("hwaddr", self.mac.clone())
            .with("ip", self.ip.clone(), "manual")
            .with("ip6", self.ip6.clone(), "manual")
            .with("gw", self.gateway.clone(), "")
            .with("gw6", self.gateway6.clone(), "");
        Wish::Fields(self.plug(fields))
    }

    /// Returns the wish for a VM's `netN`.
    pub fn vm_wish(&self) -> Wish {
        let model = self.model.clone().unwrap_or_else(|| "virtio".to_owned());
        let fields = Fields::open().with("model", Some(model), "").or_kept("macaddr", self.mac.clone());
        Wish::Fields(self.plug(fields))
    }

    /// Returns the wish for a VM's `ipconfigN`.
    pub fn ipconfig_wish(&self) -> Wish {
        let chosen = |ip: &Option<String>| ip.clone().filter(|ip| ip != "manual");
        let fields = Fields::open()
            .with("ip", chosen(&self.ip), "")
            .with("ip6", chosen(&self.ip6), "")
            .with("gw", self.gateway.clone(), "")
            .with("gw6", self.gateway6.clone(), "");
        Wish::Fields(fields)
    }

    fn plug(&self, fields: Fields) -> Fields {
        fields
            .with("bridge", Some(self.bridge.clone()), "")
            .with("tag", self.vlan.map(|tag| tag.to_string()), "")
            .with("mtu", self.mtu.map(|mtu| mtu.to_string()), "")
            .with("rate", self.rate.clone(), "")
            .with_flag("firewall", self.firewall)
    }
}

/// Adds the wish that keys `stem` with numbers from `count` on, as far as there are some, go away.
pub fn drop_beyond<'a>(
    wishes: &mut Wishes,
    keys: impl Iterator<Item = &'a String>,
    stem: &str,
    count: usize,
    is_kept: impl Fn(&str) -> bool,
) {
    let beyond = keys
        .filter(|key| {
            key.strip_prefix(stem).and_then(|number| number.parse::<usize>().ok()).is_some_and(|n| n >= count)
        })
        .filter(|key| !is_kept(key))
        .map(|key| (Cow::Owned(key.clone()), Wish::Absent));
    wishes.extend(beyond);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{guest::wish::Drift, id::GuestKind};

    fn nic() -> Nic {
        Nic { bridge: "vmbr0".into(), ip: Some("10.0.0.5/24".into()), ..Nic::default() }
    }

    fn drift(kind: GuestKind, key: &'static str, wish: Wish, found: &str) -> Drift {
        let have = BTreeMap::from([(key.to_owned(), found.to_owned())]);
        Drift::between(kind, &vec![(key.into(), wish)], &have)
    }

    #[test]
    fn order_case_defaults_and_generated_addresses_are_no_drift() {
        let stored =
            "firewall=0,bridge=vmbr0,ip6=manual,name=eth0,hwaddr=BC:24:11:00:00:01,ip=10.0.0.5/24,type=veth";
        assert!(drift(GuestKind::Lxc, "net0", nic().lxc_wish(0), stored).is_empty());
        let fixed = Nic { mac: Some("bc:24:11:00:00:01".into()), ..nic() };
        assert!(drift(GuestKind::Lxc, "net0", fixed.lxc_wish(0), stored).is_empty());
        assert!(
            drift(GuestKind::Vm, "net0", nic().vm_wish(), "bridge=vmbr0,virtio=BC:24:11:00:00:01").is_empty()
        );
        assert!(drift(GuestKind::Vm, "ipconfig0", nic().ipconfig_wish(), "ip=10.0.0.5/24").is_empty());
    }

    #[test]
    fn a_change_keeps_the_generated_address() {
        let moved = Nic { bridge: "vmbr9".into(), ..nic() };
        let lxc = drift(
            GuestKind::Lxc,
            "net0",
            moved.lxc_wish(0),
            "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01,ip=10.0.0.5/24,type=veth",
        );
        assert_eq!(
            lxc.set["net0"],
            "name=eth0,bridge=vmbr9,hwaddr=BC:24:11:00:00:01,ip=10.0.0.5/24,type=veth"
        );
        let card = Nic { model: Some("e1000".into()), ..moved };
        let vm =
            drift(GuestKind::Vm, "net0", card.vm_wish(), "virtio=BC:24:11:00:00:01,bridge=vmbr0,queues=2");
        assert_eq!(vm.set["net0"], "e1000=BC:24:11:00:00:01,bridge=vmbr9,queues=2");
    }

    #[test]
    fn a_new_card_leaves_its_address_to_pve() {
        let drift = Drift::between(GuestKind::Vm, &vec![("net0".into(), nic().vm_wish())], &BTreeMap::new());
        assert_eq!(drift.set["net0"], "model=virtio,bridge=vmbr0");
    }
}
