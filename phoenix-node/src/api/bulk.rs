//! Calls on many guests at once.

use crate::{
    api::{
        Call,
        reply::{Refusal, Reply},
        router::{Handler, Routes},
    },
    work::{Work, bulk::Bulk},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("POST /cluster/bulk-action/guest/start", Handler::Plain(|call| on_cluster(call, Bulk::Start))),
    ("POST /cluster/bulk-action/guest/shutdown", Handler::Plain(|call| on_cluster(call, Bulk::Shutdown))),
    ("POST /cluster/bulk-action/guest/suspend", Handler::Plain(|call| on_cluster(call, Bulk::Suspend))),
    ("POST /cluster/bulk-action/guest/migrate", Handler::Plain(migrate)),
];

/// Returns the guests that a call names; all if it names none.
fn chosen(call: &Call<'_>) -> Vec<u32> {
    let named: Vec<u32> = call.args.list("vms").iter().filter_map(|vmid| vmid.parse().ok()).collect();
    let is_chosen = |vmid: &u32| named.is_empty() || named.contains(vmid);
    call.state.guests.keys().copied().filter(is_chosen).collect()
}

fn on_cluster(call: &mut Call<'_>, how: Bulk) -> Reply {
    let timeout = call.args.number("timeout");
    let vmids = chosen(call);
    if vmids.is_empty() {
        return Err(Refusal::failed("no guests matched"));
    }
    call.task(Work::Bulk { how, vmids, timeout })
}

fn migrate(call: &mut Call<'_>) -> Reply {
    let target = call.args.text("target");
    if !call.state.has_node(target) {
        return Err(Refusal::param("target", "target node does not exist"));
    }
    on_cluster(call, Bulk::Migrate)
}
