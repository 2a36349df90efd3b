//! What is configured against what is in force.

use serde_json::{Map, Value};

use crate::{
    api::{
        Call,
        folder::Folder,
        reply::{Refusal, Reply},
    },
    state::{
        cluster::sdn::Layout,
        sections::{Section, Sections},
    },
};

/// Which part of the layout a folder is.
pub(super) type Part = fn(&Layout) -> &Sections;

/// Answers with all entries of a folder: as configured, as in force, or as they differ.
pub(super) fn list(
    call: &Call<'_>,
    folder: &Folder,
    part: Part,
    dress: fn(&Section, &mut Map<String, Value>),
) -> Reply {
    let rows = rows(call, folder, part, dress);
    let wanted = call.args.get("type");
    let rows = rows.into_iter().filter(|(section, _)| wanted.is_none_or(|kind| section.kind == kind));
    Ok(Value::from(rows.map(|(_, row)| Value::from(row)).collect::<Vec<_>>()).into())
}

/// Answers with one entry of a folder.
pub(super) fn read(
    call: &Call<'_>,
    folder: &Folder,
    part: Part,
    dress: fn(&Section, &mut Map<String, Value>),
) -> Reply {
    let id = call.args.text(folder.id);
    let found = rows(call, folder, part, dress).into_iter().find(|(section, _)| section.id == id);
    let (_, row) = found.ok_or_else(|| Refusal::failed((folder.missing)(id)))?;
    Ok(Value::from(row).into())
}

/// Returns the rows of a folder.
pub(super) fn rows(
    call: &Call<'_>,
    folder: &Folder,
    part: Part,
    dress: fn(&Section, &mut Map<String, Value>),
) -> Vec<(Section, Map<String, Value>)> {
    let sdn = &call.state.cluster.sdn;
    let (configured, running) = (part(&sdn.config), part(&sdn.running));
    let dressed = |section: &Section, digest: &str| {
        let mut row = folder.row(section, Some(digest));
        dress(section, &mut row);
        (section.clone(), row)
    };
    if call.args.flag("pending") {
        let new = configured.iter().map(|section| {
            let mut row = differ(folder, section, running.get(&section.id));
            dress(section, &mut row);
            (section.clone(), row)
        });
        let gone = running.iter().filter(|section| configured.get(&section.id).is_none()).map(|section| {
            let mut row = folder.row(section, None);
            row.insert("state".to_owned(), "deleted".into());
            row.insert("digest".to_owned(), Value::Null);
            dress(section, &mut row);
            (section.clone(), row)
        });
        return new.chain(gone).collect();
    }
    if call.args.flag("running") {
        return running
            .iter()
            .map(|section| {
                let (section, mut row) = dressed(section, "");
                row.remove("digest");
                (section, row)
            })
            .collect();
    }
    let digest = configured.digest(folder.required);
    configured.iter().map(|section| dressed(section, &digest)).collect()
}

/// Returns a configured entry with what waits to be applied apart.
fn differ(folder: &Folder, section: &Section, running: Option<&Section>) -> Map<String, Value> {
    let mut row = Map::new();
    let mut waiting = Map::new();
    row.insert(folder.id.to_owned(), section.id.as_str().into());
    row.insert("type".to_owned(), section.kind.as_str().into());
    row.insert("digest".to_owned(), Value::Null);
    for (key, value) in &section.values {
        match running.and_then(|running| running.values.get(key)) {
            Some(old) => {
                row.insert(key.clone(), old.clone());
                if old != value {
                    waiting.insert(key.clone(), value.clone());
                }
            }
            None => drop(waiting.insert(key.clone(), value.clone())),
        }
    }
    for (key, value) in running.into_iter().flat_map(|running| &running.values) {
        if !section.values.contains_key(key) {
            row.insert(key.clone(), value.clone());
            waiting.insert(key.clone(), "deleted".into());
        }
    }
    match running {
        None => drop(row.insert("state".to_owned(), "new".into())),
        Some(_) if !waiting.is_empty() => drop(row.insert("state".to_owned(), "changed".into())),
        Some(_) => {}
    }
    if !waiting.is_empty() || running.is_none() {
        row.insert("pending".to_owned(), waiting.into());
    }
    row
}

/// Adds nothing to a row.
pub(super) fn plain(_section: &Section, _row: &mut Map<String, Value>) {}
