//! `zpool` and `zfs`, as OpenZFS 2.3 has them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::{
    disks::{Disk, Zpool},
    sim::{
        disks,
        programs::{Ran, Run, disks::by_id},
    },
};

/// What holds where nothing was set.
const DEFAULTS: [(&str, &str); 14] = [
    ("ashift", "12"),
    ("atime", "on"),
    ("autotrim", "off"),
    ("compression", "on"),
    ("health", "ONLINE"),
    ("quota", "0"),
    ("recordsize", "131072"),
    ("referenced", "98304"),
    ("refquota", "0"),
    ("relatime", "on"),
    ("reservation", "0"),
    ("sync", "standard"),
    ("used", "98304"),
    ("xattr", "sa"),
];

pub(super) fn zpool(run: Run<'_>) -> Ran {
    let words = run.words();
    match &words[..] {
        ["list", "-j", "-p", "-o", columns] => list_json(&run, columns),
        ["list", "-H", "-o", "name", name] => match imported(&run, name) {
            Some(_) => Ran::said(format!("{name}\n")),
            None => Ran::failed(1, format!("cannot open '{name}': no such pool")),
        },
        ["status", "-j", "-P"] => status_json(&run),
        ["get", "-H", "-p", "-o", "value", property, name] => match imported(&run, name) {
            Some(pool) => Ran::said(format!("{}\n", of_pool(name, pool, property))),
            None => Ran::failed(1, format!("cannot open '{name}': no such pool")),
        },
        ["set", setting, name] => set_pool(run, setting, name),
        ["import", "-d", _] => Ran::said(importable(&run)),
        ["import", "-d", _, guid] => import(run, guid),
        ["create", rest @ ..] => create(run, rest),
        _ => Ran::failed(2, "zpool: this is not simulated"),
    }
}

pub(super) fn zfs(run: Run<'_>) -> Ran {
    let words = run.words();
    match &words[..] {
        ["list", "-j", "-p", "-t", "filesystem", "-o", columns] => {
            let mut datasets = Map::new();
            for (name, properties) in file_systems(&run) {
                let values = columns.split(',').map(|column| (column, of_dataset(properties, column)));
                let pool = name.split('/').next().unwrap_or_default();
                datasets.insert(
                    name.clone(),
                    json!({"name": name, "type": "FILESYSTEM", "pool": pool, "properties": told(values)}),
                );
            }
            Ran::said(format!("{}\n", json!({"output_version": version("zfs list"), "datasets": datasets})))
        }
        ["list", "-H", "-o", "name", name] => match file_systems(&run).any(|(path, _)| path == name) {
            true => Ran::said(format!("{name}\n")),
            false => Ran::failed(1, format!("cannot open '{name}': dataset does not exist")),
        },
        ["get", "-H", "-p", "-o", "value", property, name] => {
            match file_systems(&run).find(|(path, _)| path == name) {
                Some((_, properties)) => Ran::said(format!("{}\n", of_dataset(properties, property))),
                None => Ran::failed(1, format!("cannot open '{name}': dataset does not exist")),
            }
        }
        ["set", setting, name] => {
            let Some((key, value)) = setting.split_once('=') else { return Ran::failed(2, "missing value") };
            change(run, name, |properties| drop(properties.insert(key.to_owned(), value.to_owned())))
        }
        ["create", options @ .., name] => create_dataset(run, options, name),
        _ => Ran::failed(2, "zfs: this is not simulated"),
    }
}

fn imported<'a>(run: &'a Run<'_>, name: &str) -> Option<&'a Zpool> {
    run.world.disks().pools.get(name).filter(|pool| !pool.is_exported)
}

fn version(command: &str) -> Value {
    json!({"command": command, "vers_major": 0, "vers_minor": 1})
}

fn told<'c>(values: impl Iterator<Item = (&'c str, String)>) -> Value {
    let told = values.map(|(name, value)| {
        (name.to_owned(), json!({"value": value, "source": {"type": "LOCAL", "data": "-"}}))
    });
    Value::Object(told.collect())
}

fn default(name: &str) -> String {
    DEFAULTS
        .iter()
        .find(|(known, _)| *known == name)
        .map_or_else(|| "-".to_owned(), |(_, value)| (*value).to_owned())
}

fn of_pool(name: &str, pool: &Zpool, property: &str) -> String {
    match property {
        "name" => name.to_owned(),
        "guid" => pool.guid.to_string(),
        "capacity" => pool.capacity.to_string(),
        "size" => "1992864825344".to_owned(),
        "allocated" => (1_992_864_825_344 / 100 * pool.capacity).to_string(),
        property => pool.properties.get(property).cloned().unwrap_or_else(|| default(property)),
    }
}

fn of_dataset(properties: &BTreeMap<String, String>, property: &str) -> String {
    properties.get(property).cloned().unwrap_or_else(|| default(property))
}

fn file_systems<'a>(run: &'a Run<'_>) -> impl Iterator<Item = (&'a String, &'a BTreeMap<String, String>)> {
    let pools = run.world.disks().pools.values().filter(|pool| !pool.is_exported);
    pools.flat_map(|pool| &pool.datasets)
}

fn list_json(run: &Run<'_>, columns: &str) -> Ran {
    let mut pools = Map::new();
    for (name, pool) in run.world.disks().pools.iter().filter(|(_, pool)| !pool.is_exported) {
        let values = columns.split(',').map(|column| (column, of_pool(name, pool, column)));
        pools.insert(
            name.clone(),
            json!({"name": name, "type": "POOL", "state": "ONLINE", "properties": told(values)}),
        );
    }
    Ran::said(format!("{}\n", json!({"output_version": version("zpool list"), "pools": pools})))
}

fn status_json(run: &Run<'_>) -> Ran {
    let mut pools = Map::new();
    for (name, pool) in run.world.disks().pools.iter().filter(|(_, pool)| !pool.is_exported) {
        let leaves: Map<String, Value> = pool.disks.iter().map(|disk| {
            let path = format!("{}{disk}-part1", disks::BY_ID);
            (path.clone(), json!({"name": path, "vdev_type": "disk", "path": path, "class": "normal", "state": "ONLINE"}))
        }).collect();
        let kind = pool.layout.trim_end_matches(|c: char| c.is_ascii_digit());
        let group = format!("{}-0", pool.layout);
        let below = match kind {
            "" => Value::Object(leaves),
            kind => {
                json!({group.as_str(): {"name": group, "vdev_type": kind, "class": "normal", "vdevs": leaves}})
            }
        };
        let root =
            json!({"name": name, "vdev_type": "root", "class": "normal", "state": "ONLINE", "vdevs": below});
        pools.insert(name.clone(), json!({"name": name, "state": "ONLINE", "pool_guid": pool.guid.to_string(), "vdevs": {name.as_str(): root}}));
    }
    Ran::said(format!("{}\n", json!({"output_version": version("zpool status"), "pools": pools})))
}

fn set_pool(run: Run<'_>, setting: &str, name: &str) -> Ran {
    let Some((key, value)) = setting.split_once('=') else { return Ran::failed(2, "missing value") };
    let mut all = run.world.disks().clone();
    let Some(pool) = all.pools.get_mut(name) else { return Ran::failed(1, "no such pool") };
    pool.properties.insert(key.to_owned(), value.to_owned());
    disks::show(run.world, &all);
    Ran::default()
}

fn importable(run: &Run<'_>) -> String {
    let mut text = String::new();
    for (name, pool) in run.world.disks().pools.iter().filter(|(_, pool)| pool.is_exported) {
        text.push_str(&format!("   pool: {name}\n     id: {}\n  state: ONLINE\n", pool.guid));
        text.push_str("action: The pool can be imported using its name or numeric identifier.\nconfig:\n\n");
        text.push_str(&format!("\t{name}  ONLINE\n"));
        let mut indent = "\t  ";
        if !pool.layout.is_empty() {
            text.push_str(&format!("\t  {}-0  ONLINE\n", pool.layout));
            indent = "\t    ";
        }
        for disk in &pool.disks {
            text.push_str(&format!("{indent}{}{disk}-part1  ONLINE\n", disks::BY_ID));
        }
    }
    text
}

fn import(run: Run<'_>, guid: &str) -> Ran {
    let mut all = run.world.disks().clone();
    match all.pools.values_mut().find(|pool| pool.guid.to_string() == guid) {
        None => Ran::failed(1, format!("cannot import '{guid}': no such pool available")),
        Some(pool) => {
            pool.is_exported = false;
            disks::show(run.world, &all);
            Ran::default()
        }
    }
}

/// Makes a pool as `zpool` does without `-f`: not on a disk that something is on.
fn create(run: Run<'_>, words: &[&str]) -> Ran {
    let mut pool = Zpool::default();
    let mut root: BTreeMap<String, String> = BTreeMap::new();
    let mut words = words.iter().copied();
    let mut plain = Vec::new();
    while let Some(word) = words.next() {
        let mut setting = || words.next().and_then(|setting| setting.split_once('='));
        match word {
            "-o" => pool.properties.extend(setting().map(|(key, value)| (key.to_owned(), value.to_owned()))),
            "-O" => root.extend(setting().map(|(key, value)| (key.to_owned(), value.to_owned()))),
            word => plain.push(word),
        }
    }
    let Some((name, rest)) = plain.split_first() else { return Ran::failed(2, "missing pool name argument") };
    let (layout, paths) = match rest.split_first() {
        Some((word @ (&"mirror" | &"raidz1"), paths)) => (*word, paths),
        _ => ("", rest),
    };
    let mut all = run.world.disks().clone();
    if imported(&run, name).is_some() {
        // It was made a moment ago, by a run that died before it could tell.
        return Ran::default();
    }
    for path in paths {
        match by_id(path).and_then(|name| all.disks.get(name)) {
            None => return Ran::failed(1, format!("cannot resolve path '{path}'")),
            Some(disk) if !disk.is_empty() => {
                return Ran::failed(
                    1,
                    format!(
                        "invalid vdev specification\nuse '-f' to override the following errors:\n{path} is in use"
                    ),
                );
            }
            Some(Disk { .. }) => pool.disks.extend(by_id(path).map(str::to_owned)),
        }
    }
    pool.layout = layout.to_owned();
    pool.datasets.insert((*name).to_owned(), root);
    all.put_pool(name, pool);
    disks::show(run.world, &all);
    Ran::default()
}

fn create_dataset(run: Run<'_>, options: &[&str], name: &str) -> Ran {
    let above = name.rsplit_once('/').map_or("", |(above, _)| above).to_owned();
    if !options.contains(&"-p") && !file_systems(&run).any(|(path, _)| *path == above) {
        return Ran::failed(1, format!("cannot create '{name}': parent does not exist"));
    }
    let settings = options.iter().filter_map(|option| option.split_once('='));
    let properties: BTreeMap<String, String> =
        settings.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let mut all = run.world.disks().clone();
    let pool = name.split('/').next().unwrap_or_default();
    if let Some(pool) = all.pools.get_mut(pool) {
        for (at, _) in name.match_indices('/') {
            pool.datasets.entry(name[..at].to_owned()).or_default();
        }
        pool.datasets.entry(name.to_owned()).or_insert(properties);
    }
    disks::show(run.world, &all);
    Ran::default()
}

fn change(run: Run<'_>, name: &str, change: impl FnOnce(&mut BTreeMap<String, String>)) -> Ran {
    let mut all = run.world.disks().clone();
    match all.pools.values_mut().find_map(|pool| pool.datasets.get_mut(name)) {
        None => return Ran::failed(1, format!("cannot open '{name}': dataset does not exist")),
        Some(properties) => change(properties),
    }
    disks::show(run.world, &all);
    Ran::default()
}
