//! The containers' file.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{draft::Draft, guest, rules};
use crate::{
    cross,
    format::lxc::Lxc,
    model::{Entry, Guest, LXC_FILE as FILE},
};

pub(super) fn clean(draft: &mut Draft<'_>) {
    draft.remove(FILE, "/$schema", "its schema is the predecessor's");
    let model = draft.model;
    let guests = model.guests();
    let templates = templates(&guests);
    for container in &guests {
        let Entry::Lxc(lxc) = container.entry else { continue };
        guest::clean(draft, container, &templates);
        one(draft, container, lxc, templates.contains(&container.id.vmid.0));
        let pointer = format!("{}/firewall/rules", container.spot.pointer);
        rules::clean(draft, FILE, &pointer, &pointer, None);
    }
}

/// Returns what becomes a template: what is one, what the predecessor took a template snapshot of and never started
/// at boot, and what others are cloned from with such a snapshot.
pub(super) fn templates(guests: &[Guest<'_>]) -> BTreeSet<u32> {
    guests
        .iter()
        .filter(|guest| {
            let has_snapshot = matches!(guest.entry, Entry::Lxc(lxc) if lxc.template_snapshot_name.is_some());
            guest.is_template || has_snapshot && !guest.start_at_boot
        })
        .map(|guest| guest.id.vmid.0)
        .collect()
}

fn one(draft: &mut Draft<'_>, container: &Guest<'_>, lxc: &Lxc, is_template: bool) {
    let at = |key: &str| format!("{}/{key}", container.spot.pointer);
    origin(draft, container, lxc);
    let has_binds = !lxc.mount_points.is_empty();
    if let Some(name) = &lxc.template_snapshot_name {
        draft.take(FILE, &at("template_snapshot_name"));
        let (key, value) =
            if is_template { ("is_template", json!(true)) } else { ("final_snapshot", json!(name)) };
        if let Some(entry) = draft.object(FILE, &container.spot.pointer) {
            entry.insert(key.to_owned(), value);
        }
        let why = "the predecessor cloned a snapshot of a running container; a native template cannot change under its clones";
        draft.explain(
            FILE,
            &at("template_snapshot_name"),
            format!("wrote `template_snapshot_name` as `{key}`"),
            why,
        );
    }
    if is_template {
        draft.remove(
            FILE,
            &at("enable_lifecycle_snapshots"),
            "Proxmox VE makes no template of a guest with snapshots",
        );
        for key in ["start_at_boot", "boot_order", "boot_delay"] {
            draft.remove(FILE, &at(key), "a template never starts");
        }
    } else if has_binds {
        let why = "Proxmox VE takes no snapshot of a container with directories of the host";
        draft.remove(FILE, &at("enable_lifecycle_snapshots"), why);
    }
    draft.remove(FILE, &at("application_script"), "features take the place of application scripts");
    for key in ["health_check", "health_checks"] {
        draft.remove(
            FILE,
            &at(key),
            "it is shell text of the predecessor; write `health` with a list of arguments",
        );
    }
    if lxc.gpu_assignment.as_deref() == Some("none") {
        draft.remove(FILE, &at("gpu_assignment"), "a guest has no GPU unless it says so");
    }
    profile(draft, container, lxc);
    mounts(draft, container, lxc);
}

fn origin(draft: &mut Draft<'_>, container: &Guest<'_>, lxc: &Lxc) {
    let Some(path) = &lxc.template else { return };
    let pointer = format!("{}/template", container.spot.pointer);
    draft.take(FILE, &pointer);
    let file = path.rsplit('/').next().unwrap_or(path).to_owned();
    if let Some(entry) = draft.object(FILE, &container.spot.pointer) {
        entry.entry("os_template").or_insert_with(|| json!(file));
    }
    let why = "a storage holds OS templates by name; the host's default storage for them is used";
    draft.explain(FILE, &pointer, format!("wrote the path `template` as `\"os_template\": \"{file}\"`"), why);
}

fn profile(draft: &mut Draft<'_>, container: &Guest<'_>, lxc: &Lxc) {
    let Some(profile) = &lxc.apparmor_profile else { return };
    let lines: Vec<&String> = lxc
        .lxc_options
        .iter()
        .filter(|line| crate::shape::raw_line(line) != Some(("lxc.apparmor.profile", profile)))
        .collect();
    let pointer = container.spot.pointer.clone();
    if lines.len() < lxc.lxc_options.len() {
        if let Some(entry) = draft.object(FILE, &pointer) {
            entry.insert("lxc_options".to_owned(), json!(lines));
        }
        draft.explain(
            FILE,
            &format!("{pointer}/lxc_options"),
            "removed the line with the AppArmor profile",
            "`apparmor_profile` says the same",
        );
    }
    if profile == "unconfined" {
        draft.remove(
            FILE,
            &format!("{pointer}/apparmor_manages_nesting"),
            "without a profile there is nothing that could manage it",
        );
    }
}

fn mounts(draft: &mut Draft<'_>, container: &Guest<'_>, lxc: &Lxc) {
    for (index, mount) in lxc.mount_points.iter().enumerate() {
        let Some(served) = cross::served_path(draft.model, &mount.host_path) else { continue };
        let pointer = format!("{}/mount_points/{index}", container.spot.pointer);
        if let Some(entry) = draft.object(FILE, &pointer) {
            entry.insert("host_path".to_owned(), Value::String(served.clone()));
        }
        let what = format!("replaced `{}` by `{served}`", mount.host_path);
        draft.explain(FILE, &format!("{pointer}/host_path"), what, "a dataset is mounted under its own name");
    }
}
