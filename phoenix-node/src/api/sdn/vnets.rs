//! Virtual networks.

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
    state::{cluster::sdn::Layout, sections::Sections},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /cluster/sdn/vnets", Handler::Plain(|call| list(call, &FOLDER, part, plain))),
    ("POST /cluster/sdn/vnets", Handler::Plain(create)),
    ("GET /cluster/sdn/vnets/{vnet}", Handler::Plain(|call| read(call, &FOLDER, part, plain))),
    ("PUT /cluster/sdn/vnets/{vnet}", Handler::Plain(update)),
    ("DELETE /cluster/sdn/vnets/{vnet}", Handler::Plain(delete)),
];

const FOLDER: Folder = Folder {
    id: "vnet",
    noun: "sdn vnet object",
    required: &["zone"],
    kind: "vnet",
    shelf: |cluster| &cluster.sdn.config.vnets,
    shelf_mut: |cluster| &mut cluster.sdn.config.vnets,
    taken: |id| format!("sdn vnet object ID '{id}' already defined"),
    missing: |id| format!("sdn '{id}' does not exist"),
};

fn part(layout: &Layout) -> &Sections {
    &layout.vnets
}

/// Checks that the zone is there and takes such a network.
fn check(call: &Call<'_>, verb: &str, zone: &str, tag: Option<&str>) -> Result<(), Refusal> {
    let config = &call.state.cluster.sdn.config;
    let Some(found) = config.zones.get(zone) else {
        let text =
            "cannot lookup undefined type! at /usr/share/perl5/PVE/API2/Network/SDN/Vnets.pm line 326.";
        return Err(FOLDER.refuse(verb, text));
    };
    let id = call.args.text("vnet");
    match (found.kind.as_str(), tag) {
        ("simple", Some(_)) => Err(FOLDER.refuse(verb, "vlan tag is not allowed on simple zone")),
        ("vlan" | "qinq" | "vxlan" | "evpn", None) => Err(FOLDER
            .refuse(verb, &format!("missing {} tag", if found.kind == "vlan" { "vlan" } else { "vxlan" }))),
        ("vlan" | "qinq", Some(tag)) if tag.parse::<u32>().is_ok_and(|tag| tag > 4096) => {
            Err(FOLDER.refuse(verb, "vlan tag max value is 4096"))
        }
        (_, Some(tag)) => {
            let other = config.vnets.iter().find(|vnet| {
                vnet.id != id
                    && vnet.str("zone") == Some(zone)
                    && vnet
                        .values
                        .get("tag")
                        .is_some_and(|old| old.as_u64().is_some_and(|old| tag.parse() == Ok(old)))
            });
            match other {
                Some(other) => Err(FOLDER
                    .refuse(verb, &format!("tag {tag} already exist in vnet {} in zone {zone}", other.id))),
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

fn create(call: &mut Call<'_>) -> Reply {
    assert_lock(call)?;
    let id = call.args.text("vnet");
    if call.state.cluster.sdn.config.vnets.get(id).is_some() {
        return Err(FOLDER.refuse("create", &(FOLDER.taken)(id)));
    }
    check(call, "create", call.args.text("zone"), call.args.get("tag"))?;
    FOLDER.create(call)
}

fn update(call: &mut Call<'_>) -> Reply {
    assert_lock(call)?;
    if let Some(vnet) = call.state.cluster.sdn.config.vnets.get(call.args.text("vnet")) {
        let old = vnet.values.get("tag").map(ToString::to_string);
        let tag = call.args.get("tag").or(old.as_deref());
        let tag = tag.filter(|_| !call.args.list("delete").iter().any(|key| key == "tag"));
        check(call, "update", call.args.get("zone").or(vnet.str("zone")).unwrap_or_default(), tag)?;
    }
    FOLDER.update(call)
}

fn delete(call: &mut Call<'_>) -> Reply {
    assert_lock(call)?;
    let id = call.args.text("vnet").to_owned();
    let config = &call.state.cluster.sdn.config;
    if config.vnets.get(&id).is_none() {
        return Err(FOLDER.refuse("delete", &(FOLDER.missing)(&id)));
    }
    if config.subnets.iter().any(|subnet| subnet.str("vnet") == Some(&id)) {
        return Err(FOLDER.refuse("delete", "Can't delete vnet if subnets exists"));
    }
    call.state.cluster.sdn.config.vnets.remove(&id);
    if call.state.firewall.vnets.contains_key(&id) {
        call.state.firewall.vnets.remove(&id);
    }
    Ok(Answer::null())
}
