//! What a backup job saves, and which guests none does.

use serde_json::{Value, json};

use super::backup::find;
use crate::{
    api::{
        Call,
        reply::{Refusal, Reply},
        router::{Handler, Routes},
    },
    state::{config, guest::Guest, sections::Section},
};
use phoenix_core::GuestKind;

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /cluster/backup/{id}/included_volumes", Handler::Plain(volumes)),
    ("GET /cluster/backup-info/not-backed-up", Handler::Plain(left_out)),
];

fn volumes(call: &mut Call<'_>) -> Reply {
    let id = call.args.text("id");
    let job = find(call, id).ok_or_else(|| Refusal::param("id", format!("No such job '{id}'")))?;
    let guests = call.state.guests.values().filter(|guest| is_saved(job, guest));
    let rows: Vec<Value> = guests
        .map(|guest| {
            json!({ "id": guest.vmid, "name": guest.name(), "type": guest.kind.api_name(), "leaf": 0,
                "children": disks(guest) })
        })
        .collect();
    Ok(json!({ "children": rows }).into())
}

fn disks(guest: &Guest) -> Vec<Value> {
    let disks =
        guest.config.iter().filter(|(key, _)| config::is_disk(guest.kind, key) && !key.starts_with("unused"));
    disks
        .map(|(key, value)| {
            let (included, reason) = reason(guest.kind, key, value);
            json!({ "id": format!("{}:{key}", guest.vmid), "name": config::volume_of(value), "leaf": 1,
                "included": u8::from(included), "reason": reason })
        })
        .collect()
}

/// Tells whether a disk is saved, and why.
fn reason(kind: GuestKind, key: &str, value: &str) -> (bool, &'static str) {
    let backup = config::property(value, "backup").map(config::is_true);
    match kind {
        GuestKind::Lxc if key == "rootfs" => (true, "rootfs"),
        GuestKind::Lxc if config::volume_of(value).starts_with('/') => (false, "not a volume"),
        GuestKind::Lxc => match backup {
            Some(true) => (true, "enabled"),
            Some(false) => (false, "disabled"),
            None => (false, "disabled"),
        },
        GuestKind::Vm if value.contains("media=cdrom") => (false, "CD-ROM"),
        GuestKind::Vm => match backup {
            Some(false) => (false, "disabled"),
            Some(true) | None => (true, "enabled"),
        },
    }
}

fn is_saved(job: &Section, guest: &Guest) -> bool {
    let vmid = guest.vmid.to_string();
    let has =
        |key: &str| job.str(key).is_some_and(|list| list.split([',', ';', ' ']).any(|entry| entry == vmid));
    if job.values.get("all").is_some_and(|all| *all == 1) { !has("exclude") } else { has("vmid") }
}

fn left_out(call: &mut Call<'_>) -> Reply {
    let jobs: Vec<&Section> = call.state.cluster.jobs.iter().filter(|job| job.kind == "vzdump").collect();
    let guests = call.state.guests.values().filter(|guest| !jobs.iter().any(|job| is_saved(job, guest)));
    let rows: Vec<Value> = guests
        .map(|guest| json!({ "vmid": guest.vmid, "name": guest.name(), "type": guest.kind.api_name() }))
        .collect();
    Ok(Value::from(rows).into())
}
