//! Zones.

use super::{
    assert_lock,
    pending::{list, plain, read},
};
use crate::{
    api::{
        Call,
        folder::Folder,
        reply::{Answer, Refusal, Reply},
        router::{Handler, Routes},
    },
    state::cluster::sdn::Layout,
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /cluster/sdn/zones", Handler::Plain(|call| list(call, &FOLDER, part, plain))),
    ("POST /cluster/sdn/zones", Handler::Plain(create)),
    ("GET /cluster/sdn/zones/{zone}", Handler::Plain(|call| read(call, &FOLDER, part, plain))),
    ("PUT /cluster/sdn/zones/{zone}", Handler::Plain(update)),
    ("DELETE /cluster/sdn/zones/{zone}", Handler::Plain(delete)),
];

const FOLDER: Folder = Folder {
    id: "zone",
    noun: "sdn zone object",
    required: &[],
    kind: "",
    shelf: |cluster| &cluster.sdn.config.zones,
    shelf_mut: |cluster| &mut cluster.sdn.config.zones,
    taken: |id| format!("sdn zone object ID '{id}' already defined"),
    missing: |id| format!("sdn '{id}' does not exist"),
};

/// What every zone may say, whatever its type.
const COMMON: &[&str] = &["dns", "reversedns", "dnszone", "ipam", "dhcp", "mtu", "nodes", "zone"];

/// The properties of a type of zone, those that it must have first.
fn properties(kind: &str) -> (&'static [&'static str], &'static [&'static str]) {
    match kind {
        "vlan" => (&["bridge"], &["bridge-disable-mac-learning"]),
        "qinq" => (&["bridge", "tag"], &["vlan-protocol"]),
        "vxlan" => (&[], &["peers", "vxlan-port", "fabric"]),
        "evpn" => (
            &["vrf-vxlan", "controller"],
            &[
                "exitnodes",
                "exitnodes-local-routing",
                "exitnodes-primary",
                "advertise-subnets",
                "disable-arp-nd-suppression",
                "rt-import",
                "mac",
                "vxlan-port",
            ],
        ),
        "faucet" => (&["dp-id"], &[]),
        _ => (&[], &[]),
    }
}

fn part(layout: &Layout) -> &crate::state::sections::Sections {
    &layout.zones
}

fn check(call: &Call<'_>, kind: &str, is_new: bool) -> Result<(), Refusal> {
    let (must, may) = properties(kind);
    let control = ["type", "lock-token", "digest", "delete"];
    for key in call.args.keys() {
        if ![COMMON, must, may].iter().any(|known| known.contains(&key)) && !control.contains(&key) {
            return Err(Refusal::failed(format!("unexpected property '{key}'")));
        }
    }
    if let Some(key) = must.iter().find(|key| is_new && call.args.get(key).is_none()) {
        return Err(Refusal::failed(format!("missing value for required option '{key}'")));
    }
    let verb = if is_new { "create" } else { "update" };
    let sdn = &call.state.cluster.sdn;
    if let Some(name) = call.args.get("controller").filter(|name| sdn.config.controllers.get(name).is_none())
    {
        return Err(FOLDER.refuse(verb, &format!("controller {name} doesn't exist")));
    }
    if let Some(name) = call.args.get("ipam").filter(|name| *name != "pve" && sdn.ipams.get(name).is_none()) {
        return Err(FOLDER.refuse(verb, &format!("can't find ipam '{name}'")));
    }
    for key in ["dns", "reversedns"] {
        if let Some(name) = call.args.get(key).filter(|name| sdn.dns.get(name).is_none()) {
            return Err(FOLDER.refuse(verb, &format!("{key} server {name} doesn't exist")));
        }
    }
    Ok(())
}

fn create(call: &mut Call<'_>) -> Reply {
    assert_lock(call)?;
    let kind = call.args.text("type").to_owned();
    let id = call.args.text("zone");
    if call.state.cluster.sdn.config.zones.get(id).is_some() {
        return Err(FOLDER.refuse("create", &(FOLDER.taken)(id)));
    }
    check(call, &kind, true)?;
    FOLDER.create(call)
}

fn update(call: &mut Call<'_>) -> Reply {
    assert_lock(call)?;
    if let Some(kind) = call.state.cluster.sdn.config.zones.get(call.args.text("zone")) {
        let kind = kind.kind.clone();
        check(call, &kind, false)?;
    }
    FOLDER.update(call)
}

fn delete(call: &mut Call<'_>) -> Reply {
    assert_lock(call)?;
    let id = call.args.text("zone").to_owned();
    let config = &call.state.cluster.sdn.config;
    if config.zones.get(&id).is_none() {
        return Err(FOLDER.refuse("delete", &(FOLDER.missing)(&id)));
    }
    if let Some(vnet) = config.vnets.iter().find(|vnet| vnet.str("zone") == Some(&id)) {
        let text = format!(
            "zone {id} is used by vnet {} at /usr/share/perl5/PVE/Network/SDN/Zones/Plugin.pm line 149.",
            vnet.id
        );
        return Err(FOLDER.refuse("delete", &text));
    }
    call.state.cluster.sdn.config.zones.remove(&id);
    Ok(Answer::null())
}
