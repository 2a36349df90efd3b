//! Addresses: no two interfaces with one IP or MAC address, and none with the host's.

use std::{collections::BTreeMap, net::IpAddr};

use ipnet::IpNet;

use super::Check;
use crate::model::{Entry, Spot};

pub(super) fn check(check: &mut Check<'_>) {
    let host: Option<IpAddr> =
        check.host.addresses.first().and_then(|address| address.parse::<IpNet>().ok()).map(|net| net.addr());
    let mut addresses: BTreeMap<IpAddr, (u32, Spot)> = BTreeMap::new();
    let mut macs: BTreeMap<String, (u32, Spot)> = BTreeMap::new();
    for guest in check.guests {
        let vmid = guest.id.vmid.0;
        for (index, (network, spot)) in guest.networks.iter().enumerate() {
            for (key, text) in [("ip", &network.ip), ("ip6", &network.ip6)] {
                let Some(net) = text.as_deref().and_then(|text| text.parse::<IpNet>().ok()) else { continue };
                let (address, spot) = (net.addr(), spot.at(key));
                if Some(address) == host {
                    check.error(
                        &spot,
                        "duplicate-ip",
                        format!("`{address}` is the host's address"),
                        "choose a free one",
                    );
                }
                if let Some((other, first)) = addresses.get(&address) {
                    let message = format!("`{address}` is the address of {other} too");
                    let hint = format!("{} has it first; choose a free one", check.line(first));
                    check.error(&spot, "duplicate-ip", message, hint);
                } else {
                    addresses.insert(address, (vmid, spot));
                }
            }
            let mac = match (&network.mac, guest.entry) {
                (Some(mac), _) => Some((mac.clone(), spot.at("mac"))),
                (None, Entry::Lxc(lxc)) if index == 0 => {
                    lxc.mac_address.clone().map(|mac| (mac, guest.spot.at("mac_address")))
                }
                (None, Entry::Lxc(_) | Entry::Vm(_)) => None,
            };
            let Some((mac, spot)) = mac else { continue };
            if let Some((other, first)) = macs.get(&mac.to_uppercase()) {
                let message = format!("`{mac}` is the MAC address of {other} too");
                let hint =
                    format!("{} has it first; leave it out and Proxmox VE chooses one", check.line(first));
                check.error(&spot, "duplicate-mac", message, hint);
            } else {
                macs.insert(mac.to_uppercase(), (vmid, spot));
            }
        }
    }
}
