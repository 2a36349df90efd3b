//! Tasks on many guests: what one of them refuses is told in the log and does not keep the others from going on.

use phoenix_core::GuestKind;
use serde::{Deserialize, Serialize};

use crate::{
    durations,
    state::{State, guest::Guest},
    work::power,
};

/// What is done to many guests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Bulk {
    Start,
    Shutdown,
    Suspend,
    Migrate,
}

impl Bulk {
    /// Returns PVE's word for the type of task.
    pub(crate) fn task_type(self) -> &'static str {
        match self {
            Self::Start => "bulk-start",
            Self::Shutdown => "bulk-shutdown",
            Self::Suspend => "bulk-suspend",
            Self::Migrate => "bulk-migrate",
        }
    }

    /// Tells whether guests run afterwards.
    fn starts(self) -> bool {
        self == Self::Start
    }
}

/// Returns how long it takes: guests are taken four at a time.
pub(super) fn begin(state: &State, how: Bulk, vmids: &[u32]) -> u64 {
    let waiting = vmids.iter().filter_map(|vmid| state.guests.get(vmid));
    let count = waiting.filter(|guest| guest.running != how.starts()).count();
    let each = if how.starts() { durations::START_VM } else { durations::STOP };
    u64::try_from(count.div_ceil(4)).unwrap_or(0) * each
}

/// Brings it about.
pub(super) fn finish(
    state: &mut State,
    how: Bulk,
    vmids: &[u32],
    timeout: Option<u64>,
    log: &mut Vec<String>,
) {
    let list: Vec<String> = vmids.iter().map(ToString::to_string).collect();
    match how {
        Bulk::Start => log.push(format!("Starting guests: {}", list.join(", "))),
        Bulk::Shutdown => log.push(format!("Shutting down guests: {}", list.join(", "))),
        Bulk::Suspend => log.push(format!("Suspending guests: {}", list.join(", "))),
        Bulk::Migrate => log.push(format!("Migrating guests: {}", list.join(", "))),
    }
    for vmid in vmids {
        let Some(guest) = state.guests.get(vmid) else {
            log.push(format!("guest {vmid} is gone"));
            continue;
        };
        let (kind, noun) = (guest.kind, if guest.kind == GuestKind::Lxc { "CT" } else { "VM" });
        if let Err(text) = one(state, how, kind, *vmid, noun, timeout, log) {
            log.push(format!("{noun} {vmid}: {text}"));
        }
    }
}

fn one(
    state: &mut State,
    how: Bulk,
    kind: GuestKind,
    vmid: u32,
    noun: &str,
    timeout: Option<u64>,
    log: &mut Vec<String>,
) -> Result<(), String> {
    let guest = state.guest(kind, vmid).ok_or("gone")?;
    match guest.lock_error() {
        Some(text) => return Err(text),
        // Containers cannot be frozen.
        None if guest.running == how.starts()
            || how == Bulk::Migrate
            || (how == Bulk::Suspend && kind == GuestKind::Lxc) =>
        {
            log.push(format!("Skipping {noun} {vmid}, {}", why_skipped(guest, how)));
            return Ok(());
        }
        None => {}
    }
    match how {
        Bulk::Start => {
            log.push(format!("Starting {noun} {vmid}"));
            power::check_start(state, guest)?;
            power::start(state, kind, vmid)
        }
        Bulk::Shutdown => {
            let limit = timeout.unwrap_or(180);
            log.push(format!("Shutting down {noun} {vmid} (Timeout = {limit} seconds)"));
            power::stop(state, kind, vmid)
        }
        Bulk::Suspend => {
            log.push(format!("Suspending {noun} {vmid}"));
            power::stop(state, kind, vmid)
        }
        Bulk::Migrate => Ok(()),
    }
}

fn why_skipped(guest: &Guest, how: Bulk) -> &'static str {
    match (how, guest.running) {
        (Bulk::Migrate, _) => "already on the target node",
        (Bulk::Suspend, true) => "only virtual machines can be suspended",
        (_, true) => "already running",
        (_, false) => "not running",
    }
}
