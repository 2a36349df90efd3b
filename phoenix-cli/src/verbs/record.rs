//! `node record`: what a host answers to reads, in the form of the records that the embedded node is held against, for
//! reports of what the two do differently. Nothing is changed on the host, and secrets are blanked.

use clap::Args;
use phoenix_pve::{Client, Method, Request};
use serde_json::{Map, Value, json};

use super::serve::described;
use crate::{
    args::HostChoice,
    context::Context,
    error::{Error, Exit},
    host::Host,
};

/// What stands in place of a secret.
const BLANK: &str = "<blanked>";
/// The parts of keys whose values are secrets.
const SECRET: &[&str] =
    &["password", "secret", "ticket", "token", "sshkeys", "ssh-public-keys", "private", "csrf"];

/// Record what a Proxmox VE host answers to reads, a line of JSON a call, for a report of what the embedded node does
/// differently. Changes nothing on the host. Secrets are blanked; names, addresses and notes are not: look through the
/// file before you give it away.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    phoenix node record https://pve1:8006 --fingerprint AB:CD:… > pve1.jsonl\n  \
    phoenix node record https://pve1:8006 --path /cluster/ha/status/current > ha.jsonl")]
pub(crate) struct Record {
    /// The host's URL. Credentials come from the environment, as for `--host`.
    url: String,
    /// Only these paths below `/api2/json`, instead of what Phoenix itself reads.
    #[arg(long = "path", value_name = "PATH")]
    paths: Vec<String>,
    /// At most so many guests.
    #[arg(long, default_value_t = 50, value_name = "COUNT")]
    guests: usize,
}

impl Record {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        let mut global = context.global.clone();
        global.host = Some(HostChoice::Url(self.url.clone()));
        context.block_on(async {
            let host = Host::open(&global, &described(context)).await?;
            let client = host.backend.client();
            let paths = match self.paths.is_empty() {
                true => worth_reading(client, self.guests).await?,
                false => self.paths.clone(),
            };
            for (at, path) in paths.iter().enumerate() {
                let line = record(client, at + 1, path).await?;
                context.ui.data(&line.to_string());
            }
            Ok(Exit::Done)
        })
    }
}

/// Returns the paths that tell how a host answers: those that Phoenix reads, on every node and guest.
async fn worth_reading(client: &Client, most: usize) -> Result<Vec<String>, Error> {
    let mut paths: Vec<String> = [
        "/version",
        "/cluster/status",
        "/cluster/resources",
        "/cluster/options",
        "/cluster/tasks",
        "/cluster/nextid",
        "/nodes",
        "/storage",
        "/pools",
        "/access/permissions",
    ]
    .map(str::to_owned)
    .to_vec();
    let rows = client.get("/cluster/resources", Vec::new()).await.map_err(Error::Api)?;
    let rows = rows.as_array().cloned().unwrap_or_default();
    let of = |kind: &str| rows.iter().filter(|row| row["type"] == kind).cloned().collect::<Vec<_>>();
    for node in of("node") {
        let Some(node) = node["node"].as_str() else { continue };
        for call in ["status", "version", "network", "storage", "lxc", "qemu", "tasks"] {
            paths.push(format!("/nodes/{node}/{call}"));
        }
    }
    for storage in of("storage") {
        if let (Some(node), Some(name)) = (storage["node"].as_str(), storage["storage"].as_str()) {
            paths.push(format!("/nodes/{node}/storage/{name}/status"));
            paths.push(format!("/nodes/{node}/storage/{name}/content"));
        }
    }
    let guests = rows.iter().filter(|row| row["type"] == "lxc" || row["type"] == "qemu");
    for guest in guests.take(most) {
        let (Some(node), Some(id)) = (guest["node"].as_str(), guest["id"].as_str()) else { continue };
        for call in ["config", "pending", "status/current", "snapshot", "firewall/rules", "firewall/options"]
        {
            paths.push(format!("/nodes/{node}/{id}/{call}"));
        }
    }
    Ok(paths)
}

async fn record(client: &Client, number: usize, path: &str) -> Result<Value, Error> {
    let request = Request { method: Method::Get, path: path.to_owned(), params: Vec::new() };
    let answer = client.exchange(request).await.map_err(Error::Api)?;
    let full = format!("/api2/json{path}");
    let json = serde_json::from_slice::<Value>(&answer.body).ok().map(|value| blanked("", value));
    let text = json.is_none().then(|| String::from_utf8_lossy(&answer.body).into_owned());
    Ok(json!({
        "id": format!("record.{number:03}"),
        "name": path,
        "note": null,
        "auth": "recorded",
        "request": {
            "method": "GET", "path": full, "params": {}, "encoding": "query", "raw_target": full, "raw_body": null,
            "headers": {},
        },
        "response": {
            "version": "HTTP/1.1", "status": answer.status, "reason": answer.reason, "headers": {}, "json": json,
            "text": text,
        },
    }))
}

/// Returns a value without its secrets.
fn blanked(key: &str, value: Value) -> Value {
    match value {
        Value::Object(object) => {
            // Pending changes name the key beside the value.
            let named = object.get("key").and_then(Value::as_str).unwrap_or_default().to_owned();
            let fields = object.into_iter().map(|(key, value)| {
                let of = if matches!(key.as_str(), "value" | "pending") { &named } else { &key };
                let value = blanked(of, value);
                (key, value)
            });
            fields.collect::<Map<_, _>>().into()
        }
        Value::Array(values) => values.into_iter().map(|value| blanked(key, value)).collect(),
        Value::String(_) if SECRET.iter().any(|word| key.to_lowercase().contains(word)) => BLANK.into(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_blanked_wherever_they_stand() {
        let answer = json!({ "data": [
            { "key": "cipassword", "value": "x", "pending": "y" },
            { "name": "a", "sshkeys": "ssh-ed25519%20AAAA", "digest": "00" },
        ] });
        let expected = json!({ "data": [
            { "key": "cipassword", "value": BLANK, "pending": BLANK },
            { "name": "a", "sshkeys": BLANK, "digest": "00" },
        ] });
        assert_eq!(blanked("", answer), expected);
    }
}
