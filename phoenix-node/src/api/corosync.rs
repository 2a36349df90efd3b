//! What the node says of the cluster's communication and of Ceph: it is in no cluster, and has no Ceph.

use serde_json::json;

use crate::api::{
    Call,
    reply::{Refusal, Reply},
    router::{Handler, Routes},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /cluster/config/apiversion", Handler::Plain(version)),
    ("GET /cluster/config/join", Handler::Plain(join)),
    ("GET /cluster/config/nodes", Handler::Plain(|_| Ok(json!([]).into()))),
    ("GET /cluster/config/qdevice", Handler::Plain(|_| Ok(json!({}).into()))),
    ("GET /cluster/config/totem", Handler::Plain(|_| Ok(json!({}).into()))),
    ("GET /cluster/ceph/flags", Handler::Plain(ceph)),
    ("PUT /cluster/ceph/flags", Handler::Plain(ceph)),
    ("GET /cluster/ceph/flags/{flag}", Handler::Plain(ceph)),
    ("PUT /cluster/ceph/flags/{flag}", Handler::Plain(ceph)),
    ("GET /cluster/ceph/metadata", Handler::Plain(ceph)),
    ("GET /cluster/ceph/status", Handler::Plain(ceph)),
    ("POST /cluster/ceph/restart-bulk", Handler::Plain(ceph)),
];

fn version(_call: &mut Call<'_>) -> Reply {
    Ok(json!(1).into())
}

fn join(_call: &mut Call<'_>) -> Reply {
    Err(Refusal::Failed(424, "node is not in a cluster, no join info available!".to_owned()))
}

fn ceph(_call: &mut Call<'_>) -> Reply {
    Err(Refusal::failed("binary not installed: /usr/bin/ceph-mon"))
}
