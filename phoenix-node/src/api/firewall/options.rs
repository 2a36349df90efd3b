//! Options of firewalls, and their logs, which stay empty: no packet passes here.

use serde_json::{Map, Value, json};

use super::{Level, assert_unchanged};
use crate::{
    api::{
        Call,
        reply::{Answer, Refusal, Reply},
        router::{Handler, Routes},
    },
    state::{firewall::digest, now},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /cluster/firewall/options", Handler::Plain(read)),
    ("PUT /cluster/firewall/options", Handler::Plain(change)),
    ("GET /cluster/sdn/vnets/{vnet}/firewall/options", Handler::Plain(read)),
    ("PUT /cluster/sdn/vnets/{vnet}/firewall/options", Handler::Plain(change)),
    ("GET /nodes/{node}/firewall/options", Handler::Plain(read)),
    ("PUT /nodes/{node}/firewall/options", Handler::Plain(change)),
    ("GET /nodes/{node}/firewall/log", Handler::Plain(log)),
    ("GET /nodes/{node}/{kind}/{vmid}/firewall/options", Handler::Plain(read)),
    ("PUT /nodes/{node}/{kind}/{vmid}/firewall/options", Handler::Plain(change)),
    ("GET /nodes/{node}/{kind}/{vmid}/firewall/log", Handler::Plain(log)),
];

/// Parameters that are no options.
const CONTROL: &[&str] = &["delete", "digest", "node", "vmid", "vnet"];

fn read(call: &mut Call<'_>) -> Reply {
    let mut options = Level::of(call).read(&call.state.firewall).options;
    let digest = digest(&[options.clone()]);
    options.insert("digest".to_owned(), digest.into());
    Ok(Value::from(options).into())
}

fn change(call: &mut Call<'_>) -> Reply {
    let level = Level::of(call);
    let mut options = level.read(&call.state.firewall).options;
    assert_unchanged(call, &digest(&[options.clone()]))?;
    for key in call.args.list("delete") {
        if !call.entry.has(&key) || CONTROL.contains(&key.as_str()) {
            return Err(Refusal::param("delete", format!("no such option '{key}'")));
        }
        options.remove(&key);
    }
    options.extend(given(call));
    // PVE keeps the moment at which the cluster's firewall was switched on for good.
    if level == Level::Cluster && options.get("enable").and_then(Value::as_u64).is_some_and(|on| on > 1) {
        options.insert("enable".to_owned(), now().into());
    }
    level.write(&mut call.state.firewall).options = options;
    Ok(Answer::null())
}

fn given(call: &Call<'_>) -> Map<String, Value> {
    let keys = call.args.keys().filter(|key| !CONTROL.contains(key));
    keys.filter_map(|key| Some((key.to_owned(), call.entry.value(key, call.args.get(key)?)))).collect()
}

fn log(_call: &mut Call<'_>) -> Reply {
    Ok(Answer::counted(json!([{ "n": 1, "t": "unable to open file - No such file or directory" }]), 1))
}
