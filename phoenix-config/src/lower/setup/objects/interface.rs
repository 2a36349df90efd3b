//! Network interfaces of the node. A bridge of which only the name is known is one that is there.

use std::collections::BTreeMap;

use phoenix_core::{ResourceId, object::Values};
use serde_json::json;

use super::{Objects, flag};

/// Adds the interfaces of the node, if the file says anything of them.
pub(super) fn add(objects: &mut Objects<'_, '_>) {
    let network = objects.context.model.hypervisor.network.as_ref();
    let Some(entry) = network.and_then(|network| network.interfaces.as_ref()) else { return };
    let mut interfaces: BTreeMap<String, Values> = BTreeMap::new();
    let mut faults = Vec::new();
    let mut main = Values::new();
    addressed(&mut main, entry.address.as_ref(), entry.gateway.as_ref(), entry.mtu);
    bridged(&mut main, entry.ports.as_deref(), entry.vlan_aware);
    if !main.is_empty() {
        interfaces.insert(entry.name.clone(), with_type(main, "bridge"));
    }
    for (name, bridge) in &entry.bridges {
        let mut values = Values::new();
        addressed(&mut values, bridge.address.as_ref(), bridge.gateway.as_ref(), bridge.mtu);
        bridged(&mut values, bridge.ports.as_deref(), bridge.vlan_aware);
        if interfaces.insert(name.clone(), with_type(values, "bridge")).is_some() {
            faults.push((format!("bridges/{name}"), format!("the interface `{name}` is declared twice")));
        }
    }
    for (name, bond) in &entry.bonds {
        let mut values = Values::new();
        addressed(&mut values, bond.address.as_ref(), bond.gateway.as_ref(), bond.mtu);
        values.insert("slaves".to_owned(), bond.slaves.join(" "));
        values.insert("bond_mode".to_owned(), bond.mode.clone());
        values.extend(bond.primary.clone().map(|name| ("bond-primary".to_owned(), name)));
        values.extend(bond.hash_policy.clone().map(|policy| ("bond_xmit_hash_policy".to_owned(), policy)));
        if interfaces.insert(name.clone(), with_type(values, "bond")).is_some() {
            faults.push((format!("bonds/{name}"), format!("the interface `{name}` is declared twice")));
        }
    }
    for (name, vlan) in &entry.vlans {
        let mut values = Values::new();
        addressed(&mut values, vlan.address.as_ref(), vlan.gateway.as_ref(), vlan.mtu);
        let of_name = name.rsplit_once('.').is_some_and(|(_, tag)| tag.parse::<u32>().is_ok());
        if !of_name {
            match (&vlan.device, vlan.tag) {
                (Some(device), Some(tag)) => {
                    values.insert("vlan-raw-device".to_owned(), device.clone());
                    values.insert("vlan-id".to_owned(), tag.to_string());
                }
                (None, _) | (_, None) => {
                    let message = format!("of the VLAN `{name}`, `device` and `tag` are not both known");
                    faults.push((format!("vlans/{name}"), message));
                }
            }
        }
        if interfaces.insert(name.clone(), with_type(values, "vlan")).is_some() {
            faults.push((format!("vlans/{name}"), format!("the interface `{name}` is declared twice")));
        }
    }
    for (key, message) in faults {
        let hint = "name each interface once; a VLAN is named `DEVICE.TAG`, or has `device` and `tag`";
        objects.fault(&format!("/network/interfaces/{key}"), message, hint);
    }
    if !interfaces.is_empty() {
        let node = objects.node.clone();
        let spec = json!({ "node": node, "interfaces": interfaces });
        objects.declare(ResourceId::new("network", &node), spec, "/network/interfaces".to_owned());
    }
}

fn addressed(values: &mut Values, address: Option<&String>, gateway: Option<&String>, mtu: Option<u32>) {
    let key = |text: &String, four: &str, six: &str| if text.contains(':') { six } else { four }.to_owned();
    values.extend(address.map(|address| (key(address, "cidr", "cidr6"), address.clone())));
    values.extend(gateway.map(|gateway| (key(gateway, "gateway", "gateway6"), gateway.clone())));
    values.extend(mtu.map(|mtu| ("mtu".to_owned(), mtu.to_string())));
}

fn bridged(values: &mut Values, ports: Option<&[String]>, vlan_aware: Option<bool>) {
    values.extend(ports.map(|ports| ("bridge_ports".to_owned(), ports.join(" "))));
    // A switch that is off is not written at all.
    let is_on = |on: bool| if on { flag(true) } else { String::new() };
    values.extend(vlan_aware.map(|on| ("bridge_vlan_aware".to_owned(), is_on(on))));
}

fn with_type(mut values: Values, kind: &str) -> Values {
    values.insert("type".to_owned(), kind.to_owned());
    values.insert("autostart".to_owned(), flag(true));
    values
}
