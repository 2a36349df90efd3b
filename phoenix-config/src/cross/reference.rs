//! References: every vmid that is named is declared.

use serde_json::Value;

use super::Check;
use crate::model::{HYPERVISOR_FILE, Spot};

pub(super) fn check(check: &mut Check<'_>) {
    let mut quoted: Vec<Spot> = Vec::new();
    for guest in check.guests {
        let vmid = guest.id.vmid.0;
        for (dependency, spot) in &guest.dependencies {
            if *dependency == vmid {
                check.error(
                    spot,
                    "self-dependency",
                    format!("`{}` depends on itself", guest.name),
                    "remove it",
                );
            } else if !check.model.declared.contains_key(dependency) {
                let message = format!("`{}` depends on {dependency}, which no file declares", guest.name);
                check.error(spot, "dangling-dependency", message, "remove it, or declare that guest");
            }
            let value = check.sources.document(&spot.file).and_then(|file| file.get(&spot.pointer));
            if value.is_some_and(Value::is_string) {
                quoted.push(spot.clone());
            }
        }
        if let Some(clone) = &guest.clone {
            if clone.source == vmid {
                check.error(
                    &clone.spot,
                    "self-dependency",
                    format!("`{}` is cloned from itself", guest.name),
                    "remove it",
                );
            } else if !check.model.declared.contains_key(&clone.source) {
                let message =
                    format!("`{}` is cloned from {}, which no file declares", guest.name, clone.source);
                check.error(&clone.spot, "dangling-clone", message, "declare that guest, or name another");
            }
        }
    }
    if let Some(spot) = check.first(quoted) {
        let message = "vmids stand here as texts and elsewhere as numbers; Phoenix takes both".to_owned();
        check.note(&spot, "mixed-id-types", message, "write vmids as numbers");
    }
    for (name, volume) in &check.model.hypervisor.shared_volumes {
        let Some(mounts) = volume.get("mounts").and_then(Value::as_object) else { continue };
        for key in mounts.keys() {
            let is_declared = key.parse().is_ok_and(|vmid: u32| check.model.declared.contains_key(&vmid));
            if !is_declared {
                let spot = Spot::new(HYPERVISOR_FILE, format!("/shared_volumes/{name}/mounts/{key}"));
                let message =
                    format!("the shared volume `{name}` is mounted in {key}, which no file declares");
                check.warning(
                    &spot,
                    "dangling-mount",
                    message,
                    "remove it, or use `mount_points` of the guest",
                );
            }
        }
    }
}
