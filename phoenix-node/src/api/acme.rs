//! Certificates from authorities: there are no accounts, since no authority can be reached; plugins can be set up.

use serde_json::{Value, json};

use crate::api::{
    Call,
    folder::Folder,
    reply::{Refusal, Reply},
    router::{Handler, Routes},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /cluster/acme/account", Handler::Plain(|_| Ok(json!([]).into()))),
    ("GET /cluster/acme/account/{name}", Handler::Plain(no_account)),
    ("PUT /cluster/acme/account/{name}", Handler::Plain(no_account)),
    ("DELETE /cluster/acme/account/{name}", Handler::Plain(no_account)),
    ("GET /cluster/acme/challenge-schema", Handler::Plain(|_| Ok(json!([]).into()))),
    ("GET /cluster/acme/directories", Handler::Plain(directories)),
    ("GET /cluster/acme/plugins", Handler::Plain(plugins)),
    ("POST /cluster/acme/plugins", Handler::Plain(create)),
    ("GET /cluster/acme/plugins/{id}", Handler::Plain(plugin)),
    ("PUT /cluster/acme/plugins/{id}", Handler::Plain(|call| with_id(call, |call| FOLDER.update(call)))),
    ("DELETE /cluster/acme/plugins/{id}", Handler::Plain(delete)),
];

const FOLDER: Folder = Folder {
    id: "plugin",
    noun: "",
    required: &["api"],
    kind: "",
    shelf: |cluster| &cluster.acme_plugins,
    shelf_mut: |cluster| &mut cluster.acme_plugins,
    taken: |id| format!("ACME plugin ID '{id}' already exists"),
    missing: |id| format!("ACME plugin '{id}' not defined"),
};

/// The plugin that is always there.
const STANDALONE: &str = "standalone";

fn directories(_call: &mut Call<'_>) -> Reply {
    Ok(json!([
        { "name": "Let's Encrypt V2", "url": "https://acme-v02.api.letsencrypt.org/directory" },
        { "name": "Let's Encrypt V2 Staging", "url": "https://acme-staging-v02.api.letsencrypt.org/directory" },
    ])
    .into())
}

fn no_account(call: &mut Call<'_>) -> Reply {
    let name = call.args.get("name").unwrap_or("default");
    Err(Refusal::failed(format!("ACME account config file '{name}' does not exist.")))
}

fn standalone(call: &Call<'_>) -> Value {
    json!({ "plugin": STANDALONE, "type": STANDALONE, "digest": call.state.cluster.acme_plugins.digest(FOLDER.required) })
}

fn plugins(call: &mut Call<'_>) -> Reply {
    let mut rows: Vec<Value> = FOLDER.rows(call).into_iter().map(Value::from).collect();
    if call.args.get("type").is_none_or(|kind| kind == STANDALONE) {
        rows.push(standalone(call));
    }
    Ok(Value::from(rows).into())
}

fn plugin(call: &mut Call<'_>) -> Reply {
    if call.args.text("id") == STANDALONE {
        return Ok(standalone(call).into());
    }
    with_id(call, |call| FOLDER.read(call))
}

fn create(call: &mut Call<'_>) -> Reply {
    let id = call.args.text("id");
    if id == STANDALONE {
        return Err(Refusal::failed((FOLDER.taken)(id)));
    }
    if call.args.text("type") == "dns" && call.args.get("api").is_none() {
        return Err(Refusal::failed("missing value for required option 'api'"));
    }
    with_id(call, |call| FOLDER.create(call))
}

fn delete(call: &mut Call<'_>) -> Reply {
    with_id(call, |call| {
        FOLDER.find(call)?;
        FOLDER.remove(call)
    })
}

/// The parameter of these calls is `id`, and what is shown is `plugin`.
fn with_id(call: &mut Call<'_>, answer: fn(&mut Call<'_>) -> Reply) -> Reply {
    call.args = call.args.renamed("id", FOLDER.id);
    answer(call)
}
