//! The calls on tasks.

use serde_json::{Value, json};

use crate::{
    api::{
        Call,
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
    let vmid = args.get("vmid").map(|_| args.vmid("vmid").to_string());
    let is_wanted = |task: &&Task| {
        vmid.as_ref().is_none_or(|vmid| task.id == *vmid)
            && args.get("typefilter").is_none_or(|kind| task.kind == kind)
            && args.get("userfilter").is_none_or(|user| task.user.contains(user))
            && args.number("since").is_none_or(|since| task.starttime >= since)
            && args.number("until").is_none_or(|until| task.starttime <= until)
            && (!args.flag("errors") || task.exitstatus.as_deref().is_some_and(|status| status != "OK"))
    };
    let active = call.state.active.values().filter(|_| source != "archive");
    let archive = call.state.archive.iter().rev().map(|task| &**task).filter(|_| source != "active");
    let found: Vec<&Task> = active.chain(archive).filter(is_wanted).collect();
    let start = usize::try_from(args.number("start").unwrap_or(0)).unwrap_or(usize::MAX);
    let limit = usize::try_from(args.number("limit").unwrap_or(50)).unwrap_or(usize::MAX);
    let rows: Vec<Value> = found.iter().skip(start).take(limit).map(|task| row(call, task)).collect();
    Ok(Answer::counted(rows.into(), found.len()))
}

pub(crate) fn of_cluster(call: &mut Call<'_>) -> Reply {
    let archive = call.state.archive.iter().rev().map(|task| &**task);
    let rows: Vec<Value> =
        call.state.active.values().chain(archive).take(25).map(|task| row(call, task)).collect();
    Ok(Value::from(rows).into())
}

fn row(call: &Call<'_>, task: &Task) -> Value {
    let mut row = describe(call, task);
    row["status"] = task.exitstatus.as_deref().unwrap_or("RUNNING").into();
    if let Some(endtime) = task.endtime {
        row["endtime"] = endtime.into();
    }
    row
}

fn describe(call: &Call<'_>, task: &Task) -> Value {
    json!({ "upid": task.upid, "node": call.state.name, "pid": task.pid, "pstart": task.pstart,
        "starttime": task.starttime, "type": task.kind, "id": task.id, "user": task.user })
}

pub(crate) fn status(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    let upid = args.text("upid");
    let task = find(call, upid)?;
    let mut row = describe(call, task);
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
    let args = call.args.clone();
    if !upid.starts_with("UPID:") || upid.split(':').count() != 9 {
        return Err(Refusal::param("upid", "unable to parse worker upid"));
    }
    let Some(task) = call.state.task(upid) else {
        let line = format!("unable to open file '/var/log/pve/tasks/{upid}' - No such file or directory");
        return Ok(Answer::counted(json!([{ "n": 1, "t": line }]), 1));
    };
    let start = usize::try_from(args.number("start").unwrap_or(0)).unwrap_or(usize::MAX);
    let limit = match args.number("limit").unwrap_or(50) {
        0 => usize::MAX,
        limit => usize::try_from(limit).unwrap_or(usize::MAX),
    };
    let lines: Vec<Value> = task
        .log
        .iter()
        .enumerate()
        .skip(start)
        .take(limit)
        .map(|(at, line)| json!({ "n": at + 1, "t": line }))
        .collect();
    Ok(Answer::counted(lines.into(), task.log.len()))
}

pub(crate) fn stop(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    let upid = args.text("upid");
    find(call, upid)?;
    if let Some(work) = call.state.active.get(upid).and_then(|task| task.work.clone()) {
        work.abandon(call.state);
        call.state.end_task(upid, Err("received interrupt".to_owned()));
    }
    Ok(Answer::null())
}

fn find<'a>(call: &'a Call<'_>, upid: &str) -> Result<&'a Task, Refusal> {
    if !upid.starts_with("UPID:") || upid.split(':').count() != 9 {
        return Err(Refusal::param("upid", "unable to parse worker upid"));
    }
    call.state.task(upid).ok_or_else(|| Refusal::param("upid", "no such task"))
}
