//! Disks and drivers of the host: pools, datasets, GPUs.

use phoenix_core::Diagnostic;
use serde_json::{Map, Value, json};

use super::Uses;
use crate::{
    format::zfs::{Dataset, RaidLevel, Zfs, ZfsPool},
    model::{HYPERVISOR_FILE, Spot},
};

/// Adds the features that follow.
pub(super) fn add(uses: &mut Uses<'_, '_>) {
    // A leave that stays in a file would be given once and used for ever.
    let configs =
        uses.uses.iter_mut().filter(|one| one.name == "zfs").filter_map(|one| one.config.as_object_mut());
    if configs.filter_map(|config| config.remove("wipe_disks")).count() > 0 {
        let message = "`wipe_disks` cannot stand in a file: it would hold for every run";
        let finding =
            Diagnostic::error("wipe-in-file", message).with_hint("`phoenix setup --wipe-disks DISK`");
        uses.context.findings.push(Spot::new(HYPERVISOR_FILE, "/features").put(finding));
    }
    if let Some(zfs) = uses.context.model.hypervisor.zfs.clone() {
        pools(uses, &zfs);
    }
}

fn pools(uses: &mut Uses<'_, '_>, zfs: &Zfs) {
    let Some(config) = uses.feature("zfs", "/zfs") else { return };
    let allows = zfs.settings.as_ref().is_some_and(|settings| settings.allow_destructive_operations);
    let mut add = |key: &str, value: Value| {
        config.entry(key).or_insert(value);
    };
    if let Some(gib) = zfs.arc_max_gb {
        add("arc_max_gb", gib.into());
    }
    add("pools", zfs.pools.iter().map(pool).collect());
    add("datasets", zfs.datasets.iter().map(dataset).collect());
    if allows {
        add("allow_destructive_operations", true.into());
    }
}

fn pool(pool: &ZfsPool) -> Value {
    let layout = match pool.raid_level {
        RaidLevel::Mirror => "mirror",
        RaidLevel::Raidz1 => "raidz1",
        RaidLevel::Single if pool.disks.len() < 2 => "single",
        RaidLevel::Single | RaidLevel::Stripe => "stripe",
    };
    let mut value = json!({ "name": pool.name, "layout": layout, "disks": pool.disks });
    if let Some(ashift) = pool.ashift {
        value["ashift"] = ashift.into();
    }
    if let Some(properties) = &pool.properties {
        value["properties"] = properties_of(properties);
    }
    value
}

fn dataset(dataset: &Dataset) -> Value {
    let properties = dataset.properties.as_deref().map(properties_of).unwrap_or_else(|| json!({}));
    json!({ "pool": dataset.pool, "name": dataset.name, "properties": properties })
}

/// Returns `key=value` pairs with commas between them as a map.
fn properties_of(text: &str) -> Value {
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    Value::Object(
        pairs.map(|(key, value)| (key.trim().to_owned(), value.trim().into())).collect::<Map<_, _>>(),
    )
}
