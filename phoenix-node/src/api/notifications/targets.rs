//! Targets: all endpoints together.

use serde_json::{Value, json};

use crate::{
    api::{
        Call,
        reply::{Answer, Refusal, Reply},
        router::{Handler, Routes},
    },
    state::cluster::notifications::ENDPOINTS,
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /cluster/notifications/targets", Handler::Plain(list)),
    ("POST /cluster/notifications/targets/{name}/test", Handler::Plain(test)),
];

fn list(call: &mut Call<'_>) -> Reply {
    let notifications = &call.state.cluster.notifications;
    let endpoints =
        notifications.sections.iter().filter(|section| ENDPOINTS.contains(&section.kind.as_str()));
    let rows = endpoints.map(|section| {
        let mut row = json!({ "name": section.id, "type": section.kind,
            "origin": notifications.origin(section) });
        for key in ["comment", "disable"] {
            if let Some(value) = section.values.get(key) {
                row[key] = value.clone();
            }
        }
        row
    });
    Ok(rows.collect::<Value>().into())
}

/// Tries a target. Whatever lies outside the node cannot be reached from it; mail to its own users can.
fn test(call: &mut Call<'_>) -> Reply {
    let name = call.args.text("name");
    let section = call.state.cluster.notifications.sections.get(name);
    let section = section.filter(|section| ENDPOINTS.contains(&section.kind.as_str()));
    let section = section.ok_or_else(|| Refusal::Failed(404, format!("endpoint '{name}' not found")))?;
    if section.kind == "sendmail" {
        return Ok(Answer::null());
    }
    Err(Refusal::failed(format!("Could not test target: could not notify via endpoint '{name}'")))
}
