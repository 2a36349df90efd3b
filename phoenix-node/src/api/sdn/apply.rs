//! Applying what is configured, going back to what is in force, and the lock over both.

use serde_json::{Value, json};

use super::assert_lock;
use crate::{
    api::{
        Call,
        reply::{Answer, Refusal, Reply},
        router::{Handler, Routes},
    },
    state::config,
    work::Work,
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("PUT /cluster/sdn", Handler::Plain(apply)),
    ("GET /cluster/sdn/dry-run", Handler::Plain(dry_run)),
    ("POST /cluster/sdn/lock", Handler::Plain(lock)),
    ("DELETE /cluster/sdn/lock", Handler::Plain(unlock)),
    ("POST /cluster/sdn/rollback", Handler::Plain(rollback)),
];

fn apply(call: &mut Call<'_>) -> Reply {
    assert_lock(call)?;
    let sdn = &mut call.state.cluster.sdn;
    sdn.running = sdn.config.clone();
    sdn.version += 1;
    release(call);
    call.task(Work::ReloadNetworks)
}

fn rollback(call: &mut Call<'_>) -> Reply {
    assert_lock(call)?;
    let sdn = &mut call.state.cluster.sdn;
    sdn.config = sdn.running.clone();
    release(call);
    Ok(Answer::null())
}

fn release(call: &mut Call<'_>) {
    if call.args.get("release-lock") != Some("0") {
        call.state.cluster.sdn.lock = None;
    }
}

/// Nothing is written to files here, so there is no difference between files to show.
fn dry_run(_call: &mut Call<'_>) -> Reply {
    Ok(json!({ "frr-diff": "", "interfaces-diff": "" }).into())
}

fn lock(call: &mut Call<'_>) -> Reply {
    let sdn = &call.state.cluster.sdn;
    if sdn.lock.is_some() {
        return Err(Refusal::failed("SDN configuration is already locked"));
    }
    if sdn.config != sdn.running && !call.args.flag("allow-pending") {
        return Err(Refusal::failed("configuration has pending changes"));
    }
    let token = config::uuid();
    call.state.cluster.sdn.lock = Some(token.clone());
    Ok(Value::from(token).into())
}

fn unlock(call: &mut Call<'_>) -> Reply {
    if !call.args.flag("force") {
        assert_lock(call)?;
    }
    call.state.cluster.sdn.lock = None;
    Ok(Answer::null())
}
