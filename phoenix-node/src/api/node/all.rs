//! The calls on all guests of a node at once, and on the node's own power; and many calls in one.

use serde_json::{Value, json};

use crate::{
    api::{
        Call,
        reply::{Answer, Refusal, Reply, render},
        router::{Asked, Handler, Routes, route},
        schema::Given,
    },
    work::{HostJob, Work, start_order},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("POST /nodes/{node}/startall", Handler::Plain(start)),
    ("POST /nodes/{node}/stopall", Handler::Plain(stop)),
    ("POST /nodes/{node}/suspendall", Handler::Plain(suspend)),
    ("POST /nodes/{node}/status", Handler::Plain(power)),
    ("POST /nodes/{node}/execute", Handler::Plain(execute)),
];

/// Returns the guests that a call names; none if it names none.
fn named(call: &Call<'_>) -> Option<Vec<u32>> {
    call.args.get("vms")?;
    Some(call.args.list("vms").iter().filter_map(|vmid| vmid.parse().ok()).collect())
}

fn start(call: &mut Call<'_>) -> Reply {
    let (named, force) = (named(call), call.args.flag("force"));
    let vmids = start_order(call.state, |vmid| {
        let Some(guest) = call.state.guests.get(&vmid).filter(|guest| !guest.running) else { return false };
        match &named {
            Some(named) => named.contains(&vmid),
            None => force || guest.get("onboot") == Some("1"),
        }
    });
    call.task(Work::Host(HostJob::StartAll { vmids }))
}

fn running(call: &Call<'_>) -> Vec<u32> {
    let named = named(call);
    let mut vmids = start_order(call.state, |vmid| {
        call.state.guests.get(&vmid).is_some_and(|guest| guest.running)
            && named.as_ref().is_none_or(|named| named.contains(&vmid))
    });
    vmids.reverse();
    vmids
}

fn stop(call: &mut Call<'_>) -> Reply {
    let vmids = running(call);
    call.task(Work::Host(HostJob::StopAll { vmids }))
}

fn suspend(call: &mut Call<'_>) -> Reply {
    let mut vmids = running(call);
    // Containers cannot be frozen.
    vmids.retain(|vmid| {
        call.state.guests.get(vmid).is_some_and(|guest| guest.kind == phoenix_core::GuestKind::Vm)
    });
    call.task(Work::Host(HostJob::SuspendAll { vmids }))
}

fn power(call: &mut Call<'_>) -> Reply {
    // The node stops its guests and comes back, which takes no time that matters here.
    let vmids = running(call);
    if !vmids.is_empty() {
        call.task(Work::Host(HostJob::StopAll { vmids }))?;
    }
    if call.args.text("command") == "reboot" {
        let vmids = start_order(call.state, |vmid| {
            call.state.guests.get(&vmid).is_some_and(|guest| guest.get("onboot") == Some("1"))
        });
        call.task(Work::Host(HostJob::StartAll { vmids }))?;
    }
    Ok(Answer::null())
}

fn execute(call: &mut Call<'_>) -> Reply {
    let commands: Vec<Value> = serde_json::from_str(call.args.text("commands")).unwrap_or_default();
    let node = call.node();
    let mut asked = Vec::new();
    for command in &commands {
        asked.push(read(command, &node).ok_or_else(|| {
            Refusal::param("commands", "each command needs a `path` and a `method`, and may have `args`")
        })?);
    }
    let mut results = Vec::new();
    for asked in asked {
        let reply = route(call.state, call.caller, &asked);
        let response = render(reply);
        let mut row: Value = serde_json::from_slice(&response.body).unwrap_or_else(|_| json!({}));
        row["status"] = response.status.into();
        if response.status == 200 {
            row["data"] = row["data"].take();
        } else if row.get("message").is_none() {
            row["message"] = response.reason.into();
        }
        results.push(row);
    }
    Ok(Value::from(results).into())
}

/// Reads one of many calls; its path stands below the node.
fn read(command: &Value, node: &str) -> Option<Asked> {
    let method = match command.get("method")?.as_str()? {
        "GET" => phoenix_pve::transport::Method::Get,
        "POST" => phoenix_pve::transport::Method::Post,
        "PUT" => phoenix_pve::transport::Method::Put,
        "DELETE" => phoenix_pve::transport::Method::Delete,
        _ => return None,
    };
    let below = command.get("path")?.as_str()?;
    let path = ["nodes", node]
        .into_iter()
        .chain(below.split('/').filter(|part| !part.is_empty()))
        .map(str::to_owned)
        .collect();
    let args = command.get("args").and_then(Value::as_object).cloned().unwrap_or_default();
    let params = args.iter().map(|(key, value)| (key.clone(), Given::of(value))).collect();
    Some(Asked { method, path, params, upload: None })
}
