//! The calls on tasks.

use serde_json::{Value, json};

use crate::{
    api::{
        Call,
        node::logs::page,
        reply::{Answer, Refusal, Reply},
        router::{Handler, Routes},
    },
    state::task::Task,
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /cluster/tasks", Handler::Plain(of_cluster)),
    ("GET /nodes/{node}/tasks", Handler::Plain(list)),
    ("DELETE /nodes/{node}/tasks/{upid}", Handler::Plain(stop)),
    ("GET /nodes/{node}/tasks/{upid}/status", Handler::Plain(status)),
    ("GET /nodes/{node}/tasks/{upid}/log", Handler::Plain(log)),
];

pub(crate) fn list(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    let source = args.get("source").unwrap_or("archive");
    let node = call.node();
    let vmid = args.get("vmid").map(|_| args.vmid("vmid").to_string());
    let statuses = args.list("statusfilter");
    let user = args.get("userfilter").map(str::to_lowercase);
    let signed = |key: &str| args.get(key).and_then(|text| text.parse::<i64>().ok());
    let (since, until) = (signed("since"), signed("until"));
    let sees_all = call.may(&format!("/nodes/{}", call.state.name), &["Sys.Audit"]);
    let is_wanted = |task: &&Task| {
        let started = i64::try_from(task.starttime).unwrap_or(i64::MAX);
        task.node() == node
            && (sees_all || call.is_own_task(&task.user))
            && vmid.as_ref().is_none_or(|vmid| task.id == *vmid)
            && args.get("typefilter").is_none_or(|kind| task.kind == kind)
            && user.as_ref().is_none_or(|user| task.user.to_lowercase().contains(user))
            && since.is_none_or(|since| started >= since)
            && until.is_none_or(|until| started <= until)
            && (!args.flag("errors") || task.outcome() == Some("error"))
            && (statuses.is_empty()
                || task.outcome().is_some_and(|word| statuses.iter().any(|wanted| wanted == word)))
    };
    let active = call.state.active.values().filter(|_| source != "archive");
    let archive = call.state.archive.iter().rev().map(|task| &**task).filter(|_| source != "active");
    let found: Vec<&Task> = active.chain(archive).filter(is_wanted).collect();
    let start = usize::try_from(args.number("start").unwrap_or(0)).unwrap_or(usize::MAX);
    let limit = usize::try_from(args.number("limit").unwrap_or(50)).unwrap_or(usize::MAX);
    let rows: Vec<Value> = found
        .iter()
        .skip(start)
        .take(limit)
        .map(|task| {
            let mut row = describe(task);
            row["status"] = task.exitstatus.as_deref().unwrap_or("RUNNING").into();
            match task.endtime {
                Some(endtime) => row["endtime"] = endtime.into(),
                None => row["saved"] = "0".into(),
            }
            row
        })
        .collect();
    // PVE leaves a total of nothing out.
    Ok(match found.len() {
        0 => Value::from(rows).into(),
        total => Answer::counted(rows.into(), total),
    })
}

/// How many tasks the cluster keeps in sight.
const IN_SIGHT: usize = 25;

pub(crate) fn of_cluster(call: &mut Call<'_>) -> Reply {
    let archive = call.state.archive.iter().rev().map(|task| &**task);
    let sees_all = call.may("/", &["Sys.Audit"]);
    let tasks = call.state.active.values().chain(archive);
    let tasks = tasks.filter(|task| sees_all || call.is_own_task(&task.user)).take(IN_SIGHT);
    let rows: Vec<Value> = tasks
        .map(|task| {
            let mut row = describe(task);
            if let Some(row) = row.as_object_mut() {
                row.remove("pstart");
                if let (Some(endtime), Some(status)) = (task.endtime, &task.exitstatus) {
                    row.remove("pid");
                    row.insert("endtime".to_owned(), endtime.into());
                    row.insert("status".to_owned(), status.as_str().into());
                    row.insert("saved".to_owned(), "1".into());
                }
            }
            row
        })
        .collect();
    Ok(Value::from(rows).into())
}

fn describe(task: &Task) -> Value {
    json!({ "upid": task.upid, "node": task.node(), "pid": task.pid, "pstart": task.pstart,
        "starttime": task.starttime, "type": task.kind, "id": task.id, "user": task.user })
}

pub(crate) fn status(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    let upid = args.text("upid");
    let task = find(call, upid)?;
    call.need_task(&task.user, "Sys.Audit")?;
    let mut row = describe(task);
    match &task.exitstatus {
        Some(exitstatus) => {
            row["status"] = "stopped".into();
            row["exitstatus"] = exitstatus.as_str().into();
        }
        None => row["status"] = "running".into(),
    }
    Ok(row.into())
}

pub(crate) fn log(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    let upid = args.text("upid");
    if !is_upid(upid) {
        return Err(Refusal::param("upid", "unable to parse worker upid"));
    }
    let Some(task) = call.state.task(upid) else {
        return Ok(page(&args, &["unable to open file - No such file or directory".to_owned()]));
    };
    call.need_task(&task.user, "Sys.Audit")?;
    if args.flag("download") {
        return Ok(Answer::text(task.log.iter().map(|line| format!("{line}\n")).collect()));
    }
    Ok(page(&args, &task.log))
}

pub(crate) fn stop(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    let upid = args.text("upid");
    let task = find(call, upid)?;
    call.need_task(&task.user, "Sys.Modify")?;
    if let Some(work) = call.state.active.get(upid).and_then(|task| task.work.clone()) {
        work.abandon(call.state);
        call.state.end_task(upid, Err(work.interrupted()));
    }
    Ok(Answer::null())
}

fn find<'a>(call: &'a Call<'_>, upid: &str) -> Result<&'a Task, Refusal> {
    if !is_upid(upid) {
        return Err(Refusal::param("upid", "unable to parse worker upid"));
    }
    call.state.task(upid).ok_or_else(|| Refusal::param("upid", "no such task"))
}

/// Tells whether a text has the form of a UPID.
fn is_upid(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    let is_hex = |part: &str| part.len() >= 8 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    match parts[..] {
        ["UPID", node, pid, pstart, starttime, kind, _, user, ""] => {
            !node.is_empty()
                && is_hex(pid)
                && is_hex(pstart)
                && is_hex(starttime)
                && !kind.is_empty()
                && !user.is_empty()
        }
        _ => false,
    }
}
