//! Subnets of virtual networks. Their ids are made of the zone and the network.

use serde_json::{Map, Value};

use super::{
    assert_lock,
    pending::{plain, rows},
};
use crate::{
    api::{
        Call,
        folder::{Folder, given},
        reply::{Answer, Refusal, Reply},
        router::{Handler, Routes},
        schema::formats::subnet_of,
    },
    state::{
        cluster::sdn::Layout,
        sections::{Section, Sections},
    },
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /cluster/sdn/vnets/{vnet}/subnets", Handler::Plain(list)),
    ("POST /cluster/sdn/vnets/{vnet}/subnets", Handler::Plain(create)),
    ("GET /cluster/sdn/vnets/{vnet}/subnets/{subnet}", Handler::Plain(read)),
    ("PUT /cluster/sdn/vnets/{vnet}/subnets/{subnet}", Handler::Plain(update)),
    ("DELETE /cluster/sdn/vnets/{vnet}/subnets/{subnet}", Handler::Plain(delete)),
];

const FOLDER: Folder = Folder {
    id: "subnet",
    noun: "sdn subnet object",
    required: &["vnet"],
    kind: "subnet",
    shelf: |cluster| &cluster.sdn.config.subnets,
    shelf_mut: |cluster| &mut cluster.sdn.config.subnets,
    taken: |id| format!("sdn subnet object ID '{id}' already defined"),
    missing: |id| format!("sdn subnet '{id}' does not exist"),
};

fn part(layout: &Layout) -> &Sections {
    &layout.subnets
}

/// Adds what the id says to a row.
fn dress(section: &Section, row: &mut Map<String, Value>) {
    let mut put = |key: &str, value: Value| drop(row.insert(key.to_owned(), value));
    put("id", section.id.as_str().into());
    if let Some((zone, _)) = section.id.split_once('-') {
        put("zone", zone.into());
    }
    if let Some(cidr) = subnet_of(&section.id) {
        let (network, mask) = cidr.split_once('/').unwrap_or((&cidr, ""));
        put("network", network.into());
        put("mask", mask.into());
        put("cidr", cidr.as_str().into());
    }
    let ranges = match section.values.get("dhcp-range") {
        Some(Value::Array(ranges)) => ranges.iter().filter_map(Value::as_str).map(range).collect(),
        Some(Value::String(one)) => vec![range(one)],
        _ => Vec::new(),
    };
    put("dhcp-range", ranges.into());
}

/// Returns a range of addresses as it is read: apart, though it is written as one text.
fn range(text: &str) -> Value {
    let parts = text.split(',').filter_map(|part| part.split_once('='));
    parts.map(|(key, value)| (key.to_owned(), Value::from(value))).collect::<Map<_, _>>().into()
}

fn of_vnet(call: &Call<'_>) -> Vec<(Section, Map<String, Value>)> {
    let vnet = call.args.text("vnet");
    let own = rows(call, &FOLDER, part, plain).into_iter();
    own.filter(|(section, _)| section.str("vnet") == Some(vnet))
        .map(|(section, mut row)| {
            dress(&section, &mut row);
            (section, row)
        })
        .collect()
}

fn list(call: &mut Call<'_>) -> Reply {
    let vnet = call.args.text("vnet");
    let sdn = &call.state.cluster.sdn;
    if sdn.config.vnets.get(vnet).is_none() && sdn.running.vnets.get(vnet).is_none() {
        return Err(Refusal::failed(format!("sdn '{vnet}' does not exist")));
    }
    Ok(Value::from(of_vnet(call).into_iter().map(|(_, row)| Value::from(row)).collect::<Vec<_>>()).into())
}

fn read(call: &mut Call<'_>) -> Reply {
    let id = call.args.text("subnet");
    let found = of_vnet(call).into_iter().find(|(section, _)| section.id == id);
    let (_, row) = found.ok_or_else(|| Refusal::failed((FOLDER.missing)(id)))?;
    Ok(Value::from(row).into())
}

fn create(call: &mut Call<'_>) -> Reply {
    assert_lock(call)?;
    let vnet = call.args.text("vnet").to_owned();
    let config = &call.state.cluster.sdn.config;
    let Some(zone) = config.vnets.get(&vnet).and_then(|vnet| vnet.str("zone")).map(str::to_owned) else {
        return Err(FOLDER.refuse("create", &format!("unable to find vnet {vnet}")));
    };
    let cidr = call.args.text("subnet").to_owned();
    let id = format!("{zone}-{}", cidr.replace('/', "-"));
    if config.subnets.get(&id).is_some() {
        return Err(FOLDER.refuse("create", &(FOLDER.taken)(&id)));
    }
    let network: ipnet::IpNet = cidr
        .parse()
        .map_err(|_| Refusal::param("subnet", "value does not look like a valid CIDR network"))?;
    check_gateway(call, network, "create")?;
    let mut values = given(call, &["subnet", "vnet"]);
    values.insert("vnet".to_owned(), vnet.into());
    let subnet = Section { id, kind: "subnet".to_owned(), values };
    call.state.cluster.sdn.config.subnets.put(subnet);
    Ok(Answer::null())
}

fn check_gateway(call: &Call<'_>, network: ipnet::IpNet, verb: &str) -> Result<(), Refusal> {
    let Some(gateway) = call.args.get("gateway") else { return Ok(()) };
    let is_within = gateway.parse::<std::net::IpAddr>().is_ok_and(|ip| network.contains(&ip));
    if is_within {
        Ok(())
    } else {
        Err(FOLDER.refuse(verb, &format!("{gateway} is not in subnet {network}")))
    }
}

fn update(call: &mut Call<'_>) -> Reply {
    assert_lock(call)?;
    let id = call.args.text("subnet");
    if let Some(network) = subnet_of(id).and_then(|cidr| cidr.parse().ok()) {
        check_gateway(call, network, "update")?;
    }
    FOLDER.update(call)
}

fn delete(call: &mut Call<'_>) -> Reply {
    assert_lock(call)?;
    let id = call.args.text("subnet").to_owned();
    if call.state.cluster.sdn.config.subnets.remove(&id).is_none() {
        return Err(FOLDER.refuse("delete", &(FOLDER.missing)(&id)));
    }
    Ok(Answer::null())
}
