//! The calls that thin out backups by a rule.

use std::collections::BTreeMap;

use phoenix_core::GuestKind;
use serde_json::{Value, json};

use crate::{
    api::{
        Call,
        reply::{Refusal, Reply},
        router::{Handler, Routes},
    },
    state::{
        State,
        backup::{self, Backup, Mark},
    },
    work::{StorageJob, Work},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /nodes/{node}/storage/{storage}/prunebackups", Handler::Plain(preview)),
    ("DELETE /nodes/{node}/storage/{storage}/prunebackups", Handler::Plain(prune)),
];

fn preview(call: &mut Call<'_>) -> Reply {
    let wish = wish(call)?;
    let rows: Vec<Value> = wish
        .marks(call.state)
        .into_iter()
        .map(|(volid, mark)| {
            let backup = call.state.backups.get(&volid);
            let kind = backup.map_or("unknown", |backup| backup.kind.api_name());
            json!({ "volid": volid, "mark": mark.word(), "type": kind, "ctime": backup.map(|backup| backup.ctime),
                "vmid": backup.map(|backup| backup.vmid) })
        })
        .collect();
    Ok(Value::from(rows).into())
}

fn prune(call: &mut Call<'_>) -> Reply {
    let wish = wish(call)?;
    let remove = wish.marks(call.state).into_iter().filter(|(_, mark)| *mark == Mark::Remove);
    let volids = remove.map(|(volid, _)| volid).collect();
    let job = StorageJob::Prune { storage: wish.storage, vmid: wish.vmid, rule: wish.rule, volids };
    call.task(Work::Storage(job))
}

/// What is to be thinned out, and by which rule.
pub(crate) struct Wish {
    pub(crate) storage: String,
    pub(crate) vmid: Option<u32>,
    pub(crate) kind: Option<GuestKind>,
    pub(crate) rule: String,
}

impl Wish {
    /// Returns what becomes of each backup that is meant.
    pub(crate) fn marks(&self, state: &State) -> Vec<(String, Mark)> {
        let mut groups: BTreeMap<(GuestKind, u32), Vec<(&String, &Backup)>> = BTreeMap::new();
        for (volid, backup) in state.backups.on(&self.storage) {
            let is_meant = self.vmid.is_none_or(|vmid| vmid == backup.vmid)
                && self.kind.is_none_or(|kind| kind == backup.kind);
            if is_meant {
                groups.entry((backup.kind, backup.vmid)).or_default().push((volid, backup));
            }
        }
        let mut all = Vec::new();
        for group in groups.values() {
            let times: Vec<(u64, bool)> =
                group.iter().map(|(_, backup)| (backup.ctime, backup.is_protected)).collect();
            let marks = backup::marks(&self.rule, &times);
            all.extend(group.iter().map(|(volid, _)| (*volid).clone()).zip(marks));
        }
        all
    }
}

fn wish(call: &Call<'_>) -> Result<Wish, Refusal> {
    let args = &call.args;
    let name = args.text("storage");
    let storage = call.state.enabled_storage(name, &call.node()).map_err(Refusal::failed)?;
    let rule = args.get("prune-backups").or(storage.option("prune-backups"));
    let rule = rule.ok_or_else(|| {
        Refusal::failed(format!("no prune-backups options configured for storage '{name}'"))
    })?;
    let kind = match args.get("type") {
        Some("lxc") => Some(GuestKind::Lxc),
        Some(_) => Some(GuestKind::Vm),
        None => None,
    };
    let vmid = args.get("vmid").map(|_| args.vmid("vmid"));
    Ok(Wish { storage: name.to_owned(), vmid, kind, rule: rule.to_owned() })
}
