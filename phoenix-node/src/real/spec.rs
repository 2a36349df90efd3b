//! From a container's configuration, as Proxmox VE writes it, to what it shall be on this machine.

use std::collections::BTreeMap;

use phoenix_sandbox::{ContainerSpec, Mount, MountSource, Net};

use crate::state::{
    config::{property, split_index, volume_of},
    volume::parse_size,
};

/// Returns what a container shall be, or why it cannot be so here.
pub(super) fn container(
    vmid: u32,
    config: &BTreeMap<String, String>,
    raw: &[(String, String)],
) -> Result<ContainerSpec, String> {
    let get = |key: &str| config.get(key).map(String::as_str);
    let number = |key: &str| get(key).and_then(|text| text.trim().parse::<u64>().ok());
    let features = get("features").unwrap_or_default();
    let root = get("rootfs").map(volume_of).filter(|volid| volid.contains(':'));
    let root = root.ok_or("the engine `lxc` needs a root file system on a storage")?;
    let percent =
        get("cpulimit").and_then(|text| text.trim().parse::<f64>().ok()).filter(|limit| *limit > 0.0);
    Ok(ContainerSpec {
        vmid,
        hostname: get("hostname").map_or_else(|| format!("CT{vmid}"), str::to_owned),
        unprivileged: get("unprivileged") == Some("1"),
        root: disk_id(root),
        mounts: mounts(config)?,
        nets: nets(config),
        memory: number("memory").unwrap_or(512) << 20,
        swap: number("swap").unwrap_or(512) << 20,
        cores: number("cores").and_then(|cores| u32::try_from(cores).ok()),
        // At most 8192 CPUs: far below what does not fit.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive and small")]
        cpu_percent: percent.map(|limit| (limit.min(8192.0) * 100.0) as u32),
        cpu_shares: number("cpuunits").and_then(|units| u32::try_from(units).ok()),
        nesting: property(features, "nesting") == Some("1"),
        nfs: property(features, "mount").is_some_and(|kinds| kinds.split(';').any(|kind| kind == "nfs")),
        devices: devices(config),
        raw: raw.to_vec(),
        nameservers: get("nameserver").unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
        search_domain: get("searchdomain").map(str::to_owned),
        timezone: get("timezone").filter(|zone| *zone != "host").map(str::to_owned),
    })
}

/// Returns the name of the disk that a volume is: the same before and after it has become a base.
pub(super) fn disk_id(volid: &str) -> String {
    let (storage, _) = volid.split_once(':').unwrap_or(("", volid));
    let name = volid.rsplit(['/', ':']).next().unwrap_or(volid);
    let stem = name.split('.').next().unwrap_or(name);
    // On a storage of files both can be there, and are not the same: one has a limit, the other none.
    let ending = if volid.ends_with(".subvol") { ".subvol" } else { "" };
    // `subvol-101-disk-0`, `basevol-101-disk-0`, `vm-101-disk-0`, `base-101-disk-0`: the word is no part of what it is.
    let bare = stem.split_once('-').map_or(stem, |(_, rest)| rest);
    format!("{storage}_{bare}{ending}")
}

/// Returns what a disk may hold; nothing where it has no limit.
pub(super) fn size_of(value: &str) -> u64 {
    property(value, "size").and_then(|text| parse_size(text, 0)).unwrap_or(0)
}

fn mounts(config: &BTreeMap<String, String>) -> Result<Vec<Mount>, String> {
    let mut found = Vec::new();
    for (key, value) in config {
        let ("mp", Some(_)) = split_index(key) else { continue };
        let target =
            property(value, "mp").ok_or_else(|| format!("`{key}` does not say where it is mounted"))?;
        let volume = volume_of(value);
        let source = match volume.starts_with('/') {
            true => MountSource::Path(volume.to_owned()),
            false => MountSource::Volume { id: disk_id(volume), size: size_of(value) },
        };
        let read_only = property(value, "ro") == Some("1");
        found.push(Mount { target: target.to_owned(), source, read_only });
    }
    // What is mounted inside another mount comes after it.
    found.sort_by(|one, other| one.target.cmp(&other.target));
    Ok(found)
}

fn nets(config: &BTreeMap<String, String>) -> Vec<Net> {
    let cards = config.iter().filter_map(|(key, value)| match split_index(key) {
        ("net", Some(index)) => Some((index, value)),
        _ => None,
    });
    cards
        .map(|(index, value)| {
            let get = |key: &str| property(value, key).map(str::to_owned);
            // `dhcp`, `auto` and `manual` are for the guest to see to.
            let fixed = |key: &str| get(key).filter(|text| text.contains('/'));
            Net {
                index,
                name: get("name").unwrap_or_else(|| format!("eth{index}")),
                bridge: get("bridge"),
                mac: get("hwaddr"),
                addresses: fixed("ip").into_iter().chain(fixed("ip6")).collect(),
                gateways: get("gw").into_iter().chain(get("gw6")).collect(),
                mtu: get("mtu").and_then(|mtu| mtu.parse().ok()),
            }
        })
        .collect()
}

fn devices(config: &BTreeMap<String, String>) -> Vec<String> {
    let values = config.iter().filter(|(key, _)| matches!(split_index(key), ("dev", Some(_))));
    values
        .filter_map(|(_, value)| property(value, "path").or_else(|| value.split(',').next()))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn a_disk_keeps_its_name_when_it_becomes_a_base() {
        for volid in [
            "pool:subvol-900-disk-0",
            "pool:basevol-900-disk-0",
            "pool:vm-900-disk-0",
            "pool:basevol-100-disk-0/subvol-900-disk-0",
            "pool:900/vm-900-disk-0.raw",
        ] {
            assert_eq!(disk_id(volid), "pool_900-disk-0", "{volid}");
        }
        assert_eq!(disk_id("local:900/subvol-900-disk-0.subvol"), "local_900-disk-0.subvol");
    }

    #[test]
    fn a_configuration_becomes_a_container() {
        let config = config(&[
            ("hostname", "gw"),
            ("rootfs", "pool:subvol-101-disk-0,size=8G"),
            ("unprivileged", "1"),
            ("memory", "256"),
            ("cpulimit", "0.5"),
            ("features", "keyctl=1,nesting=1"),
            (
                "net0",
                "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01,ip=10.0.0.153/24,gw=10.0.0.1,type=veth",
            ),
            ("net1", "name=eth1,bridge=vmbr1,ip=dhcp,type=veth"),
            ("mp0", "/srv/data,mp=/data,ro=1"),
            ("mp1", "pool:subvol-101-disk-1,mp=/data/more,size=1G"),
            ("dev0", "/dev/fuse,mode=0666"),
        ]);
        let spec = container(101, &config, &[]).unwrap();
        assert_eq!(spec.root, "pool_101-disk-0");
        assert_eq!((spec.memory, spec.cpu_percent, spec.nesting), (256 << 20, Some(50), true));
        assert_eq!(spec.nets[0].addresses, ["10.0.0.153/24"]);
        assert!(spec.nets[1].addresses.is_empty());
        let volume = MountSource::Volume { id: "pool_101-disk-1".to_owned(), size: 1 << 30 };
        assert_eq!(spec.mounts[1].source, volume);
        assert!(spec.mounts[0].read_only);
        assert_eq!(spec.devices, ["/dev/fuse"]);
    }
}
