//! Matchers, and what they can ask for.

use serde_json::{Value, json};

use super::{create, delete, list, read, update};
use crate::{
    api::{
        Call,
        reply::Reply,
        router::{Handler, Routes},
    },
    state::cluster::notifications::MATCHER,
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /cluster/notifications/matchers", Handler::Plain(|call| list(call, MATCHER))),
    ("POST /cluster/notifications/matchers", Handler::Plain(|call| create(call, MATCHER))),
    ("GET /cluster/notifications/matchers/{name}", Handler::Plain(|call| read(call, MATCHER))),
    ("PUT /cluster/notifications/matchers/{name}", Handler::Plain(|call| update(call, MATCHER))),
    ("DELETE /cluster/notifications/matchers/{name}", Handler::Plain(|call| delete(call, MATCHER))),
    ("GET /cluster/notifications/matcher-fields", Handler::Plain(fields)),
    ("GET /cluster/notifications/matcher-field-values", Handler::Plain(values)),
];

/// The kinds of notifications that PVE sends.
const TYPES: &[&str] = &["fencing", "package-updates", "replication", "system-mail", "vzdump"];

fn fields(_call: &mut Call<'_>) -> Reply {
    Ok(json!([{ "name": "type" }, { "name": "hostname" }, { "name": "job-id" }]).into())
}

fn values(call: &mut Call<'_>) -> Reply {
    let types = TYPES.iter().map(|name| json!({ "field": "type", "value": name }));
    let node = [json!({ "field": "hostname", "value": call.state.name })];
    let jobs = call.state.cluster.jobs.iter().map(|job| json!({ "field": "job-id", "value": job.id }));
    Ok(types.chain(node).chain(jobs).collect::<Value>().into())
}
