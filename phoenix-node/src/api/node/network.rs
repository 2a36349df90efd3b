//! The calls on a node's network: interfaces are changed in a plan beside, which is then applied or dropped.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{
    api::{
        Call,
        reply::{Answer, Refusal, Reply},
        router::{Handler, Routes},
        schema,
    },
    state::host::{Interface, difference, network_text},
    work::{HostJob, Work},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /nodes/{node}/network", Handler::Plain(list)),
    ("POST /nodes/{node}/network", Handler::Plain(create)),
    ("PUT /nodes/{node}/network", Handler::Plain(apply)),
    ("DELETE /nodes/{node}/network", Handler::Plain(revert)),
    ("GET /nodes/{node}/network/{iface}", Handler::Plain(read)),
    ("PUT /nodes/{node}/network/{iface}", Handler::Plain(update)),
    ("DELETE /nodes/{node}/network/{iface}", Handler::Plain(delete)),
];

fn shown(name: &str, interface: &Interface, at: usize) -> Map<String, Value> {
    let mut row: Map<String, Value> = interface
        .iter()
        .filter(|(key, _)| *key != "exists")
        .map(|(key, value)| {
            let is_number = schema::is_number_in_set("node-interface", key) && key != "netmask6";
            let number = value.parse::<i64>().ok().filter(|_| is_number);
            (key.clone(), number.map_or_else(|| value.as_str().into(), Value::from))
        })
        .collect();
    let mut families = vec!["inet"];
    if interface.contains_key("address6") || interface.contains_key("cidr6") {
        families.push("inet6");
    }
    row.insert("families".to_owned(), families.into());
    row.insert("priority".to_owned(), (at + 3).into());
    if !name.is_empty() {
        row.insert("iface".to_owned(), name.into());
    }
    row
}

fn list(call: &mut Call<'_>) -> Reply {
    let host = call.state.host_of(&call.node());
    let wanted = call.args.get("type");
    let network = host.next_network.as_ref().unwrap_or(&host.network);
    let is_wanted = |interface: &Interface| {
        let kind = interface.get("type").map_or("", String::as_str);
        match wanted {
            None | Some("include_sdn") => true,
            Some("any_bridge" | "any_local_bridge") => matches!(kind, "bridge" | "OVSBridge"),
            Some(word) => word == kind,
        }
    };
    let rows: Vec<Value> = network
        .iter()
        .enumerate()
        .filter(|(_, (_, interface))| is_wanted(interface))
        .map(|(at, (name, interface))| {
            let mut row = shown(name, interface, at);
            if host.network.contains_key(name) && interface.get("type").is_some_and(|kind| kind != "eth") {
                row.insert("active".to_owned(), 1.into());
            }
            row.into()
        })
        .collect();
    let answer = Answer::from(Value::from(rows));
    Ok(match &host.next_network {
        Some(next) if *next != host.network => {
            answer.with("changes", difference(&network_text(&host.network), &network_text(next)))
        }
        Some(_) | None => answer,
    })
}

fn read(call: &mut Call<'_>) -> Reply {
    let host = call.state.host_of(&call.node());
    let network = host.next_network.as_ref().unwrap_or(&host.network);
    let name = call.args.text("iface");
    let found = network.iter().enumerate().find(|(_, (known, _))| *known == name);
    let (at, (_, interface)) = found.ok_or_else(missing)?;
    Ok(Value::from(shown("", interface, at)).into())
}

fn missing() -> Refusal {
    Refusal::param("iface", "interface does not exist")
}

fn create(call: &mut Call<'_>) -> Reply {
    let name = call.args.text("iface").to_owned();
    let host = call.state.host_of(&call.node());
    let network = host.next_network.as_ref().unwrap_or(&host.network);
    if network.contains_key(&name) {
        return Err(Refusal::param("iface", "interface already exists"));
    }
    write(call, &name, Interface::new())
}

fn update(call: &mut Call<'_>) -> Reply {
    let name = call.args.text("iface").to_owned();
    let host = call.state.host_of(&call.node());
    let network = host.next_network.as_ref().unwrap_or(&host.network);
    let mut present = network.get(&name).cloned().ok_or_else(missing)?;
    for key in call.args.list("delete") {
        let twins: &[&str] = match key.as_str() {
            "cidr" | "address" | "netmask" => &["cidr", "address", "netmask"],
            "cidr6" | "address6" | "netmask6" => &["cidr6", "address6", "netmask6"],
            _ => &[],
        };
        twins.iter().chain([&key.as_str()]).for_each(|key| drop(present.remove(*key)));
    }
    write(call, &name, present)
}

/// Writes an interface into the plan: what is given on top of what is there.
fn write(call: &mut Call<'_>, name: &str, present: Interface) -> Reply {
    let args = call.args.clone();
    let node = call.node();
    let host = call.state.host_of(&node);
    let network = host.next_network.as_ref().unwrap_or(&host.network);
    let mut interface = present;
    let given = args.of("node-interface");
    let kind = args.text("type");
    for (cidr, address, mask) in [("cidr", "address", "netmask"), ("cidr6", "address6", "netmask6")] {
        match (given.get(cidr), given.get(address), given.get(mask)) {
            (Some(both), alone, _) => {
                let (ip, prefix) = both.split_once('/').unwrap_or((both, ""));
                if alone.is_some_and(|alone| alone != ip) {
                    return Err(Refusal::param(cidr, "address and cidr do not match"));
                }
                interface.extend([
                    (cidr.to_owned(), both.clone()),
                    (address.to_owned(), ip.to_owned()),
                    (mask.to_owned(), prefix.to_owned()),
                ]);
            }
            (None, Some(ip), Some(bits)) => {
                let bits = prefix_of(bits);
                interface.insert(cidr.to_owned(), format!("{ip}/{bits}"));
                interface.insert(mask.to_owned(), bits);
                interface.insert(address.to_owned(), ip.clone());
            }
            (None, Some(_), None) => {
                return Err(Refusal::param(
                    mask,
                    format!("missing property - '{address}' requires this property"),
                ));
            }
            (None, None, _) => {}
        }
    }
    for (key, value) in given {
        if !key.starts_with("cidr") && !key.starts_with("netmask") && !key.starts_with("address") {
            interface.insert(key, value);
        }
    }
    if let Some(gateway) = args.get("gateway") {
        let other = network.iter().find(|(other, found)| *other != name && found.contains_key("gateway"));
        if let Some((other, _)) = other {
            let text = format!("Default gateway already exists on interface '{other}'.");
            return Err(Refusal::param("gateway", text));
        }
        if !interface.contains_key("address") {
            return Err(Refusal::param("gateway", format!("gateway '{gateway}' needs an address")));
        }
    }
    interface.insert("type".to_owned(), kind.to_owned());
    let method = if interface.contains_key("address") { "static" } else { "manual" };
    interface.insert("method".to_owned(), method.to_owned());
    let method6 = if interface.contains_key("address6") { "static" } else { "manual" };
    interface.insert("method6".to_owned(), method6.to_owned());
    if kind == "bridge" {
        for (key, value) in [("bridge_stp", "off"), ("bridge_fd", "0"), ("bridge_ports", "")] {
            interface.entry(key.to_owned()).or_insert_with(|| value.to_owned());
        }
    }
    let name = name.to_owned();
    call.state.change_host(&node, |host| drop(host.network_to_change().insert(name, interface)));
    Ok(Answer::null())
}

fn prefix_of(mask: &str) -> String {
    match mask.parse::<std::net::Ipv4Addr>() {
        Ok(mask) => u32::from(mask).leading_ones().to_string(),
        Err(_) => mask.to_owned(),
    }
}

fn delete(call: &mut Call<'_>) -> Reply {
    let (node, name) = (call.node(), call.args.text("iface").to_owned());
    let host = call.state.host_of(&node);
    let network: &BTreeMap<String, Interface> = host.next_network.as_ref().unwrap_or(&host.network);
    if !network.contains_key(&name) {
        return Err(missing());
    }
    call.state.change_host(&node, |host| drop(host.network_to_change().remove(&name)));
    Ok(Answer::null())
}

fn revert(call: &mut Call<'_>) -> Reply {
    let node = call.node();
    call.state.change_host(&node, |host| host.next_network = None);
    Ok(Answer::null())
}

fn apply(call: &mut Call<'_>) -> Reply {
    let node = call.node();
    call.task(Work::Host(HostJob::ReloadNetwork { node }))
}
