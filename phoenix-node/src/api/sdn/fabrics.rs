//! Fabrics, and the nodes that take part in them.

use serde_json::{Map, Value, json};

use super::{
    assert_lock,
    pending::{Part, rows},
};
use crate::{
    api::{
        Call,
        folder::{Folder, given},
        reply::{Answer, Refusal, Reply},
        router::{Handler, Routes},
    },
    state::sections::Section,
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /cluster/sdn/fabrics/all", Handler::Plain(all)),
    ("GET /cluster/sdn/fabrics/fabric", Handler::Plain(|call| Ok(fabrics(call).into()))),
    ("POST /cluster/sdn/fabrics/fabric", Handler::Plain(create)),
    ("GET /cluster/sdn/fabrics/fabric/{id}", Handler::Plain(read)),
    ("PUT /cluster/sdn/fabrics/fabric/{id}", Handler::Plain(update)),
    ("DELETE /cluster/sdn/fabrics/fabric/{id}", Handler::Plain(delete)),
    ("GET /cluster/sdn/fabrics/node", Handler::Plain(|call| Ok(nodes(call).into()))),
    ("GET /cluster/sdn/fabrics/node/{fabric_id}", Handler::Plain(|call| Ok(nodes(call).into()))),
    ("POST /cluster/sdn/fabrics/node/{fabric_id}", Handler::Plain(create_node)),
    ("GET /cluster/sdn/fabrics/node/{fabric_id}/{node_id}", Handler::Plain(read_node)),
    ("PUT /cluster/sdn/fabrics/node/{fabric_id}/{node_id}", Handler::Plain(update_node)),
    ("DELETE /cluster/sdn/fabrics/node/{fabric_id}/{node_id}", Handler::Plain(delete_node)),
];

const FABRIC: Folder = Folder {
    id: "id",
    noun: "",
    required: &[],
    kind: "",
    shelf: |cluster| &cluster.sdn.config.fabrics,
    shelf_mut: |cluster| &mut cluster.sdn.config.fabrics,
    taken: |id| format!("fabric already exists in config: {id}"),
    missing: |id| format!("fabric does not exist in config: {id}"),
};
const NODE: Folder = Folder {
    shelf: |cluster| &cluster.sdn.config.fabric_nodes,
    shelf_mut: |cluster| &mut cluster.sdn.config.fabric_nodes,
    taken: |id| format!("node already exists in config: {id}"),
    missing: |id| format!("node does not exist in config: {id}"),
    ..FABRIC
};

/// Shows the protocol under its own name.
fn dress(section: &Section, row: &mut Map<String, Value>) {
    row.remove("type");
    row.insert("protocol".to_owned(), section.kind.as_str().into());
}

/// Shows whose node it is, too.
fn dress_node(section: &Section, row: &mut Map<String, Value>) {
    dress(section, row);
    row.remove("id");
    if let Some((fabric, node)) = section.id.split_once('_') {
        row.insert("fabric_id".to_owned(), fabric.into());
        row.insert("node_id".to_owned(), node.into());
    }
}

fn fabrics(call: &Call<'_>) -> Value {
    let part: Part = |layout| &layout.fabrics;
    rows(call, &FABRIC, part, dress).into_iter().map(|(_, row)| Value::from(row)).collect()
}

fn nodes(call: &Call<'_>) -> Value {
    let part: Part = |layout| &layout.fabric_nodes;
    let fabric = call.args.get("fabric_id");
    let own = rows(call, &NODE, part, dress_node).into_iter();
    let own = own.filter(|(_, row)| fabric.is_none_or(|fabric| row["fabric_id"] == fabric));
    own.map(|(_, row)| Value::from(row)).collect()
}

fn all(call: &mut Call<'_>) -> Reply {
    Ok(json!({ "fabrics": fabrics(call), "nodes": nodes(call) }).into())
}

fn read(call: &mut Call<'_>) -> Reply {
    let id = call.args.text("id");
    let rows = fabrics(call);
    let found = rows.as_array().into_iter().flatten().find(|row| row["id"] == id);
    found.cloned().map(Answer::from).ok_or_else(|| Refusal::failed((FABRIC.missing)(id)))
}

fn create(call: &mut Call<'_>) -> Reply {
    assert_lock(call)?;
    let id = call.args.text("id").to_owned();
    if call.state.cluster.sdn.config.fabrics.get(&id).is_some() {
        return Err(Refusal::failed((FABRIC.taken)(&id)));
    }
    if call.args.get("ip_prefix").is_none() && call.args.get("ip6_prefix").is_none() {
        return Err(Refusal::failed("a fabric needs at least one of ip_prefix and ip6_prefix"));
    }
    let kind = call.args.text("protocol").to_owned();
    let values = given(call, &["id", "protocol"]);
    call.state.cluster.sdn.config.fabrics.put(Section { id, kind, values });
    Ok(Answer::null())
}

fn update(call: &mut Call<'_>) -> Reply {
    assert_lock(call)?;
    let id = call.args.text("id").to_owned();
    change(call, &FABRIC, &id, &["id", "protocol"])
}

fn delete(call: &mut Call<'_>) -> Reply {
    assert_lock(call)?;
    let id = call.args.text("id").to_owned();
    let config = &mut call.state.cluster.sdn.config;
    if config.fabrics.remove(&id).is_none() {
        return Err(Refusal::failed((FABRIC.missing)(&id)));
    }
    let nodes: Vec<String> = config.fabric_nodes.iter().map(|node| node.id.clone()).collect();
    for node in nodes.iter().filter(|node| node.split_once('_').is_some_and(|(fabric, _)| fabric == id)) {
        config.fabric_nodes.remove(node);
    }
    Ok(Answer::null())
}

fn node_id(call: &Call<'_>) -> String {
    format!("{}_{}", call.args.text("fabric_id"), call.args.text("node_id"))
}

fn create_node(call: &mut Call<'_>) -> Reply {
    assert_lock(call)?;
    let id = node_id(call);
    let fabric = call.args.text("fabric_id");
    let config = &call.state.cluster.sdn.config;
    if config.fabrics.get(fabric).is_none() {
        return Err(Refusal::failed((FABRIC.missing)(fabric)));
    }
    if config.fabric_nodes.get(&id).is_some() {
        return Err(Refusal::failed((NODE.taken)(&id)));
    }
    let kind = call.args.text("protocol").to_owned();
    let values = given(call, &["fabric_id", "node_id", "protocol"]);
    call.state.cluster.sdn.config.fabric_nodes.put(Section { id, kind, values });
    Ok(Answer::null())
}

fn read_node(call: &mut Call<'_>) -> Reply {
    let id = call.args.text("node_id");
    let rows = nodes(call);
    let found = rows.as_array().into_iter().flatten().find(|row| row["node_id"] == id);
    found.cloned().map(Answer::from).ok_or_else(|| Refusal::failed((NODE.missing)(&node_id(call))))
}

fn update_node(call: &mut Call<'_>) -> Reply {
    assert_lock(call)?;
    let id = node_id(call);
    change(call, &NODE, &id, &["fabric_id", "node_id", "protocol"])
}

fn delete_node(call: &mut Call<'_>) -> Reply {
    assert_lock(call)?;
    let id = node_id(call);
    if call.state.cluster.sdn.config.fabric_nodes.remove(&id).is_none() {
        return Err(Refusal::failed((NODE.missing)(&id)));
    }
    Ok(Answer::null())
}

fn change(call: &mut Call<'_>, folder: &Folder, id: &str, except: &[&str]) -> Reply {
    let shelf = (folder.shelf)(&call.state.cluster);
    crate::api::firewall::assert_unchanged(call, &shelf.digest(folder.required))?;
    let found = shelf.get(id).cloned();
    let mut section = found.ok_or_else(|| Refusal::failed((folder.missing)(id)))?;
    for key in call.args.list("delete") {
        section.values.remove(&key);
    }
    section.values.extend(given(call, except));
    (folder.shelf_mut)(&mut call.state.cluster).put(section);
    Ok(Answer::null())
}
