//! The cluster's log: what tasks began and ended.

use serde_json::{Value, json};

use crate::{
    api::{
        Call,
        reply::Reply,
        router::{Handler, Routes},
    },
    state::task::Task,
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[("GET /cluster/log", Handler::Plain(read))];

fn read(call: &mut Call<'_>) -> Reply {
    let state = &call.state;
    let archived = state.archive.iter().map(|task| &**task);
    let mut events: Vec<(u64, &Task, String)> = Vec::new();
    for task in archived.chain(state.active.values()) {
        events.push((task.starttime, task, format!("starting task {}", task.upid)));
        if let (Some(time), Some(status)) = (task.endtime, &task.exitstatus) {
            events.push((time, task, format!("end task {} {status}", task.upid)));
        }
    }
    events.sort_by_key(|(time, ..)| *time);
    let count = usize::try_from(call.args.number("max").unwrap_or(500)).unwrap_or(usize::MAX);
    let numbered = events.into_iter().enumerate().rev().take(count);
    let rows = numbered.map(|(at, (time, task, text))| {
        let uid = (at + 1).to_string();
        json!({ "uid": uid, "id": format!("{uid}:{}", state.name), "node": state.name, "time": time, "pri": 6,
            "tag": "pvedaemon", "pid": task.pid, "user": task.user, "msg": text })
    });
    Ok(rows.collect::<Value>().into())
}
