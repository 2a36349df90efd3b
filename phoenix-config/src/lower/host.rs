//! The host: what the hypervisor's file says about it.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_core::SecretRef;
use serde_json::Value;

use crate::{
    cross::firewall_in_shared_volumes,
    format::{
        feature::FeatureEntry,
        hypervisor::User,
        storage::StorageEntry,
        zfs::{Dataset, RaidLevel, StorageKind, ZfsPool},
    },
    host::{Host, HostUser, NfsExport, NfsMount, PoolDecl, Route, Services, StorageDecl},
    lower::canonical_feature,
    model::{Entry, Model},
    secret::Secret,
};

/// Returns the host that the files describe.
pub(crate) fn host(model: &Model) -> Host {
    let file = &model.hypervisor;
    let network = file.network.as_ref();
    let interfaces = network.and_then(|network| network.interfaces.as_ref());
    let mut host = Host {
        domain: file.domain_name.clone(),
        timezone: file.timezone.clone(),
        addresses: interfaces.and_then(|interfaces| interfaces.address.clone()).into_iter().collect(),
        gateway: interfaces.and_then(|interfaces| interfaces.gateway.clone()),
        nameservers: interfaces.map(|interfaces| interfaces.dns_nameservers.clone()).unwrap_or_default(),
        storages: storages(model),
        pools: pools(model),
        gpus: gpus(model),
        gpu_driver: gpu_driver(model),
        installs_driver: model
            .hypervisor
            .nvidia_driver
            .as_ref()
            .is_some_and(|driver| driver.install && driver.runfile_url.is_some()),
        pci: pci(model),
        users: file.users.iter().filter_map(user).collect(),
        services: services(model),
        ..Host::default()
    };
    if let Some(name) = network.and_then(|network| network.hostname.clone()) {
        host.node = name;
    }
    host.bridges = bridges(model);
    host.os_template_storage =
        file.os_template_storage.clone().unwrap_or_else(|| first_with(&host, "vztmpl"));
    host.image_storage = file.image_storage.clone().unwrap_or_else(|| first_with(&host, "import"));
    host
}

/// Returns the quota of a dataset in bytes, if its properties limit it. ZFS takes fractions and letters of both cases.
pub(crate) fn parse_quota(properties: &str) -> Option<u64> {
    let quota = properties.split(',').find_map(|property| property.trim().strip_prefix("quota="))?;
    phoenix_core::property::parse_size(&quota.to_uppercase())
}

/// Returns the usable size of a pool in bytes: declared, or guessed from the names of its disks (`…_4TB_…`).
pub(crate) fn pool_bytes(pool: &ZfsPool) -> Option<u64> {
    if let Some(gib) = pool.size_gb {
        return Some(gib << 30);
    }
    let disks: Vec<u64> = pool.disks.iter().map(|disk| disk_bytes(disk)).collect::<Option<_>>()?;
    let (least, sum) = (*disks.iter().min()?, disks.iter().sum());
    Some(match pool.raid_level {
        RaidLevel::Mirror => least,
        RaidLevel::Raidz1 => least * (disks.len() as u64).saturating_sub(1),
        RaidLevel::Single | RaidLevel::Stripe => sum,
    })
}

/// Makers count in powers of ten.
fn disk_bytes(path: &str) -> Option<u64> {
    path.split(['_', '-', '/']).find_map(|part| {
        let (number, unit) = match (part.strip_suffix("TB"), part.strip_suffix("GB")) {
            (Some(number), _) => (number, 1e12),
            (None, Some(number)) => (number, 1e9),
            (None, None) => return None,
        };
        number.parse::<f64>().ok().map(|number| (number * unit) as u64)
    })
}

fn storages(model: &Model) -> Vec<StorageDecl> {
    let zfs = model.hypervisor.zfs.as_ref();
    let datasets = zfs.into_iter().flat_map(|zfs| &zfs.datasets).enumerate();
    let on_datasets = datasets.filter_map(|(at, entry)| dataset(at, entry));
    let others = model.hypervisor.storages.iter().enumerate().map(|(at, storage)| StorageDecl {
        name: storage.name.clone(),
        plugin: storage.plugin.clone(),
        content: contents(&storage.content),
        total_bytes: storage.size_gb.map(|gib| gib << 30),
        pool: None,
        path: storage.path.clone(),
        definition: definition(storage),
        adopt: storage.adopt,
        pointer: format!("/storages/{at}"),
    });
    on_datasets.chain(others).collect()
}

/// Returns how a storage is defined, if its entry says so.
fn definition(storage: &StorageEntry) -> Option<BTreeMap<String, String>> {
    let mut own = storage.own();
    if own.is_empty() && !storage.adopt {
        return None;
    }
    if !storage.nodes.is_empty() {
        own.insert("nodes".to_owned(), storage.nodes.join(","));
    }
    let shared = storage.shared.map(|shared| if shared { "1".to_owned() } else { String::new() });
    own.extend(shared.map(|shared| ("shared".to_owned(), shared)));
    Some(own)
}

fn pools(model: &Model) -> Vec<PoolDecl> {
    let zfs = model.hypervisor.zfs.as_ref();
    let of = |pool: &ZfsPool| {
        let datasets =
            zfs.into_iter().flat_map(|zfs| &zfs.datasets).filter(|dataset| dataset.pool == pool.name);
        datasets
            .map(|dataset| (dataset.name.clone(), dataset.properties.as_deref().and_then(parse_quota)))
            .collect()
    };
    let layout = |pool: &ZfsPool| match pool.raid_level {
        RaidLevel::Mirror => Some("mirror".to_owned()),
        RaidLevel::Raidz1 => Some("raidz1".to_owned()),
        RaidLevel::Single | RaidLevel::Stripe => None,
    };
    let pools = zfs.into_iter().flat_map(|zfs| &zfs.pools).filter(|pool| !pool.disks.is_empty());
    pools
        .map(|pool| PoolDecl {
            name: pool.name.clone(),
            layout: layout(pool),
            disks: pool.disks.clone(),
            bytes: pool_bytes(pool),
            datasets: of(pool),
        })
        .collect()
}

fn dataset(at: usize, dataset: &Dataset) -> Option<StorageDecl> {
    let plugin = match dataset.proxmox_storage_type? {
        StorageKind::Zfspool => "zfspool",
        StorageKind::Dir => "dir",
    };
    let pool = format!("{}/{}", dataset.pool, dataset.name);
    let own = match plugin {
        "zfspool" => ("pool".to_owned(), pool.clone()),
        _ => ("path".to_owned(), format!("/{pool}")),
    };
    Some(StorageDecl {
        definition: Some(BTreeMap::from([own])),
        adopt: dataset.adopt,
        pointer: format!("/zfs/datasets/{at}"),
        name: format!("{}-{}", dataset.pool, dataset.name),
        plugin: plugin.to_owned(),
        content: contents(dataset.proxmox_content_type.as_deref().unwrap_or("images,rootdir")),
        total_bytes: dataset.properties.as_deref().and_then(parse_quota),
        path: Some(format!("/{pool}")),
        pool: Some(pool),
    })
}

fn contents(text: &str) -> Vec<String> {
    text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

fn first_with(host: &Host, content: &str) -> String {
    host.storages
        .iter()
        .find(|storage| storage.plugin == "dir" && storage.content.iter().any(|has| has == content))
        .map_or_else(|| "local".to_owned(), |storage| storage.name.clone())
}

fn bridges(model: &Model) -> Vec<String> {
    let network = model.hypervisor.network.as_ref();
    let own =
        network.and_then(|network| network.interfaces.as_ref()).map(|interfaces| interfaces.name.clone());
    let defaults = [
        model.lxc.lxc_defaults.as_ref().and_then(|defaults| defaults.bridge.clone()),
        model.vm.vm_defaults.as_ref().and_then(|defaults| defaults.network_bridge.clone()),
    ];
    let mut bridges: Vec<String> = own.into_iter().chain(defaults.into_iter().flatten()).collect();
    for guest in model.guests() {
        bridges.extend(guest.networks.iter().filter_map(|(network, _)| network.bridge.clone()));
        if let Entry::Vm(vm) = guest.entry {
            bridges.extend(vm.network_bridge.clone());
        }
    }
    let mut seen = BTreeSet::new();
    bridges.retain(|bridge| seen.insert(bridge.clone()));
    if bridges.is_empty() { vec![Host::DEFAULT_BRIDGE.to_owned()] } else { bridges }
}

fn gpus(model: &Model) -> Vec<u32> {
    let assigned = model.lxc.lxc_configs.values().filter_map(|lxc| lxc.gpu_assignment.as_deref());
    let mut used: BTreeSet<u32> =
        assigned.flat_map(|gpus| gpus.split(',').filter_map(|gpu| gpu.trim().parse().ok())).collect();
    // No machine has more; what is beyond is refused where it is planned.
    let number = |value: &Value| u32::try_from(value.as_u64()?).ok().filter(|number| *number < 64);
    used.extend(of_gpu_features(model, "devices").iter().filter_map(number));
    used.into_iter().collect()
}

/// Returns the driver's version, which the file of the containers names too: the host's.
fn gpu_driver(model: &Model) -> Option<String> {
    let own = model.hypervisor.nvidia_driver.as_ref().and_then(|driver| driver.version.clone());
    own.or_else(|| model.lxc.nvidia_driver_version.clone())
}

fn pci(model: &Model) -> Vec<String> {
    let named = model.vm.vms.iter().flat_map(|vm| vm.pci.clone());
    let features = of_gpu_features(model, "pci");
    let all: BTreeSet<String> =
        named.chain(features.iter().filter_map(|value| value.as_str().map(str::to_owned))).collect();
    all.into_iter().collect()
}

/// Returns what the features `gpu` of all guests list under a key.
fn of_gpu_features(model: &Model, key: &str) -> Vec<Value> {
    let mut values = Vec::new();
    for guest in model.guests() {
        for entry in guest.features {
            if let FeatureEntry::Configured(feature) = entry
                && canonical_feature(&feature.name) == "gpu"
                && let Some(Value::Array(list)) = feature.config.get(key)
            {
                values.extend(list.iter().cloned());
            }
        }
    }
    values
}

fn user(user: &User) -> Option<HostUser> {
    (!user.username.is_empty()).then(|| HostUser {
        name: user.username.clone(),
        sudo: user.sudo_access,
        ssh_keys: user.ssh_public_key.iter().filter(|key| !key.trim().is_empty()).cloned().collect(),
        password_hash: user.password_hash.as_deref().and_then(reference),
    })
}

fn reference(text: &str) -> Option<SecretRef> {
    match Secret::read(text) {
        Secret::Reference(reference) => Some(reference),
        Secret::Unset | Secret::Plain => None,
    }
}

fn services(model: &Model) -> Services {
    let mut services = Services { certificates: model.certificates.clone(), ..Services::default() };
    let domain = model.hypervisor.domain_name.as_deref().unwrap_or("localdomain");
    let firewall = model.hypervisor.firewall.clone().or_else(|| firewall_in_shared_volumes(model));
    let firewall = firewall.as_ref();
    services.output_policy = firewall.and_then(|firewall| firewall.default_output_policy);
    services.exports = model
        .hypervisor
        .nfs
        .iter()
        .flat_map(|nfs| &nfs.exports)
        .map(|export| NfsExport {
            path: export.path.clone(),
            clients: export.clients.clone(),
            options: export.options.clone(),
        })
        .collect();
    services.input_policy = firewall.and_then(|firewall| firewall.default_input_policy);
    if let Some(firewall) = firewall.filter(|firewall| !firewall.global_firewall_rules.is_empty()) {
        services.firewall.insert(0, firewall.global_firewall_rules.clone());
    }
    let portainer = model.hypervisor.portainer_api.as_ref();
    services.portainer_password =
        portainer.and_then(|portainer| portainer.admin_password.as_deref()).and_then(reference);
    for guest in model.guests() {
        let vmid = guest.id.vmid.0;
        if let Some(route) = guest.traefik {
            services
                .routes
                .insert(vmid, Route { host: format!("{}.{domain}", route.name), port: route.port });
        }
        if let Some(firewall) = guest.firewall.filter(|firewall| firewall.enabled) {
            services.firewall.insert(vmid, firewall.rules.clone());
        }
        if let Entry::Vm(vm) = guest.entry {
            if !vm.docker_stacks.is_empty() {
                services.stacks.insert(vmid, vm.docker_stacks.clone());
            }
            let mounts: Vec<NfsMount> = vm
                .volumes
                .iter()
                .map(|volume| NfsMount {
                    server: volume.server.clone(),
                    path: volume.path.clone(),
                    target: volume.mount_point.clone(),
                })
                .collect();
            if !mounts.is_empty() {
                services.nfs.insert(vmid, mounts);
            }
        }
    }
    services
}
