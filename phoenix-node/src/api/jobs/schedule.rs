//! When a schedule comes round.

use serde_json::{Value, json};

use crate::{
    api::{
        Call,
        reply::Reply,
        router::{Handler, Routes},
    },
    schedule::{Calendar, written},
    state::now,
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[("GET /cluster/jobs/schedule-analyze", Handler::Plain(analyze))];

fn analyze(call: &mut Call<'_>) -> Reply {
    let Ok(event) = Calendar::parse(call.args.text("schedule")) else { return Ok(json!([]).into()) };
    let mut time = call.args.number("starttime").unwrap_or_else(now).try_into().unwrap_or(i64::MAX);
    let mut rows = Vec::new();
    for _ in 0..call.args.number("iterations").unwrap_or(10) {
        let Some(next) = event.next(time) else { break };
        rows.push(json!({ "timestamp": next, "utc": written(next) }));
        time = next;
    }
    Ok(Value::from(rows).into())
}
