//! Controllers of zones.

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
    ("GET /cluster/sdn/controllers", Handler::Plain(|call| list(call, &FOLDER, part, plain))),
    ("POST /cluster/sdn/controllers", Handler::Plain(create)),
    ("GET /cluster/sdn/controllers/{controller}", Handler::Plain(|call| read(call, &FOLDER, part, plain))),
    ("PUT /cluster/sdn/controllers/{controller}", Handler::Plain(update)),
    ("DELETE /cluster/sdn/controllers/{controller}", Handler::Plain(delete)),
];

const FOLDER: Folder = Folder {
    id: "controller",
    noun: "sdn controller object",
    required: &[],
    kind: "",
    shelf: |cluster| &cluster.sdn.config.controllers,
    shelf_mut: |cluster| &mut cluster.sdn.config.controllers,
    taken: |id| format!("sdn controller object ID '{id}' already defined"),
    missing: |id| format!("sdn '{id}' does not exist"),
};

fn part(layout: &Layout) -> &Sections {
    &layout.controllers
}

/// The properties that a type of controller must have.
fn required(kind: &str) -> &'static [&'static str] {
    match kind {
        "bgp" => &["asn", "node"],
        "evpn" => &["asn"],
        "isis" => &["isis-domain", "isis-ifaces", "isis-net", "node"],
        _ => &[],
    }
}

fn create(call: &mut Call<'_>) -> Reply {
    assert_lock(call)?;
    let id = call.args.text("controller");
    if call.state.cluster.sdn.config.controllers.get(id).is_some() {
        return Err(FOLDER.refuse("create", &(FOLDER.taken)(id)));
    }
    if let Some(key) = required(call.args.text("type")).iter().find(|key| call.args.get(key).is_none()) {
        return Err(Refusal::failed(format!("missing value for required option '{key}'")));
    }
    FOLDER.create(call)
}

fn update(call: &mut Call<'_>) -> Reply {
    assert_lock(call)?;
    FOLDER.update(call)
}

fn delete(call: &mut Call<'_>) -> Reply {
    assert_lock(call)?;
    let id = call.args.text("controller").to_owned();
    let config = &call.state.cluster.sdn.config;
    if config.controllers.get(&id).is_none() {
        return Err(FOLDER.refuse("delete", &(FOLDER.missing)(&id)));
    }
    if let Some(zone) = config.zones.iter().find(|zone| zone.str("controller") == Some(&id)) {
        return Err(FOLDER.refuse("delete", &format!("controller {id} is used by zone {}", zone.id)));
    }
    call.state.cluster.sdn.config.controllers.remove(&id);
    Ok(Answer::null())
}
