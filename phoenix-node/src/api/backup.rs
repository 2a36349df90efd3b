//! The calls that back guests up, look into a backup, and restore from one.

use std::collections::BTreeMap;

use phoenix_core::GuestKind;
use serde_json::{Value, json};

use crate::{
    api::{
        Call,
        args::Args,
        pools,
        reply::{Refusal, Reply},
        router::{Handler, Routes},
        schema::Given,
    },
    work::{Dump, Restore, Work},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("POST /nodes/{node}/vzdump", Handler::Plain(dump)),
    ("GET /nodes/{node}/vzdump/defaults", Handler::Plain(defaults)),
    ("GET /nodes/{node}/vzdump/extractconfig", Handler::Plain(extract)),
];

fn dump(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    let node = call.node();
    if args.flag("stop") {
        stop_all(call);
        if args.get("vmid").is_none() && !args.flag("all") && args.get("pool").is_none() {
            return Ok(Value::from("OK").into());
        }
    }
    let excluded: Vec<u32> = args.list("exclude").iter().filter_map(|vmid| vmid.parse().ok()).collect();
    let vmids: Vec<u32> = match (args.get("vmid"), args.flag("all")) {
        (Some(_), true) => {
            return Err(Refusal::param("all", "option conflicts with option 'vmid'"));
        }
        (Some(_), false) => args.list("vmid").iter().filter_map(|vmid| vmid.parse().ok()).collect(),
        (None, true) => call.state.guests.keys().copied().collect(),
        (None, false) if args.get("pool").is_some() => {
            pools::named(call, args.text("pool"))?.guests.iter().copied().collect()
        }
        (None, false) => return Err(Refusal::param("vmid", "property is missing")),
    };
    let mut vmids: Vec<u32> = vmids.into_iter().filter(|vmid| !excluded.contains(vmid)).collect();
    vmids.sort_unstable();
    vmids.dedup();
    if vmids.is_empty() {
        return Ok(Value::from("OK").into());
    }
    if let Some(key) = ["dumpdir", "script", "tmpdir"].into_iter().find(|key| args.get(key).is_some())
        && !call.caller.is_root()
    {
        return Err(Refusal::Failed(403, format!("Only root may set the '{key}' option.")));
    }
    let storage = args.get("storage").unwrap_or("local").to_owned();
    let of_storage = call.state.storages.get(&storage).and_then(|storage| storage.option("prune-backups"));
    let rule = args.get("prune-backups").or(of_storage).filter(|_| args.get("remove") != Some("0"));
    let rule = rule.filter(|rule| !rule.contains("keep-all")).map(str::to_owned);
    let work = Dump {
        node: node.clone(),
        vmids,
        storage,
        shown: shown(&args, &node),
        mode: args.get("mode").unwrap_or("snapshot").to_owned(),
        compress: args.get("compress").unwrap_or("0").to_owned(),
        notes: args.get("notes-template").map(str::to_owned),
        is_protected: args.flag("protected"),
        rule,
        locked: Vec::new(),
        started: 0,
    };
    call.task(Work::Dump(work))
}

/// Returns the options of a job as its log shows them.
fn shown(args: &Args, node: &str) -> String {
    let mut text = String::new();
    for key in args.keys().filter(|key| !matches!(*key, "vmid" | "node")) {
        let values = match args.given(key) {
            Some(Given::Text(value)) => vec![value.clone()],
            Some(Given::List(values)) => values.clone(),
            Some(Given::Null | Given::Table) | None => Vec::new(),
        };
        for value in values {
            let is_plain = !value.is_empty()
                && value.chars().all(|c| c.is_ascii_alphanumeric() || "-_.,=/:@".contains(c));
            let value = if is_plain { value } else { format!("'{value}'") };
            text.push_str(&format!(" --{key} {value}"));
        }
    }
    format!("{text} --node {node}")
}

/// Stops the backups that run.
fn stop_all(call: &mut Call<'_>) {
    let running: Vec<(String, Work)> = call
        .state
        .active
        .values()
        .filter_map(|task| Some((task.upid.clone(), task.work.clone()?)))
        .filter(|(_, work)| matches!(work, Work::Dump(_)))
        .collect();
    for (upid, work) in running {
        work.abandon(call.state);
        call.state.end_task(&upid, Err(work.interrupted()));
    }
}

fn defaults(call: &mut Call<'_>) -> Reply {
    let name = call.args.get("storage").unwrap_or("local");
    let storage = call.state.storages.get(name);
    let rule = storage.and_then(|storage| storage.option("prune-backups")).unwrap_or("keep-all=1");
    let root = storage.and_then(|storage| storage.option("path")).unwrap_or("/var/lib/vz");
    Ok(json!({
        "all": 0, "bwlimit": 0, "compress": "0", "dumpdir": format!("{root}/dump"), "fleecing": { "enabled": 0 },
        "ionice": 7, "lockwait": 180, "mailnotification": "always", "mode": "snapshot", "notification-mode": "auto",
        "performance": { "max-workers": 16, "pbs-entries-max": 1_048_576 }, "pigz": 0, "prune-backups": rule, "quiet": 0,
        "remove": 1, "stdexcludes": 1, "stop": 0, "stopwait": 10, "storage": name, "zstd": 1,
    })
    .into())
}

fn extract(call: &mut Call<'_>) -> Reply {
    let volid = call.args.text("volume");
    match call.state.backups.get(volid) {
        Some(backup) => Ok(Value::from(backup.text()).into()),
        None => Err(Refusal::failed(format!("volume '{volid}' does not exist"))),
    }
}

/// Restores a guest, over one that is there if the call says so.
pub(crate) fn restore(
    call: &mut Call<'_>,
    kind: GuestKind,
    vmid: u32,
    options: BTreeMap<String, String>,
) -> Reply {
    let args = call.args.clone();
    let (noun, volid) = match kind {
        GuestKind::Lxc => ("CT", args.text("ostemplate").to_owned()),
        GuestKind::Vm => ("VM", args.text("archive").to_owned()),
    };
    let failed = |text: String| Refusal::failed(format!("unable to restore {noun} {vmid} - {text}"));
    let node = call.state.name.clone();
    let replaces = match call.state.guests.get(&vmid) {
        None => false,
        Some(found) if found.kind != kind || !args.flag("force") => {
            let noun = if found.kind == GuestKind::Lxc { "CT" } else { "VM" };
            let text = format!("{noun} {vmid} already exists on node '{node}'");
            return Err(if kind == GuestKind::Lxc { Refusal::failed(text) } else { failed(text) });
        }
        Some(found) if found.is_protected() => {
            return Err(failed("protection mode enabled".to_owned()));
        }
        Some(found) if found.running => {
            return Err(match kind {
                GuestKind::Lxc => failed("can't overwrite running container".to_owned()),
                GuestKind::Vm => failed("vm is running".to_owned()),
            });
        }
        Some(_) => {
            call.free_guest(kind, vmid)?;
            true
        }
    };
    let storage = args.get("storage").map(str::to_owned);
    if let Some(name) = &storage {
        call.state.enabled_storage(name, &node).map_err(Refusal::failed)?;
    }
    let known =
        volid.split_once(':').map(|(name, _)| name).filter(|name| call.state.storages.contains_key(*name));
    if known.is_none() {
        let name = volid.split_once(':').map_or(volid.as_str(), |(name, _)| name);
        return Err(Refusal::failed(format!("storage '{name}' does not exist")));
    }
    let work = Restore {
        kind,
        vmid,
        volid,
        storage,
        options,
        is_unique: args.flag("unique"),
        start: args.flag("start"),
        replaces,
        config: BTreeMap::new(),
        made: std::collections::BTreeSet::new(),
    };
    if let Some(guest) = call.state.guest_mut(kind, vmid) {
        guest.config.insert("lock".to_owned(), "create".to_owned());
    } else {
        call.state.put_guest(crate::state::guest::Guest::reserved(kind, vmid, "create"));
    }
    call.task(Work::Restore(work))
}
