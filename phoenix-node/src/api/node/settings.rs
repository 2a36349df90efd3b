//! The calls on what a node is set to: its options, DNS, names, time and subscription.

use serde_json::{Map, Value, json};

use crate::{
    api::{
        Call,
        reply::{Answer, Refusal, Reply},
        router::{Handler, Routes},
        schema,
    },
    state::{host::digest, now},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /nodes/{node}/config", Handler::Plain(config)),
    ("PUT /nodes/{node}/config", Handler::Plain(set_config)),
    ("GET /nodes/{node}/dns", Handler::Plain(dns)),
    ("PUT /nodes/{node}/dns", Handler::Plain(set_dns)),
    ("GET /nodes/{node}/hosts", Handler::Plain(names)),
    ("POST /nodes/{node}/hosts", Handler::Plain(set_names)),
    ("GET /nodes/{node}/time", Handler::Plain(time)),
    ("PUT /nodes/{node}/time", Handler::Plain(set_time)),
    ("GET /nodes/{node}/subscription", Handler::Plain(subscription)),
    ("POST /nodes/{node}/subscription", Handler::Plain(refresh_subscription)),
    ("PUT /nodes/{node}/subscription", Handler::Plain(set_subscription)),
    ("DELETE /nodes/{node}/subscription", Handler::Plain(delete_subscription)),
    ("POST /nodes/{node}/wakeonlan", Handler::Plain(wake)),
];

const MODIFIED: &str = "detected modified configuration - file changed by other user? Try again.";
const PRICING: &str = "https://www.proxmox.com/en/proxmox-virtual-environment/pricing";

fn config_digest(call: &Call<'_>) -> String {
    let host = call.state.host_of(&call.node());
    digest(&host.config.iter().map(|(key, value)| format!("{key}: {value}\n")).collect::<String>())
}

fn config(call: &mut Call<'_>) -> Reply {
    let host = call.state.host_of(&call.node());
    let wanted = call.args.get("property");
    let mut data: Map<String, Value> = host
        .config
        .iter()
        .filter(|(key, _)| wanted.is_none_or(|wanted| wanted == *key))
        .map(|(key, value)| {
            let number = value.parse::<i64>().ok().filter(|_| schema::is_number_in_set("node-options", key));
            (key.clone(), number.map_or_else(|| value.as_str().into(), Value::from))
        })
        .collect();
    data.insert("digest".to_owned(), config_digest(call).into());
    Ok(Value::from(data).into())
}

fn set_config(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    let node = call.node();
    if args.get("digest").is_some_and(|given| !given.is_empty() && given != config_digest(call)) {
        return Err(Refusal::failed(MODIFIED));
    }
    let (set, delete) = (args.of("node-options"), args.list("delete"));
    if let Some(key) = delete.iter().find(|key| !schema::is_in_set("node-options", key)) {
        return Err(Refusal::param("delete", format!("unknown option '{key}'")));
    }
    call.state.change_host(&node, |host| {
        for key in &delete {
            host.config.remove(key);
        }
        for (key, value) in set {
            // A description is kept in lines.
            let value = match key.as_str() {
                "description" if !value.is_empty() && !value.ends_with('\n') => format!("{value}\n"),
                _ => value,
            };
            host.config.insert(key, value);
        }
    });
    Ok(Answer::null())
}

fn dns(call: &mut Call<'_>) -> Reply {
    let host = call.state.host_of(&call.node());
    let mut data = json!({ "search": host.search });
    for (at, server) in host.dns.iter().enumerate() {
        data[format!("dns{}", at + 1)] = server.as_str().into();
    }
    Ok(data.into())
}

fn set_dns(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    let node = call.node();
    call.state.change_host(&node, |host| {
        args.text("search").clone_into(&mut host.search);
        let servers = ["dns1", "dns2", "dns3"].into_iter().filter_map(|key| args.get(key));
        host.dns = servers.filter(|server| !server.is_empty()).map(str::to_owned).collect();
    });
    Ok(Answer::null())
}

fn names(call: &mut Call<'_>) -> Reply {
    let host = call.state.host_of(&call.node());
    Ok(json!({ "data": host.names, "digest": digest(&host.names) }).into())
}

fn set_names(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    let node = call.node();
    let present = digest(&call.state.host_of(&node).names);
    if args.get("digest").is_some_and(|given| given != present) {
        return Err(Refusal::failed(MODIFIED));
    }
    call.state.change_host(&node, |host| args.text("data").clone_into(&mut host.names));
    Ok(Answer::null())
}

fn time(call: &mut Call<'_>) -> Reply {
    let host = call.state.host_of(&call.node());
    Ok(json!({ "time": now(), "localtime": now(), "timezone": host.timezone }).into())
}

fn set_time(call: &mut Call<'_>) -> Reply {
    let zone = call.args.text("timezone").to_owned();
    let is_zone = zone == "UTC"
        || zone.split_once('/').is_some_and(|(region, place)| {
            region.starts_with(|c: char| c.is_ascii_uppercase())
                && !place.is_empty()
                && zone.chars().all(|c| c.is_ascii_alphanumeric() || "/_+-".contains(c))
        });
    if !is_zone {
        return Err(Refusal::failed("No such timezone."));
    }
    let node = call.node();
    call.state.change_host(&node, |host| host.timezone = zone);
    Ok(Answer::null())
}

fn subscription(call: &mut Call<'_>) -> Reply {
    let host = call.state.host_of(&call.node());
    Ok(match host.key {
        Some(key) => json!({ "status": "new", "key": key, "url": PRICING, "serverid": null,
            "message": "subscription information not checked yet" }),
        None => json!({ "status": "notfound", "message": "There is no subscription key", "url": PRICING, "serverid": null }),
    }
    .into())
}

fn refresh_subscription(_call: &mut Call<'_>) -> Reply {
    // There is nobody to ask: what is known stays known.
    Ok(Answer::null())
}

fn set_subscription(call: &mut Call<'_>) -> Reply {
    let (node, key) = (call.node(), call.args.text("key").trim().to_owned());
    call.state.change_host(&node, |host| host.key = Some(key));
    Ok(Answer::null())
}

fn delete_subscription(call: &mut Call<'_>) -> Reply {
    let node = call.node();
    call.state.change_host(&node, |host| host.key = None);
    Ok(Answer::null())
}

fn wake(call: &mut Call<'_>) -> Reply {
    let node = call.node();
    if node == call.state.name {
        return Err(Refusal::param("node", format!("'{node}' is local node, cannot wake my self!")));
    }
    match call.state.host_of(&node).config.get("wakeonlan") {
        Some(value) => {
            let mac = value.split(',').next().unwrap_or_default().trim_start_matches("mac=");
            Ok(Value::from(mac).into())
        }
        None => Err(Refusal::failed(format!("No wake on LAN MAC address defined for '{node}'!"))),
    }
}
