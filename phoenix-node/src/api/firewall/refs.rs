//! What rules may refer to: aliases and sets of addresses, those of the guest before those of the cluster, and the sets
//! that virtual networks bring.

use serde_json::{Map, Value};

use super::{Level, put_some, verify::Place};
use crate::{
    api::{
        Call,
        reply::Reply,
        router::{Handler, Routes},
    },
    state::{
        cluster::sdn::Sdn,
        firewall::{Firewall, Firewalls},
    },
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /cluster/firewall/refs", Handler::Plain(list)),
    ("GET /nodes/{node}/{kind}/{vmid}/firewall/refs", Handler::Plain(list)),
    ("GET /cluster/firewall/macros", Handler::Plain(macros)),
];

fn macros(_call: &mut Call<'_>) -> Reply {
    let rows = super::macros::MACROS.iter().map(|(name, description)| {
        let mut row = Map::new();
        row.insert("macro".to_owned(), (*name).into());
        row.insert("descr".to_owned(), (*description).into());
        Value::from(row)
    });
    Ok(Value::from(rows.collect::<Vec<_>>()).into())
}

fn list(call: &mut Call<'_>) -> Reply {
    let wanted = |kind: &str| call.args.get("type").is_none_or(|word| word == kind);
    let mut rows = Vec::new();
    let all = &call.state.firewall;
    let level = Level::of(call);
    if let Level::Guest(_) = level {
        collect(&level.read(all), "guest", &wanted, &mut rows);
    }
    collect(&all.cluster, "dc", &wanted, &mut rows);
    if wanted("ipset") {
        for (name, comment) in network_sets(&call.state.cluster.sdn) {
            rows.push(row("ipset", &name, "sdn", Some(&comment)));
        }
    }
    Ok(Value::from(rows).into())
}

fn collect(firewall: &Firewall, scope: &str, wanted: &dyn Fn(&str) -> bool, rows: &mut Vec<Value>) {
    if wanted("ipset") {
        let sets = firewall.ipsets.iter();
        rows.extend(sets.map(|(name, set)| row("ipset", name, scope, set.comment.as_deref())));
    }
    if wanted("alias") {
        let aliases = firewall.aliases.iter();
        rows.extend(aliases.map(|(name, alias)| row("alias", name, scope, alias.comment.as_deref())));
    }
}

fn row(kind: &str, name: &str, scope: &str, comment: Option<&str>) -> Value {
    let mut row = Map::new();
    let sign = if kind == "ipset" { "+" } else { "" };
    row.insert("type".to_owned(), kind.into());
    row.insert("name".to_owned(), name.into());
    row.insert("ref".to_owned(), format!("{sign}{name}").into());
    row.insert("scope".to_owned(), scope.into());
    put_some(&mut row, "comment", comment);
    row.into()
}

/// Returns the sets of the networks that are in force, with what they are.
fn network_sets(sdn: &Sdn) -> Vec<(String, String)> {
    let ids = sdn.running.vnets.iter().map(|vnet| &vnet.id);
    ids.flat_map(|id| {
        [
            (format!("{id}-all"), format!("All subnets of VNet {id}")),
            (format!("{id}-gateway"), format!("All gateways of VNet {id}")),
            (format!("{id}-no-gateway"), format!("All subnets of VNet {id}, excluding gateways")),
            (format!("{id}-dhcp"), format!("DHCP ranges of VNet {id}")),
        ]
    })
    .collect()
}

/// Tells whether a text names an alias, perhaps with its scope.
pub(super) fn is_alias(text: &str) -> bool {
    crate::api::schema::formats::is_alias(text)
}

/// Returns the address of an alias; else what is wrong with its name.
pub(super) fn alias(all: &Firewalls, place: Place, text: &str) -> Result<String, String> {
    let (scope, name) = text.split_once('/').map_or(("", text), |(scope, name)| (scope, name));
    let name = name.to_lowercase();
    let own = match place {
        Place::Guest(vmid) if scope != "dc" => all.guests.get(&vmid),
        Place::Guest(_) | Place::Cluster | Place::Node | Place::Vnet | Place::Group => None,
    };
    let found = own.and_then(|firewall| firewall.aliases.get(&name));
    let shared = all.cluster.aliases.get(&name).filter(|_| scope != "guest");
    found.or(shared).map(|alias| alias.cidr.clone()).ok_or_else(|| format!("no such alias '{name}'"))
}

/// Tells whether there is a set of addresses of this name, perhaps with its scope. Those of virtual networks are
/// made when they are applied, which may be later than the rule.
pub(super) fn has_ipset(all: &Firewalls, place: Place, text: &str) -> bool {
    let (scope, name) = text.split_once('/').map_or(("", text), |(scope, name)| (scope, name));
    let own = match place {
        Place::Guest(vmid) => all.guests.get(&vmid),
        Place::Cluster | Place::Node | Place::Vnet | Place::Group => None,
    };
    let is_own = own.is_some_and(|firewall| firewall.ipsets.contains_key(name));
    let is_shared = all.cluster.ipsets.contains_key(name);
    match scope {
        "guest" => is_own,
        "dc" => is_shared,
        "sdn" => true,
        _ => is_own || is_shared,
    }
}
