//! Addresses that PVE's own manager gave to guests.

use serde_json::{Map, Value, json};

use crate::{
    api::{
        Call,
        reply::{Answer, Refusal, Reply},
        router::{Handler, Routes},
    },
    state::sections::Section,
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /cluster/sdn/ipams/{ipam}/status", Handler::Plain(list)),
    ("POST /cluster/sdn/vnets/{vnet}/ips", Handler::Plain(put)),
    ("PUT /cluster/sdn/vnets/{vnet}/ips", Handler::Plain(put)),
    ("DELETE /cluster/sdn/vnets/{vnet}/ips", Handler::Plain(remove)),
];

fn list(call: &mut Call<'_>) -> Reply {
    let ipam = call.args.text("ipam");
    if ipam != "pve" && call.state.cluster.sdn.ipams.get(ipam).is_none() {
        return Err(Refusal::failed(format!("sdn '{ipam}' does not exist")));
    }
    let sdn = &call.state.cluster.sdn;
    let gateways = sdn.running.subnets.iter().filter_map(|subnet| {
        let zone = subnet.id.split_once('-')?.0;
        Some(json!({ "gateway": 1, "ip": subnet.str("gateway")?, "subnet": crate::api::schema::formats::subnet_of(&subnet.id)?,
            "vnet": subnet.str("vnet")?, "zone": zone }))
    });
    let given = sdn.addresses.iter().map(|entry| {
        let mut row: Map<String, Value> = entry.values.clone();
        row.insert("ip".to_owned(), entry.id.as_str().into());
        Value::from(row)
    });
    Ok(gateways.chain(given).collect::<Value>().into())
}

fn put(call: &mut Call<'_>) -> Reply {
    let (vnet, ip) = (call.args.text("vnet").to_owned(), call.args.text("ip").to_owned());
    let address: std::net::IpAddr =
        ip.parse().map_err(|_| Refusal::param("ip", "value does not look like a valid IP address"))?;
    let sdn = &call.state.cluster.sdn;
    let subnet =
        sdn.running.subnets.iter().filter(|subnet| subnet.str("vnet") == Some(&vnet)).find_map(|subnet| {
            let cidr = crate::api::schema::formats::subnet_of(&subnet.id)?;
            cidr.parse::<ipnet::IpNet>().ok().filter(|network| network.contains(&address))?;
            Some(cidr)
        });
    let subnet = subnet.ok_or_else(|| Refusal::failed(format!("can't find any subnet for ip {ip}")))?;
    let mut values = json!({ "vnet": vnet, "zone": call.args.text("zone"), "subnet": subnet });
    for key in ["mac", "vmid"] {
        if let Some(text) = call.args.get(key) {
            values[key] = call.entry.value(key, text);
        }
    }
    let values = values.as_object().cloned().unwrap_or_default();
    call.state.cluster.sdn.addresses.put(Section { id: ip, kind: String::new(), values });
    Ok(Answer::null())
}

fn remove(call: &mut Call<'_>) -> Reply {
    let ip = call.args.text("ip").to_owned();
    if call.state.cluster.sdn.addresses.remove(&ip).is_none() {
        return Err(Refusal::failed(format!("ip {ip} is not registered")));
    }
    Ok(Answer::null())
}
