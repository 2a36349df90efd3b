//! Misplaced keys: the cluster's firewall under `shared_volumes`.

use super::Check;
use crate::{
    format::firewall::ClusterFirewall,
    model::{HYPERVISOR_FILE, Model, Spot},
};

pub(super) fn check(check: &mut Check<'_>) {
    if check.model.hypervisor.shared_volumes.contains_key("firewall") {
        let spot = Spot::new(HYPERVISOR_FILE, "/shared_volumes/firewall");
        let message = "`firewall` stands under `shared_volumes`, among directories".to_owned();
        check.warning(&spot, "misplaced-key", message, "move it to the top of the file");
    }
}

/// Returns the cluster's firewall, where the predecessor kept it.
pub(crate) fn firewall_in_shared_volumes(model: &Model) -> Option<ClusterFirewall> {
    let value = model.hypervisor.shared_volumes.get("firewall")?;
    serde_json::from_value(value.clone()).ok()
}
