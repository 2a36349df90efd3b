//! Replication jobs. They need a second node and storages that send snapshots, so most wishes end in a refusal.

use phoenix_core::GuestKind;
use serde_json::{Map, Value};

use crate::{
    api::{
        Call,
        folder::Folder,
        reply::{Answer, Refusal, Reply},
        router::{Handler, Routes},
    },
    state::sections::Section,
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /cluster/replication", Handler::Plain(list)),
    ("POST /cluster/replication", Handler::Plain(create)),
    ("GET /cluster/replication/{id}", Handler::Plain(read)),
    ("PUT /cluster/replication/{id}", Handler::Plain(update)),
    ("DELETE /cluster/replication/{id}", Handler::Plain(delete)),
];

const FOLDER: Folder = Folder {
    id: "id",
    noun: "",
    required: &["target"],
    kind: "local",
    shelf: |cluster| &cluster.replication,
    shelf_mut: |cluster| &mut cluster.replication,
    taken: |id| format!("replication job '{id}' already exists"),
    missing: |id| format!("no such replication job '{id}'"),
};

/// Returns a job with the guest and the number that its id is made of.
fn row(job: &Section) -> Map<String, Value> {
    let mut row = FOLDER.row(job, None);
    let parts = job.id.split_once('-');
    if let Some((Ok(guest), Ok(number))) =
        parts.map(|(guest, number)| (guest.parse::<u32>(), number.parse::<u32>()))
    {
        row.insert("guest".to_owned(), guest.into());
        row.insert("jobnum".to_owned(), number.into());
    }
    row
}

fn list(call: &mut Call<'_>) -> Reply {
    let rows = call.state.cluster.replication.iter().map(|job| Value::from(row(job)));
    Ok(Value::from(rows.collect::<Vec<_>>()).into())
}

fn read(call: &mut Call<'_>) -> Reply {
    let mut row = row(FOLDER.find(call)?);
    row.insert("digest".to_owned(), call.state.cluster.replication.digest(FOLDER.required).into());
    Ok(Value::from(row).into())
}

fn create(call: &mut Call<'_>) -> Reply {
    let id = call.args.text("id").to_owned();
    let vmid = id.split_once('-').and_then(|(vmid, _)| vmid.parse::<u32>().ok()).unwrap_or(0);
    let target = call.args.text("target").to_owned();
    if !call.state.has_node(&target) {
        return Err(Refusal::failed(format!("Target '{target}' does not exist.")));
    }
    let Some(guest) = call.state.guests.get(&vmid) else {
        let text = format!("Guest {vmid} does not exist");
        return Err(Refusal::param("id", text));
    };
    if call.state.name == target {
        return Err(Refusal::failed("Source and target nodes are the same"));
    }
    if guest.is_template() {
        let noun = if guest.kind == GuestKind::Lxc { "CT" } else { "VM" };
        return Err(Refusal::failed(format!("{noun} {vmid} is a template, cannot replicate")));
    }
    FOLDER.create(call)
}

fn update(call: &mut Call<'_>) -> Reply {
    FOLDER.find(call)?;
    FOLDER.update(call)
}

fn delete(call: &mut Call<'_>) -> Reply {
    FOLDER.find(call)?;
    // Without `force` PVE leaves the job marked until its next run has cleaned up at the target; there is none here.
    FOLDER.remove(call)?;
    Ok(Answer::null())
}
