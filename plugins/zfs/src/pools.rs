//! The pools that the host has imported, and those that it could import. OpenZFS tells of them as JSON from 2.3 on, and before
//! only as text.

use std::collections::BTreeMap;

use phoenix_core::{Draft, Evidence, Probe};
use serde_json::Value;

/// What is asked of every pool, before the properties that the configuration names.
const COLUMNS: &str = "name,size,allocated,capacity,health,guid,ashift";

/// A pool that is imported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// What `zpool list` says, column by column.
    pub(crate) columns: BTreeMap<String, String>,
    /// The groups of its disks, without those for logs, caches and spares.
    pub(crate) groups: Vec<Group>,
}

/// Disks of a pool that stand together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// How: `disk`, `mirror`, `raidz1`, ….
    pub(crate) kind: String,
    /// Their paths, or those of their partitions.
    pub(crate) leaves: Vec<String>,
}

/// A pool that could be imported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Importable {
    pub(crate) name: String,
    pub(crate) guid: String,
    pub(crate) state: String,
    /// Something is wrong with it, or somebody else had it last.
    pub(crate) status: Option<String>,
    pub(crate) groups: Vec<Group>,
}

/// Returns the pools that are imported, with these properties; none if they cannot be read.
pub(crate) fn imported(draft: &Draft<'_>, properties: &[String]) -> Option<BTreeMap<String, Found>> {
    let columns = columns(properties);
    let mut pools = match said(draft, &["zpool", "list", "-j", "-p", "-o", &columns])? {
        Ok(text) => of_json(text)?,
        Err(()) => {
            let text = said(draft, &["zpool", "list", "-H", "-p", "-o", &columns])?.ok()?;
            of_table(text, &columns)
        }
    };
    let mut groups = match said(draft, &["zpool", "status", "-j", "-P"])? {
        Ok(text) => groups_of_json(text)?,
        Err(()) => {
            let text = said(draft, &["zpool", "status", "-P"])?.ok()?;
            importable_of(text).into_iter().map(|pool| (pool.name, pool.groups)).collect()
        }
    };
    for (name, pool) in &mut pools {
        pool.groups = groups.remove(name)?;
    }
    Some(pools)
}

/// Returns the pools that could be imported; none if they cannot be read.
pub(crate) fn importable(draft: &Draft<'_>) -> Option<Vec<Importable>> {
    match said(draft, &["zpool", "import", "-d", "/dev/disk/by-id"])? {
        Ok(text) => Some(importable_of(text)),
        // That there are none is a failure to some versions.
        Err(()) => Some(Vec::new()),
    }
}

/// Returns what a command says, or that it failed; none while it has not been asked.
pub(crate) fn said<'a>(draft: &Draft<'a>, argv: &[&str]) -> Option<Result<&'a str, ()>> {
    match draft.ask(Probe::command(draft.site(), argv.iter().copied()))? {
        Evidence::Output { status: 0, stdout, .. } => Some(Ok(stdout)),
        Evidence::Output { .. } => Some(Err(())),
        _ => None,
    }
}

fn columns(properties: &[String]) -> String {
    let mut columns = COLUMNS.to_owned();
    for property in properties {
        columns.push(',');
        columns.push_str(property);
    }
    columns
}

fn of_json(text: &str) -> Option<BTreeMap<String, Found>> {
    if text.trim().is_empty() {
        return Some(BTreeMap::new());
    }
    let value: Value = serde_json::from_str(text).ok()?;
    let pools = value["pools"].as_object().map(|pools| {
        pools
            .iter()
            .map(|(name, pool)| (name.clone(), Found { columns: properties_of(pool), ..Found::default() }))
    });
    Some(pools.into_iter().flatten().collect())
}

/// Returns the properties of an object as OpenZFS writes them: `{"quota": {"value": "0", "source": {…}}}`.
pub(crate) fn properties_of(object: &Value) -> BTreeMap<String, String> {
    let properties = object["properties"].as_object().into_iter().flatten();
    properties.filter_map(|(name, property)| Some((name.clone(), word(&property["value"])?))).collect()
}

fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn of_table(text: &str, columns: &str) -> BTreeMap<String, Found> {
    rows(text, columns)
        .into_iter()
        .map(|(name, columns)| (name, Found { columns, ..Found::default() }))
        .collect()
}

/// Returns the rows of a table without a head, by their first column.
pub(crate) fn rows(text: &str, columns: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let names: Vec<&str> = columns.split(',').collect();
    text.lines()
        .filter_map(|line| {
            let values: Vec<&str> = line.split('\t').collect();
            let row: BTreeMap<String, String> = names
                .iter()
                .zip(&values)
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            (values.len() == names.len()).then(|| (values[0].to_owned(), row))
        })
        .collect()
}

fn groups_of_json(text: &str) -> Option<BTreeMap<String, Vec<Group>>> {
    if text.trim().is_empty() {
        return Some(BTreeMap::new());
    }
    let value: Value = serde_json::from_str(text).ok()?;
    let pools = value["pools"].as_object().into_iter().flatten();
    Some(
        pools
            .map(|(name, pool)| {
                let roots = pool["vdevs"].as_object().into_iter().flatten();
                let groups = roots.flat_map(|(_, root)| vdevs(root).map(|(name, vdev)| group(name, vdev)));
                (name.clone(), groups.collect())
            })
            .collect(),
    )
}

fn vdevs(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value["vdevs"].as_object().into_iter().flatten()
}

fn group(name: &str, vdev: &Value) -> Group {
    let mut leaves: Vec<String> = Vec::new();
    collect_leaves(name, vdev, &mut leaves);
    let kind = match vdev["vdev_type"].as_str().unwrap_or("disk") {
        // The number of disks that may fail stands in the name alone.
        "raidz" => name.split('-').next().unwrap_or("raidz").to_owned(),
        kind => kind.to_owned(),
    };
    Group { kind, leaves }
}

fn collect_leaves(name: &str, vdev: &Value, leaves: &mut Vec<String>) {
    if vdevs(vdev).next().is_none() {
        leaves.push(vdev["path"].as_str().unwrap_or(name).to_owned());
    }
    for (name, child) in vdevs(vdev) {
        collect_leaves(name, child, leaves);
    }
}

/// Reads what `zpool import` and `zpool status` say to people.
fn importable_of(text: &str) -> Vec<Importable> {
    let mut pools: Vec<Importable> = Vec::new();
    let mut is_config = false;
    let mut is_apart = false;
    for line in text.lines() {
        let field = line.trim_start().split_once(':').map(|(key, value)| (key, value.trim()));
        match field.filter(|_| !line.starts_with('\t')) {
            Some(("pool", name)) => {
                pools.push(Importable { name: name.to_owned(), ..Importable::default() });
                (is_config, is_apart) = (false, false);
            }
            Some((key @ ("id" | "state" | "status"), value)) => {
                let Some(pool) = pools.last_mut() else { continue };
                match key {
                    "id" => pool.guid = value.to_owned(),
                    "state" => pool.state = value.to_owned(),
                    _ => pool.status = Some(value.to_owned()),
                }
            }
            Some(("config", _)) => is_config = true,
            Some(("errors", _)) => is_config = false,
            Some(_) | None if is_config => {
                let Some(pool) = pools.last_mut() else { continue };
                take_row(pool, line, &mut is_apart);
            }
            Some(_) | None => {}
        }
    }
    pools
}

/// Takes in a row of a pool's tree: the pool itself, a group two columns further in, a disk another two.
fn take_row(pool: &mut Importable, line: &str, is_apart: &mut bool) {
    let Some(row) = line.strip_prefix('\t') else { return };
    let depth = (row.len() - row.trim_start().len()) / 2;
    let Some(name) = row.split_whitespace().next().filter(|name| *name != "NAME") else { return };
    if depth == 0 {
        // Logs, caches and spares have heads of their own beside the pool's.
        *is_apart = name != pool.name;
        return;
    }
    if *is_apart {
        return;
    }
    let kind = name.rsplit_once('-').map_or("disk", |(kind, number)| match number.parse::<u32>() {
        Ok(_) if kind == "mirror" || kind.starts_with("raidz") || kind.starts_with("draid") => kind,
        Ok(_) | Err(_) => "disk",
    });
    match (depth, kind, pool.groups.last_mut()) {
        (1, "disk", _) => pool.groups.push(Group { kind: "disk".to_owned(), leaves: vec![name.to_owned()] }),
        (1, kind, _) => pool.groups.push(Group { kind: kind.to_owned(), leaves: Vec::new() }),
        (_, "disk", Some(group)) => group.leaves.push(name.to_owned()),
        (..) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "  pool: tank\n state: ONLINE\n  scan: none requested\nconfig:\n\n\tNAME                              STATE     READ WRITE CKSUM\n\ttank                              ONLINE       0     0     0\n\t  mirror-0                        ONLINE       0     0     0\n\t    /dev/disk/by-id/nvme-A-part1  ONLINE       0     0     0\n\t    /dev/disk/by-id/nvme-B-part1  ONLINE       0     0     0\n\tlogs\t\n\t  /dev/disk/by-id/nvme-C-part1    ONLINE       0     0     0\n\nerrors: No known data errors\n";

    #[test]
    fn the_tree_for_people_is_read_without_logs() {
        let pools = importable_of(STATUS);
        let leaves = ["A", "B"].map(|name| format!("/dev/disk/by-id/nvme-{name}-part1")).to_vec();
        assert_eq!(pools[0].groups, [Group { kind: "mirror".into(), leaves }]);
        assert_eq!((pools[0].name.as_str(), pools[0].state.as_str()), ("tank", "ONLINE"));
    }

    #[test]
    fn a_table_has_a_row_a_pool() {
        let pools = of_table("tank\t100\t80\t80\tONLINE\t1\t12\n", COLUMNS);
        assert_eq!(pools["tank"].columns["capacity"], "80");
        assert!(of_table("", COLUMNS).is_empty());
    }
}
