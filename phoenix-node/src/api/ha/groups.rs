//! Groups, which PVE 9 no longer has: rules took their place.

use crate::api::{
    Call,
    reply::{Refusal, Reply},
    router::{Handler, Routes},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /cluster/ha/groups", Handler::Plain(list)),
    ("POST /cluster/ha/groups", Handler::Plain(create)),
    ("GET /cluster/ha/groups/{group}", Handler::Plain(read)),
    ("PUT /cluster/ha/groups/{group}", Handler::Plain(update)),
    ("DELETE /cluster/ha/groups/{group}", Handler::Plain(delete)),
];

fn refuse(what: &str) -> Reply {
    Err(Refusal::failed(format!("cannot {what}: ha groups have been migrated to rules")))
}

fn list(_call: &mut Call<'_>) -> Reply {
    refuse("index groups")
}

fn create(_call: &mut Call<'_>) -> Reply {
    refuse("create group")
}

fn read(_call: &mut Call<'_>) -> Reply {
    refuse("read group")
}

fn update(_call: &mut Call<'_>) -> Reply {
    refuse("update group")
}

fn delete(_call: &mut Call<'_>) -> Reply {
    refuse("delete group")
}
