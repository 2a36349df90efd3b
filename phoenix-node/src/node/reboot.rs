//! Reboots of the simulated node: guests go down, its units begin afresh and take in what waits for a boot, and those guests
//! come up that start with it.

use phoenix_core::{BackendError, ErrorKind};

use super::Node;
use crate::{
    durations, sim,
    state::{State, config},
    work::{host::start_order, power},
};

impl Node {
    /// Reboots the node.
    pub(crate) async fn reboot(&self, boot: Option<&str>) -> Result<(), BackendError> {
        if boot.is_some_and(|boot| boot != sim::boot::id(&self.state().host)) {
            return Ok(());
        }
        self.pass(durations::SLOW_PROGRAM).await;
        let mut guard = self.state();
        reboot(&mut guard);
        self.commit(&mut guard).map_err(|error| BackendError::new(ErrorKind::Failed, super::describe(&error)))
    }
}

fn reboot(state: &mut State) {
    let running: Vec<_> =
        state.guests.values().filter(|guest| guest.running).map(|guest| (guest.kind, guest.vmid)).collect();
    for (kind, vmid) in running {
        // It is there: nobody else changes the state meanwhile.
        let _ = power::stop(state, kind, vmid);
    }
    sim::boot::boot(&mut state.host);
    state.gpus.driver.clone_from(&state.host.gpus().driver);
    state.dirty.host = true;
    state.dirty.node = true;
    let order = start_order(state, |vmid| {
        let guest = state.guests.get(&vmid);
        guest
            .and_then(|guest| guest.get("onboot"))
            .is_some_and(|flag| config::property(flag, "") == Some("1") || flag == "1")
    });
    for vmid in order {
        let Some(guest) = state.guests.get(&vmid) else { continue };
        let kind = guest.kind;
        if power::check_start(state, guest).is_ok() {
            // One that does not start stays down, as on a real node.
            let _ = power::start(state, kind, vmid);
        }
    }
}
