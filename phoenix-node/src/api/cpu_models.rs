//! Models of CPUs of one's own making, and the flags that a CPU can have.

use serde_json::{Value, json};

use crate::api::{
    Call,
    folder::Folder,
    reply::{Refusal, Reply},
    router::{Handler, Routes},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /cluster/qemu/cpu-flags", Handler::Plain(flags)),
    ("GET /cluster/qemu/custom-cpu-models", Handler::Plain(|call| FOLDER.list(call))),
    ("POST /cluster/qemu/custom-cpu-models", Handler::Plain(|call| FOLDER.create(call))),
    ("GET /cluster/qemu/custom-cpu-models/{cputype}", Handler::Plain(|call| FOLDER.read(call))),
    ("PUT /cluster/qemu/custom-cpu-models/{cputype}", Handler::Plain(update)),
    ("DELETE /cluster/qemu/custom-cpu-models/{cputype}", Handler::Plain(delete)),
];

const FOLDER: Folder = Folder {
    id: "cputype",
    noun: "",
    required: &["reported-model"],
    kind: "",
    shelf: |cluster| &cluster.cpu_models,
    shelf_mut: |cluster| &mut cluster.cpu_models,
    taken: |id| format!("CPU model '{id}' already exists"),
    missing: |id| format!("Custom cputype '{id}' not found"),
};

/// The flags that a machine's CPU can be given or refused.
const FLAGS: &[&str] = &[
    "aes",
    "amd-no-ssb",
    "amd-ssbd",
    "hv-evmcs",
    "hv-tlbflush",
    "ibpb",
    "md-clear",
    "nested-virt",
    "pcid",
    "pdpe1gb",
    "spec-ctrl",
    "ssbd",
    "virt-ssbd",
];

fn flags(call: &mut Call<'_>) -> Reply {
    let node = call.state.name.clone();
    Ok(FLAGS.iter().map(|flag| json!({ "name": flag, "supported-on": [node] })).collect::<Value>().into())
}

fn update(call: &mut Call<'_>) -> Reply {
    FOLDER.find(call)?;
    FOLDER.update(call)
}

fn delete(call: &mut Call<'_>) -> Reply {
    let id = call.args.text("cputype");
    if call.state.cluster.cpu_models.get(id).is_none() {
        return Err(Refusal::failed((FOLDER.missing)(id)));
    }
    FOLDER.remove(call)
}
