//! Synchronisation of realms at set times.

use serde_json::Value;

use crate::{
    api::{
        Call,
        folder::Folder,
        reply::{Refusal, Reply},
        router::{Handler, Routes},
    },
    schedule::Calendar,
    state::{now, sections::Section},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /cluster/jobs/realm-sync", Handler::Plain(list)),
    ("GET /cluster/jobs/realm-sync/{id}", Handler::Plain(read)),
    ("POST /cluster/jobs/realm-sync/{id}", Handler::Plain(create)),
    ("PUT /cluster/jobs/realm-sync/{id}", Handler::Plain(update)),
    ("DELETE /cluster/jobs/realm-sync/{id}", Handler::Plain(delete)),
];

const KIND: &str = "realm-sync";

const FOLDER: Folder = Folder {
    id: "id",
    noun: "",
    required: &["schedule"],
    kind: KIND,
    shelf: |cluster| &cluster.jobs,
    shelf_mut: |cluster| &mut cluster.jobs,
    taken: |id| format!("Job '{id}' already exists"),
    missing: |id| format!("No such job '{id}'"),
};

fn find<'a>(call: &'a Call<'_>) -> Result<&'a Section, Refusal> {
    let id = call.args.text("id");
    let job = call.state.cluster.jobs.get(id).filter(|job| job.kind == KIND);
    job.ok_or_else(|| Refusal::param("id", (FOLDER.missing)(id)))
}

fn list(call: &mut Call<'_>) -> Reply {
    let now = i64::try_from(now()).unwrap_or(0);
    let jobs = call.state.cluster.jobs.iter().filter(|job| job.kind == KIND);
    let rows = jobs.map(|job| {
        let mut row = FOLDER.row(job, None);
        row.remove("type");
        let next = job.str("schedule").and_then(|text| Calendar::parse(text).ok()?.next(now));
        if let Some(next) = next {
            row.insert("next-run".to_owned(), next.into());
        }
        Value::from(row)
    });
    Ok(Value::from(rows.collect::<Vec<_>>()).into())
}

fn read(call: &mut Call<'_>) -> Reply {
    let mut row = FOLDER.row(find(call)?, None);
    row.remove("type");
    Ok(Value::from(row).into())
}

fn create(call: &mut Call<'_>) -> Reply {
    if call.args.get("realm").is_none() {
        return Err(Refusal::failed("missing value for required option 'realm'"));
    }
    FOLDER.create(call)
}

fn update(call: &mut Call<'_>) -> Reply {
    find(call)?;
    FOLDER.update(call)
}

fn delete(call: &mut Call<'_>) -> Reply {
    find(call)?;
    FOLDER.remove(call)
}
