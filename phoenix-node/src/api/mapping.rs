//! Mappings: names for devices and directories that each node has at a place of its own.

use serde_json::{Value, json};

use crate::{
    api::{
        Call,
        folder::Folder,
        node,
        reply::{Refusal, Reply},
        router::{Handler, Routes},
    },
    state::config,
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /cluster/mapping/dir", Handler::Plain(|call| list(call, &DIR))),
    ("POST /cluster/mapping/dir", Handler::Plain(|call| create(call, &DIR))),
    ("GET /cluster/mapping/dir/{id}", Handler::Plain(|call| read(call, &DIR))),
    ("PUT /cluster/mapping/dir/{id}", Handler::Plain(|call| update(call, &DIR))),
    ("DELETE /cluster/mapping/dir/{id}", Handler::Plain(|call| DIR.remove(call))),
    ("GET /cluster/mapping/pci", Handler::Plain(|call| list(call, &PCI))),
    ("POST /cluster/mapping/pci", Handler::Plain(|call| create(call, &PCI))),
    ("GET /cluster/mapping/pci/{id}", Handler::Plain(|call| read(call, &PCI))),
    ("PUT /cluster/mapping/pci/{id}", Handler::Plain(|call| update(call, &PCI))),
    ("DELETE /cluster/mapping/pci/{id}", Handler::Plain(|call| PCI.remove(call))),
    ("GET /cluster/mapping/usb", Handler::Plain(|call| list(call, &USB))),
    ("POST /cluster/mapping/usb", Handler::Plain(|call| create(call, &USB))),
    ("GET /cluster/mapping/usb/{id}", Handler::Plain(|call| read(call, &USB))),
    ("PUT /cluster/mapping/usb/{id}", Handler::Plain(|call| update(call, &USB))),
    ("DELETE /cluster/mapping/usb/{id}", Handler::Plain(|call| USB.remove(call))),
];

const DIR: Folder = Folder {
    id: "id",
    noun: "dir mapping",
    required: &["map"],
    kind: "",
    shelf: |cluster| &cluster.mappings.dir,
    shelf_mut: |cluster| &mut cluster.mappings.dir,
    taken: |id| format!("dir ID '{id}' already defined"),
    missing: |id| format!("mapping '{id}' not found"),
};
const PCI: Folder = Folder {
    noun: "hardware mapping",
    shelf: |cluster| &cluster.mappings.pci,
    shelf_mut: |cluster| &mut cluster.mappings.pci,
    taken: |id| format!("pci ID '{id}' already defined"),
    ..DIR
};
const USB: Folder = Folder {
    noun: "hardware mapping",
    shelf: |cluster| &cluster.mappings.usb,
    shelf_mut: |cluster| &mut cluster.mappings.usb,
    taken: |id| format!("usb ID '{id}' already defined"),
    ..DIR
};

/// Returns the word for what a folder maps.
fn word(call: &Call<'_>) -> String {
    call.entry.key.split('/').nth(3).unwrap_or_default().to_owned()
}

fn list(call: &mut Call<'_>, folder: &Folder) -> Reply {
    let kind = word(call);
    let checked = call.args.get("check-node").map(str::to_owned);
    let rows = folder.rows(call).into_iter().map(|mut row| {
        row.insert("type".to_owned(), kind.as_str().into());
        if let Some(node) = &checked {
            let found = checks(&row["map"], node, &kind, &|address| has(call, address));
            row.insert("checks".to_owned(), found);
        }
        Value::from(row)
    });
    Ok(Value::from(rows.collect::<Vec<_>>()).into())
}

/// Tells whether the node has a PCI device at an address.
fn has(call: &Call<'_>, address: &str) -> bool {
    node::has_device(address) || call.state.gpus.at(address).is_some()
}

/// Returns what is wrong with a mapping on a node: there are no USB devices here, and a directory is taken as given.
fn checks(map: &Value, node: &str, kind: &str, has: &dyn Fn(&str) -> bool) -> Value {
    let entries = map.as_array().into_iter().flatten().filter_map(Value::as_str);
    let own: Vec<&str> = entries.filter(|entry| config::property(entry, "node") == Some(node)).collect();
    if own.is_empty() {
        return json!([{ "severity": "warning", "message": format!("No mapping for node {node}.") }]);
    }
    let missing = own.iter().filter(|_| kind != "dir").filter_map(|entry| {
        let path = config::property(entry, "path").or(config::property(entry, "id"))?;
        if kind == "pci" && path.split(';').all(has) {
            return None;
        }
        let text = format!("Invalid configuration: device '{path}' not found");
        Some(json!({ "severity": "error", "message": text }))
    });
    missing.collect::<Vec<_>>().into()
}

fn read(call: &mut Call<'_>, folder: &Folder) -> Reply {
    let kind = word(call);
    let section = folder.find(call)?;
    let digest = (folder.shelf)(&call.state.cluster).digest(folder.required);
    let mut row = folder.row(section, Some(&digest));
    row.insert("type".to_owned(), kind.into());
    Ok(Value::from(row).into())
}

fn create(call: &mut Call<'_>, folder: &Folder) -> Reply {
    check_maps(call)?;
    folder.create(call)
}

fn update(call: &mut Call<'_>, folder: &Folder) -> Reply {
    check_maps(call)?;
    folder.update(call)
}

/// Refuses two directories of one node under one name.
fn check_maps(call: &Call<'_>) -> Result<(), Refusal> {
    if word(call) != "dir" {
        return Ok(());
    }
    let maps = match call.args.given("map") {
        Some(crate::api::Given::List(maps)) => maps.clone(),
        Some(crate::api::Given::Text(map)) => vec![map.clone()],
        Some(crate::api::Given::Null | crate::api::Given::Table) | None => Vec::new(),
    };
    let mut nodes: Vec<&str> = maps.iter().filter_map(|map| config::property(map, "node")).collect();
    nodes.sort_unstable();
    match nodes.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Refusal::failed(format!("duplicate entry for node '{}'", pair[0]))),
        None => Ok(()),
    }
}
