//! Backup jobs.

use serde_json::{Map, Value};

use crate::{
    api::{
        Call,
        folder::given,
        reply::{Answer, Refusal, Reply},
        router::{Handler, Routes},
    },
    schedule::Calendar,
    state::{config, now, sections::Section},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /cluster/backup", Handler::Plain(list)),
    ("POST /cluster/backup", Handler::Plain(create)),
    ("GET /cluster/backup/{id}", Handler::Plain(read)),
    ("PUT /cluster/backup/{id}", Handler::Plain(update)),
    ("DELETE /cluster/backup/{id}", Handler::Plain(delete)),
];

/// The type of these jobs.
const KIND: &str = "vzdump";
/// Property strings that are shown as objects.
const OBJECTS: &[&str] = &["fleecing", "performance", "prune-backups"];
/// The ways of saying what is saved, of which a job has one.
const SELECTIONS: &[&str] = &["all", "pool", "vmid"];

/// Returns a job that is there.
pub(super) fn find<'a>(call: &'a Call<'_>, id: &str) -> Option<&'a Section> {
    call.state.cluster.jobs.get(id).filter(|job| job.kind == KIND)
}

/// Returns the refusal of parameters as it looks from under a lock: with their texts, but without naming them apart.
fn refuse(name: &str, text: &str) -> Refusal {
    Refusal::failed(format!("400 Parameter verification failed.\n{name}: {text}"))
}

fn row(job: &Section) -> Map<String, Value> {
    let mut row = job.values.clone();
    for key in OBJECTS {
        if let Some(Value::String(text)) = row.get(*key) {
            let pairs = config::pairs(text).into_iter();
            let object: Map<String, Value> = pairs
                .map(|(name, value)| {
                    (if name.is_empty() { "enabled" } else { name }.to_owned(), value.into())
                })
                .collect();
            row.insert((*key).to_owned(), object.into());
        }
    }
    row.insert("id".to_owned(), job.id.as_str().into());
    row.insert("type".to_owned(), KIND.into());
    row
}

fn list(call: &mut Call<'_>) -> Reply {
    let now = i64::try_from(now()).unwrap_or(0);
    let jobs = call.state.cluster.jobs.iter().filter(|job| job.kind == KIND);
    let rows = jobs.map(|job| {
        let mut row = row(job);
        let next = job.str("schedule").and_then(|text| Calendar::parse(text).ok()?.next(now));
        if let Some(next) = next {
            row.insert("next-run".to_owned(), next.into());
        }
        Value::from(row)
    });
    Ok(Value::from(rows.collect::<Vec<_>>()).into())
}

fn read(call: &mut Call<'_>) -> Reply {
    let id = call.args.text("id");
    let job = find(call, id).ok_or_else(|| Refusal::param("id", format!("No such job '{id}'")))?;
    Ok(Value::from(row(job)).into())
}

fn create(call: &mut Call<'_>) -> Reply {
    let id = call.args.get("id").map_or_else(config::uuid, str::to_owned);
    let mut values = given(call, &["id"]);
    old_times(&mut values);
    check_selection(&values)?;
    if !values.contains_key("schedule") {
        return Err(refuse("schedule", "property is missing"));
    }
    if call.state.cluster.jobs.get(&id).is_some() {
        return Err(Refusal::failed(format!("Job '{id}' already exists")));
    }
    check_names(call, &values)?;
    values.entry("enabled").or_insert_with(|| 1.into());
    call.state.cluster.jobs.put(Section { id, kind: KIND.to_owned(), values });
    Ok(Answer::null())
}

fn update(call: &mut Call<'_>) -> Reply {
    let id = call.args.text("id").to_owned();
    let mut job = find(call, &id).cloned().ok_or_else(|| refuse("id", &format!("No such job '{id}'")))?;
    for key in call.args.list("delete") {
        if key == "schedule" {
            return Err(Refusal::failed(format!("unable to delete required option '{key}'")));
        }
        if !call.entry.has(&key) || matches!(key.as_str(), "id" | "delete") {
            return Err(refuse("delete", &format!("unknown option '{key}'")));
        }
        job.values.remove(&key);
    }
    let mut values = given(call, &["id"]);
    old_times(&mut values);
    check_names(call, &values)?;
    // A new selection takes the place of the old one.
    if SELECTIONS.iter().any(|key| values.contains_key(*key)) {
        job.values.retain(|key, _| {
            !SELECTIONS.contains(&key.as_str()) && key != "exclude" || values.contains_key(key)
        });
    }
    job.values.extend(values);
    check_selection(&job.values)?;
    call.state.cluster.jobs.put(job);
    Ok(Answer::null())
}

fn delete(call: &mut Call<'_>) -> Reply {
    let id = call.args.text("id").to_owned();
    if find(call, &id).is_none() {
        return Err(refuse("id", &format!("No such job '{id}'")));
    }
    call.state.cluster.jobs.remove(&id);
    Ok(Answer::null())
}

/// Makes a schedule of the days and the time that older clients give.
fn old_times(values: &mut Map<String, Value>) {
    let (days, time) = (values.remove("dow"), values.remove("starttime"));
    let text = |value: &Option<Value>| value.as_ref().and_then(Value::as_str).map(str::to_owned);
    if let Some(time) = text(&time).filter(|_| !values.contains_key("schedule")) {
        let days = text(&days).map_or_else(String::new, |days| format!("{days} "));
        values.insert("schedule".to_owned(), format!("{days}{time}").into());
    }
}

fn check_selection(values: &Map<String, Value>) -> Result<(), Refusal> {
    let is_on = |key: &str| values.get(key).is_some_and(|value| *value != 0);
    if is_on("all") && values.contains_key("vmid") {
        return Err(refuse("all", "option conflicts with option 'vmid'"));
    }
    if values.contains_key("exclude") && values.contains_key("vmid") {
        return Err(refuse("exclude", "option conflicts with option 'vmid'"));
    }
    if values.contains_key("pool") && (is_on("all") || values.contains_key("vmid")) {
        let other = if is_on("all") { "all" } else { "vmid" };
        return Err(refuse(other, "option conflicts with option 'pool'"));
    }
    if !is_on("all") && !values.contains_key("vmid") && !values.contains_key("pool") {
        return Err(refuse("vmid", "property is missing"));
    }
    Ok(())
}

fn check_names(call: &Call<'_>, values: &Map<String, Value>) -> Result<(), Refusal> {
    let storage = values.get("storage").and_then(Value::as_str);
    match storage.filter(|name| !call.state.storages.contains_key(*name)) {
        Some(name) => Err(Refusal::failed(format!("storage '{name}' does not exist"))),
        None => Ok(()),
    }
}
