//! Notifications: where they go (endpoints), and which go where (matchers). Nothing is really sent.

mod endpoints;
mod matchers;
mod targets;

use serde_json::{Map, Value};

use crate::{
    api::{
        Call,
        firewall::CHANGED,
        folder::given,
        reply::{Answer, Refusal, Reply},
        router::Routes,
    },
    state::sections::Section,
};

/// The calls of the modules below.
pub(crate) const ROUTES: &[Routes] = &[endpoints::ROUTES, matchers::ROUTES, targets::ROUTES];

/// The properties that are never shown.
const SECRET: &[&str] = &["token", "password", "secret"];

fn missing(kind: &str, name: &str) -> Refusal {
    let noun = if kind == "matcher" { "matcher" } else { "endpoint" };
    Refusal::Failed(404, format!("{noun} '{name}' not found"))
}

fn bad(text: String) -> Refusal {
    Refusal::Failed(400, text)
}

fn row(call: &Call<'_>, section: &Section) -> Map<String, Value> {
    let mut row: Map<String, Value> = section.values.clone();
    row.insert("name".to_owned(), section.id.as_str().into());
    row.insert("origin".to_owned(), call.state.cluster.notifications.origin(section).into());
    row
}

fn list(call: &Call<'_>, kind: &str) -> Reply {
    let sections = call.state.cluster.notifications.sections.iter().filter(|section| section.kind == kind);
    Ok(sections.map(|section| Value::from(row(call, section))).collect::<Value>().into())
}

fn read(call: &Call<'_>, kind: &str) -> Reply {
    let name = call.args.text("name");
    let notifications = &call.state.cluster.notifications;
    let section = notifications.find(kind, name).ok_or_else(|| missing(kind, name))?;
    let mut row = row(call, section);
    row.insert("digest".to_owned(), notifications.digest().into());
    Ok(Value::from(row).into())
}

fn create(call: &mut Call<'_>, kind: &str) -> Reply {
    let name = call.args.text("name").to_owned();
    if call.state.cluster.notifications.sections.get(&name).is_some() {
        return Err(bad(format!("Cannot create '{name}', an entity with the same name already exists")));
    }
    check_targets(call)?;
    store(call, Section { id: name, kind: kind.to_owned(), values: Map::new() })
}

fn update(call: &mut Call<'_>, kind: &str) -> Reply {
    let name = call.args.text("name").to_owned();
    let notifications = &call.state.cluster.notifications;
    if call.args.get("digest").is_some_and(|seen| seen != notifications.digest()) {
        return Err(bad(CHANGED.to_owned()));
    }
    let mut section = notifications.find(kind, &name).cloned().ok_or_else(|| missing(kind, &name))?;
    check_targets(call)?;
    for key in call.args.list("delete") {
        section.values.remove(&key);
    }
    store(call, section)
}

/// Puts what a call gives into a section, secrets apart.
fn store(call: &mut Call<'_>, mut section: Section) -> Reply {
    let (secret, plain): (Map<_, _>, Map<_, _>) =
        given(call, &["name"]).into_iter().partition(|(key, _)| SECRET.contains(&key.as_str()));
    section.values.extend(plain);
    // What is on unless it is off is not written down, and what is off is.
    section.values.retain(|key, value| key != "disable" || *value != 0);
    if matches!(section.kind.as_str(), "sendmail" | "smtp")
        && !["mailto", "mailto-user"].iter().any(|key| section.values.contains_key(*key))
    {
        let text = "must at least provide one recipient, either in mailto or in mailto-user";
        return Err(bad(text.to_owned()));
    }
    let notifications = &mut call.state.cluster.notifications;
    if !secret.is_empty() {
        let mut kept = notifications.secrets.get(&section.id).cloned().unwrap_or_else(|| Section {
            id: section.id.clone(),
            kind: section.kind.clone(),
            values: Map::new(),
        });
        kept.values.extend(secret);
        notifications.secrets.put(kept);
    }
    notifications.is_written = true;
    notifications.sections.put(section);
    Ok(Answer::null())
}

fn delete(call: &mut Call<'_>, kind: &str) -> Reply {
    let name = call.args.text("name").to_owned();
    let notifications = &call.state.cluster.notifications;
    if notifications.find(kind, &name).is_none() {
        return Err(missing(kind, &name));
    }
    let targets = |section: &Section| {
        section
            .values
            .get("target")
            .and_then(Value::as_array)
            .is_some_and(|list| list.iter().any(|entry| *entry == name.as_str()))
    };
    let users: Vec<&str> = notifications
        .sections
        .iter()
        .filter(|section| targets(section))
        .map(|section| section.id.as_str())
        .collect();
    if !users.is_empty()
        && notifications
            .origin(&notifications.sections.get(&name).cloned().ok_or_else(|| missing(kind, &name))?)
            == "user-created"
    {
        return Err(bad(format!("cannot delete '{name}', referenced by: {}", users.join(", "))));
    }
    call.state.cluster.notifications.remove(&name);
    Ok(Answer::null())
}

/// Refuses targets that are not there.
fn check_targets(call: &Call<'_>) -> Result<(), Refusal> {
    let sections = &call.state.cluster.notifications.sections;
    for name in call.args.list("target") {
        if sections.get(&name).is_none_or(|section| section.kind == "matcher") {
            return Err(Refusal::Failed(404, format!("endpoint '{name}' not found")));
        }
    }
    Ok(())
}
