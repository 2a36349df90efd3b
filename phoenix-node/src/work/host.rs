//! Work on a node as a host: applying its network, its services, its package lists, and its guests all at once.

use phoenix_core::GuestKind;
use serde::{Deserialize, Serialize};

use crate::{
    durations,
    state::{State, config},
    work::{Refused, Room, power},
};

/// What a task does on the node as a host.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "kebab-case")]
pub(crate) enum Job {
    /// Makes the network what it is to be.
    ReloadNetwork { node: String },
    /// Starts, stops or reloads a service.
    Service { node: String, service: String, verb: String },
    /// Fetches the package lists.
    FetchPackageLists { node: String },
    /// Starts the guests that start with the node, in their order.
    StartAll { vmids: Vec<u32> },
    /// Stops guests, the last in order first.
    StopAll { vmids: Vec<u32> },
    /// Freezes machines: they stop here, their memory being of no interest.
    SuspendAll { vmids: Vec<u32> },
}

impl Job {
    /// Returns PVE's word for the type of task.
    pub(crate) fn task_type(&self) -> &'static str {
        match self {
            Self::ReloadNetwork { .. } => "srvreload",
            Self::Service { verb, .. } => match verb.as_str() {
                "start" => "srvstart",
                "stop" => "srvstop",
                "restart" => "srvrestart",
                _ => "srvreload",
            },
            Self::FetchPackageLists { .. } => "aptupdate",
            Self::StartAll { .. } => "startall",
            Self::StopAll { .. } => "stopall",
            Self::SuspendAll { .. } => "suspendall",
        }
    }

    /// Returns the id in the UPID.
    pub(crate) fn task_id(&self) -> String {
        match self {
            Self::ReloadNetwork { .. } => "networking".to_owned(),
            Self::Service { service, .. } => service.clone(),
            Self::FetchPackageLists { .. }
            | Self::StartAll { .. }
            | Self::StopAll { .. }
            | Self::SuspendAll { .. } => String::new(),
        }
    }

    /// Checks; returns how long it takes.
    pub(crate) fn begin(&self, state: &State, room: &mut Room<'_>) -> Result<u64, Refused> {
        let each = |time: fn(GuestKind) -> u64, vmids: &[u32]| {
            vmids.iter().filter_map(|vmid| state.guests.get(vmid)).map(|guest| time(guest.kind)).sum::<u64>()
        };
        Ok(match self {
            Self::ReloadNetwork { .. } => durations::SNAPSHOT,
            Self::Service { .. } => durations::UNIT,
            Self::FetchPackageLists { .. } => {
                room.log.push("starting apt-get update".to_owned());
                durations::INSTALL
            }
            Self::StartAll { vmids } => each(power::start_time, vmids),
            Self::StopAll { vmids } | Self::SuspendAll { vmids } => each(|_| durations::STOP, vmids),
        })
    }

    /// Brings about what the task is for. May come twice.
    pub(crate) fn finish(&self, state: &mut State, log: &mut Vec<String>) -> Result<(), String> {
        match self {
            Self::ReloadNetwork { node } => state.apply_network(node),
            Self::Service { node, service, verb } => state.change_host(node, |host| match verb.as_str() {
                "stop" => drop(host.stopped.insert(service.clone())),
                _ => drop(host.stopped.remove(service)),
            }),
            Self::FetchPackageLists { node } => state.change_host(node, |host| host.is_updated = true),
            Self::StartAll { vmids } => each(state, log, vmids, "Starting", |state, kind, vmid| {
                let Some(guest) = state.guest(kind, vmid).filter(|guest| !guest.running) else {
                    return Ok(());
                };
                power::check_start(state, guest)?;
                power::start(state, kind, vmid)
            }),
            Self::StopAll { vmids } => each(state, log, vmids, "Stopping", power::stop),
            Self::SuspendAll { vmids } => each(state, log, vmids, "Suspending", power::stop),
        }
        Ok(())
    }
}

/// Does something with each guest; what fails is told, and the others come all the same.
fn each(
    state: &mut State,
    log: &mut Vec<String>,
    vmids: &[u32],
    word: &str,
    act: impl Fn(&mut State, GuestKind, u32) -> Result<(), String>,
) {
    for &vmid in vmids {
        let Some(guest) = state.guests.get(&vmid) else { continue };
        let kind = guest.kind;
        let noun = if kind == GuestKind::Lxc { "CT" } else { "VM" };
        log.push(format!("{word} {noun} {vmid}"));
        let done = match guest.lock_error() {
            Some(text) => Err(text),
            None => act(state, kind, vmid),
        };
        if let Err(text) = done {
            log.push(format!("{noun} {vmid}: {text}"));
        }
    }
}

/// Returns guests in the order in which a node starts them: by `startup`, then by number.
pub(crate) fn start_order(state: &State, is_meant: impl Fn(u32) -> bool) -> Vec<u32> {
    let mut order: Vec<(u64, u32)> = state
        .guests
        .values()
        .filter(|guest| !guest.is_template() && is_meant(guest.vmid))
        .map(|guest| {
            let startup = guest.get("startup").unwrap_or_default();
            let place = config::property(startup, "order").or(config::property(startup, ""));
            (place.and_then(|text| text.parse().ok()).unwrap_or(u64::MAX), guest.vmid)
        })
        .collect();
    order.sort_unstable();
    order.into_iter().map(|(_, vmid)| vmid).collect()
}
