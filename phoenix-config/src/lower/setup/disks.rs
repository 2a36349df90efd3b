//! Disks and drivers of the host: pools, datasets, GPUs.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_core::Diagnostic;
use serde_json::{Map, Value, json};

use super::Uses;
use crate::{
    format::{
        feature::FeatureEntry,
        hypervisor::KernelModules,
        zfs::{Dataset, RaidLevel, Zfs, ZfsPool},
    },
    lower::canonical_feature,
    model::{Entry, HYPERVISOR_FILE, Spot},
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
    driver(uses);
    passthrough(uses);
}

fn driver(uses: &mut Uses<'_, '_>) {
    let model = uses.context.model;
    let Some(driver) = model.hypervisor.nvidia_driver.as_ref().filter(|driver| driver.install) else {
        return;
    };
    let version = uses.context.host.gpu_driver.clone().unwrap_or_default();
    let Some(config) = uses.feature("nvidia-driver", "/nvidia_driver") else { return };
    let mut add = |key: &str, value: Value| {
        config.entry(key).or_insert(value);
    };
    add("version", version.as_str().into());
    if let (Some(url), Some(sha256)) = (&driver.runfile_url, &driver.runfile_sha256) {
        let runfile = json!({"name": "nvidia-driver", "version": version, "source": {"url": url}, "sha256": sha256.to_lowercase()});
        add("runfile", runfile);
    }
    if let Some(modules) = driver.kernel_modules {
        let word = match modules {
            KernelModules::Open => "open",
            KernelModules::Proprietary => "proprietary",
        };
        add("modules", word.into());
    }
    if !driver.module_options.is_empty() {
        add("options", json!(driver.module_options));
    }
}

/// Adds what virtual machines have of the host's devices. Those with names are mapped, and Proxmox VE knows where they are.
fn passthrough(uses: &mut Uses<'_, '_>) {
    let mut devices: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut shared: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for guest in uses.context.guests.iter().filter(|guest| !guest.is_template) {
        let id = guest.id.resource().to_string();
        let listed = |key: &str| {
            guest.features.iter().filter_map(|entry| feature_list(entry, key)).flatten().collect::<Vec<_>>()
        };
        match guest.entry {
            Entry::Vm(vm) => {
                let all = vm.pci.iter().cloned().chain(listed("pci"));
                for device in all.filter(|device| device.contains(':')) {
                    devices.entry(device).or_default().insert(id.clone());
                }
            }
            Entry::Lxc(lxc) => {
                let assigned =
                    lxc.gpu_assignment.as_deref().filter(|text| *text != "none").unwrap_or_default();
                let assigned = assigned.split(',').map(|number| number.trim().to_owned());
                for number in assigned.chain(listed("devices")).filter(|number| number.parse::<u32>().is_ok())
                {
                    shared.entry(number).or_default().insert(id.clone());
                }
            }
        }
    }
    if devices.is_empty() {
        return;
    }
    let Some(config) = uses.feature("vfio", "") else { return };
    let devices: Vec<Value> =
        devices.iter().map(|(address, by)| json!({"address": address, "by": by})).collect();
    config.entry("devices").or_insert_with(|| devices.into());
    config.entry("shared").or_insert_with(|| json!(shared));
}

/// Returns what a feature `gpu` lists under a key.
fn feature_list(entry: &FeatureEntry, key: &str) -> Option<Vec<String>> {
    let FeatureEntry::Configured(feature) = entry else { return None };
    if canonical_feature(&feature.name) != "gpu" {
        return None;
    }
    let list = feature.config.get(key)?.as_array()?;
    Some(list.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).collect())
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
