//! The calls on what a node is made of: its disks, its devices, what its processor and QEMU can do, and what it finds
//! on other machines.

use serde_json::{Value, json};

use crate::{
    api::{
        Call,
        reply::{Refusal, Reply},
        router::{Handler, Routes},
    },
    state::volume::Plugin,
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /nodes/{node}/disks/list", Handler::Plain(disks)),
    ("GET /nodes/{node}/disks/smart", Handler::Plain(smart)),
    ("GET /nodes/{node}/disks/directory", Handler::Plain(directories)),
    ("GET /nodes/{node}/disks/lvm", Handler::Plain(groups)),
    ("GET /nodes/{node}/disks/lvmthin", Handler::Plain(thin_pools)),
    ("GET /nodes/{node}/disks/zfs", Handler::Plain(pools)),
    ("GET /nodes/{node}/hardware/pci", Handler::Plain(devices)),
    ("GET /nodes/{node}/hardware/pci/{pci-id-or-mapping}/mdev", Handler::Plain(nothing)),
    ("GET /nodes/{node}/hardware/usb", Handler::Plain(nothing)),
    ("GET /nodes/{node}/capabilities/qemu/cpu", Handler::Plain(processors)),
    ("GET /nodes/{node}/capabilities/qemu/cpu-flags", Handler::Plain(flags)),
    ("GET /nodes/{node}/capabilities/qemu/machines", Handler::Plain(machines)),
    ("GET /nodes/{node}/capabilities/qemu/migration", Handler::Plain(migration)),
    ("GET /nodes/{node}/scan/zfs", Handler::Plain(scan_pools)),
    ("GET /nodes/{node}/scan/lvm", Handler::Plain(scan_groups)),
    ("GET /nodes/{node}/scan/lvmthin", Handler::Plain(scan_thin_pools)),
    ("GET /nodes/{node}/scan/nfs", Handler::Plain(out_of_reach)),
    ("GET /nodes/{node}/scan/cifs", Handler::Plain(out_of_reach)),
    ("GET /nodes/{node}/scan/iscsi", Handler::Plain(out_of_reach)),
    ("GET /nodes/{node}/scan/pbs", Handler::Plain(out_of_reach)),
];

const DISK: &str = "/dev/vda";
/// PCI devices: address, class, device, name.
const DEVICES: &[(&str, &str, &str, &str)] = &[
    ("0000:00:01.0", "0xffff00", "0x1045", "Virtio 1.0 balloon"),
    ("0000:00:02.0", "0x018000", "0x1042", "Virtio 1.0 block device"),
    ("0000:00:03.0", "0x020000", "0x1041", "Virtio 1.0 network device"),
    ("0000:00:04.0", "0xffff00", "0x1053", "Virtio 1.0 socket"),
];
/// Models of processors and their vendors.
const PROCESSORS: &[(&str, &str)] = &[
    ("Broadwell", "GenuineIntel"),
    ("Cascadelake-Server", "GenuineIntel"),
    ("Cooperlake", "GenuineIntel"),
    ("EPYC", "AuthenticAMD"),
    ("EPYC-Genoa", "AuthenticAMD"),
    ("EPYC-Milan", "AuthenticAMD"),
    ("EPYC-Rome", "AuthenticAMD"),
    ("Haswell", "GenuineIntel"),
    ("Icelake-Server", "GenuineIntel"),
    ("IvyBridge", "GenuineIntel"),
    ("Nehalem", "GenuineIntel"),
    ("Opteron_G5", "AuthenticAMD"),
    ("SandyBridge", "GenuineIntel"),
    ("SapphireRapids", "GenuineIntel"),
    ("Skylake-Client", "GenuineIntel"),
    ("Skylake-Server", "GenuineIntel"),
    ("Westmere", "GenuineIntel"),
    ("host", "default"),
    ("kvm32", "default"),
    ("kvm64", "default"),
    ("max", "default"),
    ("qemu32", "default"),
    ("qemu64", "default"),
    ("x86-64-v2", "default"),
    ("x86-64-v2-AES", "default"),
    ("x86-64-v3", "default"),
    ("x86-64-v4", "default"),
];
/// Processor flags that a machine can be given.
const FLAGS: &[(&str, &str)] = &[
    ("aes", "Activate AES instruction set for HW acceleration."),
    ("pcid", "Meltdown fix cost reduction on Westmere, Sandy-, and IvyBridge Intel CPUs"),
    ("pdpe1gb", "Allow guest OS to use 1GB size pages, if host HW supports it"),
    ("spec-ctrl", "Allows improved Spectre mitigation with Intel CPUs"),
    ("ssbd", "Protection for \"Speculative Store Bypass\" for Intel models"),
];
const VERSIONS: &[&str] = &["10.1", "10.0", "9.2", "9.1", "9.0", "8.2", "8.1", "8.0", "7.2"];

fn nothing(_call: &mut Call<'_>) -> Reply {
    Ok(json!([]).into())
}

fn disks(call: &mut Call<'_>) -> Reply {
    if call.args.get("type").is_some() {
        // The only disk is in use.
        return nothing(call);
    }
    let size = call.state.storages.get("local").map_or(0, |storage| storage.total);
    Ok(json!([{ "devpath": DISK, "size": size, "used": "mounted", "mounted": 1, "gpt": 0, "type": "unknown", "rpm": -1,
        "model": "unknown", "serial": "unknown", "vendor": "0x1af4", "wwn": "unknown", "health": "UNKNOWN",
        "wearout": "N/A", "osdid": -1, "osdid-list": null }])
    .into())
}

fn smart(call: &mut Call<'_>) -> Reply {
    let disk = call.args.text("disk");
    match disk == DISK {
        true => Ok(json!({ "health": "UNKNOWN", "type": "text", "text": "" }).into()),
        false => Err(Refusal::failed(format!("disk {disk} does not exist"))),
    }
}

/// Returns an option of all storages of a kind.
fn of_storages(call: &Call<'_>, plugin: Plugin, key: &str) -> Vec<(String, u64)> {
    let storages = call.state.storages.values().filter(|storage| storage.kind() == plugin);
    storages.filter_map(|storage| Some((storage.option(key)?.to_owned(), storage.total))).collect()
}

fn directories(_call: &mut Call<'_>) -> Reply {
    // Directories that the node itself mounted from a disk of their own: it has but one disk.
    Ok(json!([]).into())
}

fn groups(call: &mut Call<'_>) -> Reply {
    let rows: Vec<Value> = of_storages(call, Plugin::Thick, "vgname")
        .into_iter()
        .map(|(name, size)| {
            let below = json!([{ "name": DISK, "size": size, "free": 0, "leaf": 1 }]);
            json!({ "name": name, "size": size, "free": 0, "lvcount": 0, "leaf": 0, "children": below })
        })
        .collect();
    Ok(json!({ "leaf": 0, "children": rows }).into())
}

fn thin_pools(call: &mut Call<'_>) -> Reply {
    let rows: Vec<Value> = call
        .state
        .storages
        .values()
        .filter(|storage| storage.plugin == "lvmthin")
        .map(|storage| {
            json!({ "lv": storage.option("thinpool"), "vg": storage.option("vgname"), "lv_size": storage.total,
                "used": 0, "metadata_size": storage.total / 1000, "metadata_used": 0 })
        })
        .collect();
    Ok(Value::from(rows).into())
}

fn pools(call: &mut Call<'_>) -> Reply {
    let rows: Vec<Value> = of_storages(call, Plugin::Zfs, "pool")
        .into_iter()
        .map(|(name, size)| {
            let pool = name.split('/').next().unwrap_or(&name);
            json!({ "name": pool, "size": size, "alloc": 0, "free": size, "frag": 0, "dedup": 1.0, "health": "ONLINE" })
        })
        .collect();
    Ok(Value::from(rows).into())
}

/// Tells whether there is a device at an address that every node has.
pub(crate) fn has_device(address: &str) -> bool {
    DEVICES.iter().any(|(id, ..)| *id == address || id.strip_prefix("0000:") == Some(address))
}

fn devices(call: &mut Call<'_>) -> Reply {
    let rows = DEVICES.iter().map(|(id, class, device, name)| {
        json!({ "id": id, "class": class, "device": device, "device_name": name, "iommugroup": -1, "vendor": "0x1af4",
            "vendor_name": "Red Hat, Inc.", "subsystem_vendor": "0x1af4", "subsystem_device": device,
            "subsystem_vendor_name": "Red Hat, Inc." })
    });
    let cards = (0..).zip(call.state.gpus.cards.values()).map(|(group, card)| {
        json!({ "id": card.address, "class": "0x030000", "device": "0x2d04", "device_name": card.name,
            "iommugroup": group, "vendor": "0x10de", "vendor_name": "NVIDIA Corporation", "subsystem_vendor": "0x10de",
            "subsystem_device": "0x0000", "subsystem_vendor_name": "NVIDIA Corporation" })
    });
    Ok(rows.chain(cards).collect::<Value>().into())
}

fn processors(_call: &mut Call<'_>) -> Reply {
    let rows = PROCESSORS.iter().map(|(name, vendor)| {
        let mut row = json!({ "name": name, "vendor": vendor, "custom": 0 });
        if name.starts_with("x86-64-") {
            // A level of the architecture, which no processor is.
            row["abstract"] = 1.into();
        }
        row
    });
    Ok(rows.collect::<Value>().into())
}

fn flags(_call: &mut Call<'_>) -> Reply {
    let rows = FLAGS.iter().map(|(name, description)| json!({ "name": name, "description": description }));
    Ok(rows.collect::<Value>().into())
}

fn machines(_call: &mut Call<'_>) -> Reply {
    let mut rows = Vec::new();
    for version in VERSIONS {
        for (kind, word) in [("i440fx", "pc-i440fx"), ("q35", "pc-q35")] {
            if *version == "10.0" {
                rows.push(json!({ "id": format!("{word}-{version}+pve1"), "type": kind, "version": format!("{version}+pve1"),
                    "changes": "Set host_mtu vNIC option even with default value for migration compat." }));
            }
            rows.push(json!({ "id": format!("{word}-{version}"), "type": kind, "version": version }));
        }
    }
    Ok(Value::from(rows).into())
}

fn migration(_call: &mut Call<'_>) -> Reply {
    Ok(json!({ "has-dbus-vmstate": 1 }).into())
}

fn scan_pools(call: &mut Call<'_>) -> Reply {
    let rows = of_storages(call, Plugin::Zfs, "pool").into_iter().map(|(name, _)| json!({ "pool": name }));
    Ok(rows.collect::<Value>().into())
}

fn scan_groups(call: &mut Call<'_>) -> Reply {
    let thick = of_storages(call, Plugin::Thick, "vgname");
    let groups = thick.into_iter().chain(of_storages(call, Plugin::Thin, "vgname"));
    let names: std::collections::BTreeSet<String> = groups.map(|(name, _)| name).collect();
    Ok(names.into_iter().map(|name| json!({ "vg": name })).collect::<Value>().into())
}

fn scan_thin_pools(call: &mut Call<'_>) -> Reply {
    let group = call.args.text("vg");
    let storages = call.state.storages.values();
    let rows = storages
        .filter(|storage| storage.plugin == "lvmthin" && storage.option("vgname") == Some(group))
        .map(|storage| json!({ "lv": storage.option("thinpool") }));
    Ok(rows.collect::<Value>().into())
}

fn out_of_reach(call: &mut Call<'_>) -> Reply {
    let server = call.args.get("server").or(call.args.get("portal")).unwrap_or_default();
    Err(Refusal::failed(format!("could not reach '{server}': no route to host")))
}
