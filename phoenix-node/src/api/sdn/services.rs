//! What zones use: managers of addresses, and name servers. One manager is always there, PVE's own.

use serde_json::{Value, json};

use super::assert_lock;
use crate::{
    api::{
        Call,
        folder::Folder,
        reply::{Answer, Refusal, Reply},
        router::{Handler, Routes},
    },
    state::{cluster::sdn::Sdn, sections::Section},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /cluster/sdn/ipams", Handler::Plain(ipams)),
    ("POST /cluster/sdn/ipams", Handler::Plain(|call| create(call, &IPAM))),
    ("GET /cluster/sdn/ipams/{ipam}", Handler::Plain(ipam)),
    ("PUT /cluster/sdn/ipams/{ipam}", Handler::Plain(|call| update(call, &IPAM))),
    ("DELETE /cluster/sdn/ipams/{ipam}", Handler::Plain(|call| delete(call, &IPAM))),
    ("GET /cluster/sdn/dns", Handler::Plain(|call| DNS.list(call))),
    ("POST /cluster/sdn/dns", Handler::Plain(|call| create(call, &DNS))),
    ("GET /cluster/sdn/dns/{dns}", Handler::Plain(|call| DNS.read(call))),
    ("PUT /cluster/sdn/dns/{dns}", Handler::Plain(|call| update(call, &DNS))),
    ("DELETE /cluster/sdn/dns/{dns}", Handler::Plain(|call| delete(call, &DNS))),
];

const IPAM: Folder = Folder {
    id: "ipam",
    noun: "sdn ipam object",
    required: &["token", "url"],
    kind: "",
    shelf: |cluster| &cluster.sdn.ipams,
    shelf_mut: |cluster| &mut cluster.sdn.ipams,
    taken: |id| format!("sdn ipam object ID '{id}' already defined"),
    missing: |id| format!("sdn '{id}' does not exist"),
};
const DNS: Folder = Folder {
    id: "dns",
    noun: "sdn dns object",
    required: &["key", "url"],
    kind: "",
    shelf: |cluster| &cluster.sdn.dns,
    shelf_mut: |cluster| &mut cluster.sdn.dns,
    taken: |id| format!("sdn dns object ID '{id}' already defined"),
    missing: |id| format!("sdn '{id}' does not exist"),
};

/// PVE's own manager of addresses.
fn own(call: &Call<'_>) -> Value {
    json!({ "ipam": "pve", "type": "pve", "digest": call.state.cluster.sdn.ipams.digest(IPAM.required) })
}

fn ipams(call: &mut Call<'_>) -> Reply {
    let mut rows: Vec<Value> = IPAM.rows(call).into_iter().map(Value::from).collect();
    if call.args.get("type").is_none_or(|kind| kind == "pve")
        && call.state.cluster.sdn.ipams.get("pve").is_none()
    {
        rows.push(own(call));
    }
    Ok(rows.into_iter().collect::<Value>().into())
}

fn ipam(call: &mut Call<'_>) -> Reply {
    let is_own = call.args.text("ipam") == "pve" && call.state.cluster.sdn.ipams.get("pve").is_none();
    if is_own { Ok(own(call).into()) } else { IPAM.read(call) }
}

fn create(call: &mut Call<'_>, folder: &Folder) -> Reply {
    assert_lock(call)?;
    let needs: &[&str] = match call.args.text("type") {
        "netbox" => &["token", "url"],
        "phpipam" => &["section", "token", "url"],
        _ => &[],
    };
    if let Some(key) = needs.iter().find(|key| call.args.get(key).is_none()) {
        return Err(Refusal::failed(format!("missing value for required option '{key}'")));
    }
    folder.create(call)
}

fn update(call: &mut Call<'_>, folder: &Folder) -> Reply {
    assert_lock(call)?;
    folder.update(call)
}

fn delete(call: &mut Call<'_>, folder: &Folder) -> Reply {
    assert_lock(call)?;
    let id = call.args.text(folder.id).to_owned();
    if (folder.shelf)(&call.state.cluster).get(&id).is_none() {
        return Err(folder.refuse("delete", &(folder.missing)(&id)));
    }
    if let Some(zone) = user(&call.state.cluster.sdn, folder.id, &id) {
        return Err(folder.refuse("delete", &format!("{} {id} is used by zone {}", folder.id, zone.id)));
    }
    (folder.shelf_mut)(&mut call.state.cluster).remove(&id);
    Ok(Answer::null())
}

/// Returns a zone that uses a service.
fn user<'a>(sdn: &'a Sdn, key: &str, id: &str) -> Option<&'a Section> {
    let keys: &[&str] = if key == "dns" { &["dns", "reversedns"] } else { &["ipam"] };
    sdn.config.zones.iter().find(|zone| keys.iter().any(|key| zone.str(key) == Some(id)))
}
