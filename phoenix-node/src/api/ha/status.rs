//! What the manager says of itself and of its guests.

use serde_json::{Value, json};

use crate::{
    api::{
        Call,
        reply::{Answer, Refusal, Reply},
        router::{Handler, Routes},
    },
    state::cluster::ha::request,
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /cluster/ha/status/current", Handler::Plain(current)),
    ("GET /cluster/ha/status/manager_status", Handler::Plain(manager)),
    ("POST /cluster/ha/status/arm-ha", Handler::Plain(arm)),
    ("POST /cluster/ha/status/disarm-ha", Handler::Plain(disarm)),
];

fn current(call: &mut Call<'_>) -> Reply {
    let node = &call.state.name;
    let ha = &call.state.cluster.ha;
    let (armed, fencing) = match &ha.disarmed {
        Some(_) => ("disarmed", "disarmed (CRM watchdog inactive)"),
        None => ("standby", "standby (CRM watchdog standby)"),
    };
    let mut rows = vec![
        json!({ "id": "quorum", "type": "quorum", "node": node, "status": "OK", "quorate": 1 }),
        json!({ "id": "fencing", "type": "fencing", "node": node, "status": fencing, "armed-state": armed }),
    ];
    for section in ha.resources.iter() {
        let (sid, wanted) = (&section.id, request(section));
        let state = if wanted == "ignored" { "ignored" } else { "queued" };
        let value =
            |key: &str, default: u64| section.values.get(key).cloned().unwrap_or_else(|| default.into());
        let mut row = json!({ "id": format!("service:{sid}"), "type": "service", "sid": sid, "node": node,
            "status": format!("{sid} ({node}, {state})"), "state": state, "request_state": wanted,
            "max_restart": value("max_restart", 1), "max_relocate": value("max_relocate", 1),
            "failback": value("failback", 1) });
        if let Some(comment) = section.values.get("comment") {
            row["comment"] = comment.clone();
        }
        rows.push(row);
    }
    Ok(Value::from(rows).into())
}

fn manager(call: &mut Call<'_>) -> Reply {
    let node = &call.state.name;
    Ok(json!({ "manager_status": { "node_status": {} }, "quorum": { "node": node, "quorate": "1" } }).into())
}

fn arm(call: &mut Call<'_>) -> Reply {
    if call.state.cluster.ha.disarmed.is_none() {
        return Err(Refusal::failed("HA stack is already armed"));
    }
    call.state.cluster.ha.disarmed = None;
    Ok(Answer::null())
}

fn disarm(call: &mut Call<'_>) -> Reply {
    if call.state.cluster.ha.disarmed.is_some() {
        return Err(Refusal::failed("HA stack is already disarmed"));
    }
    call.state.cluster.ha.disarmed = Some(call.args.text("resource-mode").to_owned());
    Ok(Answer::null())
}
