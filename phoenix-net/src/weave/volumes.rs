//! Volumes: a directory of the host with one owner, bound into containers and exported to virtual machines.

use std::collections::BTreeMap;

use phoenix_core::{Diagnostic, GuestId, GuestKind, network::Volume};
use serde_json::{Value, json};

use super::{no_address, part::Parts};

/// What an unprivileged container's users are on the host: its numbers, shifted.
const SHIFT: u32 = 100_000;

pub(super) fn weave(parts: &mut Parts<'_>) {
    let network = parts.network;
    let mut exports: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for volume in &network.volumes {
        let Some(shift) = shift(parts, volume) else { continue };
        if volume.mode & 0o002 != 0 {
            let message = format!("everybody could write to the volume `{}`", volume.name);
            let finding = Diagnostic::error("world-writable", message)
                .with_hint("give it an owner, and a mode such as `0750` or `0770`");
            parts.find(&volume.origin, finding);
        }
        let (uid, gid) = volume.owner.unwrap_or((0, 0));
        let mut directory = json!({
            "path": volume.path, "uid": uid + shift, "gid": gid + shift, "mode": format!("{:04o}", volume.mode),
        });
        if volume.owner.is_none() {
            directory["once"] = json!(true);
        }
        if let Some(mut config) = parts.ground("volume-directories") {
            config.push("directories", directory);
        }
        for (guest, mount) in &volume.mounts {
            match guest.kind {
                GuestKind::Lxc => bind(parts, *guest, volume, &mount.target, mount.read_only),
                GuestKind::Vm => {
                    let Some(address) = network.address_of(*guest) else {
                        parts.report(no_address(network, *guest, "volumes are exported to an address"));
                        continue;
                    };
                    let client = json!({ "address": address, "read_only": mount.read_only });
                    exports.entry(volume.path.clone()).or_default().push(client);
                    nfs(parts, *guest, volume, &mount.target, mount.read_only);
                }
            }
        }
    }
    if exports.is_empty() {
        return;
    }
    let Some(mut config) = parts.ground("nfs-server") else { return };
    if let Some(address) = network.address {
        config.default("address", json!(address));
    }
    for (path, clients) in exports {
        config.merge("exports", "path", &path, "clients", clients);
    }
}

/// Returns by how much the host's numbers of a volume's owner differ from those of its guests, if that is the same for all.
fn shift(parts: &mut Parts<'_>, volume: &Volume) -> Option<u32> {
    let plain: Vec<&GuestId> =
        volume.mounts.iter().filter(|(_, mount)| mount.plain_ids).map(|(guest, _)| guest).collect();
    let shifted: Vec<&GuestId> =
        volume.mounts.iter().filter(|(_, mount)| !mount.plain_ids).map(|(guest, _)| guest).collect();
    match (plain.first(), shifted.first()) {
        (Some(one), Some(other)) => {
            let message = format!(
                "the volume `{}` would have another owner in `{one}` than in `{other}`, whose users are others on the host",
                volume.name
            );
            let finding = Diagnostic::error("volume-owners", message).with_hint(
                "make two volumes of it, or have both be virtual machines or both unprivileged containers",
            );
            parts.find(&volume.origin, finding);
            None
        }
        (_, Some(_)) => Some(SHIFT),
        (_, None) => Some(0),
    }
}

fn bind(parts: &mut Parts<'_>, guest: GuestId, volume: &Volume, target: &str, read_only: bool) {
    let Some(spec) = parts.spec(guest) else { return };
    let mount = json!({
        "target": target,
        "source": { "kind": "bind", "path": volume.path },
        "read_only": read_only,
    });
    if let Some(mounts) = spec.entry("mounts").or_insert_with(|| json!([])).as_array_mut() {
        mounts.push(mount);
    }
}

fn nfs(parts: &mut Parts<'_>, guest: GuestId, volume: &Volume, target: &str, read_only: bool) {
    let server = parts.network.address;
    if let Some(mut config) = parts.feature(guest, "nfs-mounts") {
        config.push(
            "mounts",
            json!({ "server": server, "path": volume.path, "target": target, "read_only": read_only }),
        );
    }
}
