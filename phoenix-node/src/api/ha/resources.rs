//! Resources: the guests that are managed.

use phoenix_core::GuestKind;
use serde_json::{Value, json};

use crate::{
    api::{
        Call,
        folder::{Folder, given},
        reply::{Answer, Refusal, Reply},
        router::{Handler, Routes},
    },
    state::{
        cluster::ha::{Ha, sid},
        sections::Section,
    },
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /cluster/ha/resources", Handler::Plain(list)),
    ("POST /cluster/ha/resources", Handler::Plain(create)),
    ("GET /cluster/ha/resources/{sid}", Handler::Plain(read)),
    ("PUT /cluster/ha/resources/{sid}", Handler::Plain(update)),
    ("DELETE /cluster/ha/resources/{sid}", Handler::Plain(delete)),
    ("POST /cluster/ha/resources/{sid}/migrate", Handler::Plain(relocate)),
    ("POST /cluster/ha/resources/{sid}/relocate", Handler::Plain(relocate)),
];

const FOLDER: Folder = Folder {
    id: "sid",
    noun: "resource",
    required: &[],
    kind: "",
    shelf: |cluster| &cluster.ha.resources,
    shelf_mut: |cluster| &mut cluster.ha.resources,
    taken: |id| format!("resource ID '{id}' already defined"),
    missing: |id| format!("no such resource '{id}'"),
};

/// Returns the full id of a guest, of which the vmid may be all that is given.
fn full(call: &Call<'_>) -> Result<(GuestKind, u32, String), Refusal> {
    let text = call.args.text("sid");
    let missing = || Refusal::failed(format!("resource '{text}' does not exist in cluster"));
    let (kind, vmid) = match text.split_once(':') {
        Some(("ct", vmid)) => (Some(GuestKind::Lxc), vmid),
        Some(("vm", vmid)) => (Some(GuestKind::Vm), vmid),
        Some((other, _)) => {
            return Err(Refusal::param("sid", format!("unknown ha resource type '{other}'")));
        }
        None => (None, text),
    };
    let vmid: u32 = vmid.parse().map_err(|_| missing())?;
    let kind = match kind {
        Some(kind) => kind,
        None => call.state.guests.get(&vmid).ok_or_else(missing)?.kind,
    };
    Ok((kind, vmid, sid(kind, vmid)))
}

fn row(section: &Section, digest: &str) -> Value {
    FOLDER.row(section, Some(digest)).into()
}

fn list(call: &mut Call<'_>) -> Reply {
    FOLDER.list(call)
}

fn find<'a>(ha: &'a Ha, sid: &str) -> Result<&'a Section, Refusal> {
    ha.resources.get(sid).ok_or_else(|| Refusal::failed((FOLDER.missing)(sid)))
}

fn read(call: &mut Call<'_>) -> Reply {
    let (.., sid) = full(call)?;
    let ha = &call.state.cluster.ha;
    Ok(row(find(ha, &sid)?, &ha.resources.digest(&[])).into())
}

fn create(call: &mut Call<'_>) -> Reply {
    let (kind, vmid, sid) = full(call)?;
    if call.state.guest(kind, vmid).is_none() {
        return Err(Refusal::failed(format!("resource '{sid}' does not exist in cluster")));
    }
    let word = if kind == GuestKind::Lxc { "ct" } else { "vm" };
    if call.args.get("type").is_some_and(|given| given != word) {
        return Err(Refusal::param("type", "types does not match"));
    }
    refuse_group(call)?;
    if call.state.cluster.ha.resources.get(&sid).is_some() {
        return Err(FOLDER.refuse("create", &(FOLDER.taken)(&sid)));
    }
    let values = given(call, &["sid"]);
    let section = Section { id: sid, kind: word.to_owned(), values };
    call.state.cluster.ha.resources.put(section);
    Ok(Answer::null())
}

fn refuse_group(call: &Call<'_>) -> Result<(), Refusal> {
    match call.args.get("group") {
        Some(_) => Err(Refusal::param(
            "group",
            "cannot assign resource to group: ha groups have been migrated to rules",
        )),
        None => Ok(()),
    }
}

fn update(call: &mut Call<'_>) -> Reply {
    let (.., sid) = full(call)?;
    refuse_group(call)?;
    call.args = call.args.with("sid", &sid);
    FOLDER.update(call)
}

fn delete(call: &mut Call<'_>) -> Reply {
    let (.., sid) = full(call)?;
    let ha = &mut call.state.cluster.ha;
    let was_there = match call.args.get("purge") {
        Some("0") => ha.resources.remove(&sid).is_some(),
        Some(_) | None => ha.forget(&sid),
    };
    if !was_there {
        return Err(Refusal::failed(format!("cannot delete service '{sid}', not HA managed!")));
    }
    Ok(Answer::null())
}

/// Asks the manager to move a guest. It cannot be moved to where it is.
fn relocate(call: &mut Call<'_>) -> Reply {
    let (.., sid) = full(call)?;
    if call.state.cluster.ha.resources.get(&sid).is_none() {
        return Err(Refusal::failed(format!("service '{sid}' not HA managed")));
    }
    let node = call.node();
    if node == call.state.name {
        return Err(Refusal::failed(format!("service '{sid}' already on node '{node}'")));
    }
    Ok(json!({ "sid": sid, "requested-node": node }).into())
}
