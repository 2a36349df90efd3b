//! Work: what a task does, as data. A task begins (checks, locks, allocations), takes its time, and finishes. Each
//! half is safe to repeat, so that a task whose process died goes on in the next one.

mod abandon;
pub(crate) mod bulk;
mod clone;
mod create;
pub(crate) mod devices;
mod disk;
mod drive;
pub(crate) mod dump;
pub(crate) mod host;
mod job;
mod mkfs;
pub(crate) mod power;
mod recover;
mod restore;
mod room;
mod snapshot;
mod storage;

use std::collections::BTreeMap;

use phoenix_core::GuestKind;
use serde::{Deserialize, Serialize};

pub(crate) use clone::{refuse_linked, reservation};
pub(crate) use disk::target_size;
pub(crate) use drive::is_size;
pub(crate) use dump::Dump;
pub(crate) use host::{Job as HostJob, start_order};
pub(crate) use job::{Job, What, local_disks};
pub(crate) use power::{config_memory, halt, show_mounts};
pub(crate) use recover::recover;
pub(crate) use restore::Restore;
pub(crate) use room::{Room, is_base_used};
pub(crate) use snapshot::can_snapshot;
pub(crate) use storage::Job as StorageJob;

use crate::{
    durations,
    state::{
        State,
        change::{self, Change},
    },
};

/// What a task does.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "work", rename_all = "kebab-case")]
pub(crate) enum Work {
    /// Makes a guest.
    Create {
        kind: GuestKind,
        vmid: u32,
        /// The options of the call.
        options: BTreeMap<String, String>,
        /// A container's OS template.
        #[serde(default)]
        ostemplate: String,
        /// A container's keys for root.
        #[serde(default)]
        ssh_keys: Option<String>,
        /// The storage of disks that name none.
        storage: String,
        start: bool,
        /// The configuration that it gets, once it has begun.
        #[serde(default)]
        config: BTreeMap<String, String>,
    },
    /// Clones a guest.
    Clone {
        kind: GuestKind,
        source: u32,
        target: u32,
        name: Option<String>,
        description: Option<String>,
        full: bool,
        storage: Option<String>,
        format: Option<String>,
        snapshot: Option<String>,
        /// The configuration that it gets, once it has begun.
        #[serde(default)]
        config: BTreeMap<String, String>,
    },
    /// Starts a guest.
    Start { kind: GuestKind, vmid: u32, skiplock: bool },
    /// Stops a guest, hard or clean.
    Stop {
        kind: GuestKind,
        vmid: u32,
        clean: bool,
        skiplock: bool,
        /// How many seconds a clean one waits.
        #[serde(default)]
        timeout: Option<u64>,
        /// Whether a clean one that waited in vain is followed by a hard one.
        #[serde(default)]
        force: bool,
    },
    /// Stops and starts a guest.
    Reboot { kind: GuestKind, vmid: u32 },
    /// Destroys a guest.
    Destroy {
        kind: GuestKind,
        vmid: u32,
        /// Whether it goes from jobs, pools and rights too.
        #[serde(default)]
        purge: bool,
    },
    /// Takes a snapshot.
    Snapshot { kind: GuestKind, vmid: u32, name: String, description: String, vmstate: bool },
    /// Removes a snapshot.
    DeleteSnapshot { kind: GuestKind, vmid: u32, name: String },
    /// Returns to a snapshot.
    Rollback { kind: GuestKind, vmid: u32, name: String, start: bool },
    /// Turns a guest into a template.
    Template { kind: GuestKind, vmid: u32 },
    /// Grows a disk.
    Resize { kind: GuestKind, vmid: u32, disk: String, size: String },
    /// Changes a virtual machine's options.
    Configure {
        vmid: u32,
        #[serde(flatten)]
        change: Change,
        /// The line that says what was asked for.
        #[serde(default)]
        asked: String,
    },
    /// Backs guests up.
    Dump(dump::Dump),
    /// Restores a guest from a backup.
    Restore(restore::Restore),
    /// Works on the node as a host.
    Host(host::Job),
    /// Does something else to a guest.
    Guest(Job),
    /// Works on what lies on a storage.
    Storage(storage::Job),
    /// Starts or stops many guests.
    Bulk { how: bulk::Bulk, vmids: Vec<u32>, timeout: Option<u64> },
    /// Brings the networks of the cluster into force.
    ReloadNetworks,
}

/// Makes what a disk's new property string asks for, and returns the string to store.
pub(crate) fn make_disk(
    state: &mut State,
    vmid: u32,
    key: &str,
    value: &str,
    log: &mut Vec<String>,
) -> Result<String, String> {
    drive::make(state, vmid, key, value, create::EMPTY_DISK, log).map(|made| made.value)
}

/// Why a task does not begin.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Somebody holds the lock of this guest's configuration file; try again.
    Busy(GuestKind, u32),
    /// It fails.
    Failed(String),
}

impl From<String> for Refused {
    fn from(text: String) -> Self {
        Self::Failed(text)
    }
}

impl Work {
    /// Returns PVE's word for the type of task.
    pub(crate) fn task_type(&self) -> &'static str {
        use GuestKind::{Lxc, Vm};
        match self {
            Self::Create { kind: Lxc, .. } => "vzcreate",
            Self::Create { kind: Vm, .. } => "qmcreate",
            Self::Clone { kind: Lxc, .. } => "vzclone",
            Self::Clone { kind: Vm, .. } => "qmclone",
            Self::Start { kind: Lxc, .. } => "vzstart",
            Self::Start { kind: Vm, .. } => "qmstart",
            Self::Stop { kind: Lxc, clean: false, .. } => "vzstop",
            Self::Stop { kind: Vm, clean: false, .. } => "qmstop",
            Self::Stop { kind: Lxc, clean: true, .. } => "vzshutdown",
            Self::Stop { kind: Vm, clean: true, .. } => "qmshutdown",
            Self::Reboot { kind: Lxc, .. } => "vzreboot",
            Self::Reboot { kind: Vm, .. } => "qmreboot",
            Self::Destroy { kind: Lxc, .. } => "vzdestroy",
            Self::Destroy { kind: Vm, .. } => "qmdestroy",
            Self::Snapshot { kind: Lxc, .. } => "vzsnapshot",
            Self::Snapshot { kind: Vm, .. } => "qmsnapshot",
            Self::DeleteSnapshot { kind: Lxc, .. } => "vzdelsnapshot",
            Self::DeleteSnapshot { kind: Vm, .. } => "qmdelsnapshot",
            Self::Rollback { kind: Lxc, .. } => "vzrollback",
            Self::Rollback { kind: Vm, .. } => "qmrollback",
            Self::Template { kind: Lxc, .. } => "vztemplate",
            Self::Template { kind: Vm, .. } => "qmtemplate",
            Self::Resize { .. } => "resize",
            Self::Configure { .. } => "qmconfig",
            Self::Guest(job) => job.task_type(),
            Self::Dump(_) => "vzdump",
            Self::Restore(work) if work.kind == Lxc => "vzrestore",
            Self::Restore(_) => "qmrestore",
            Self::Host(job) => job.task_type(),
            Self::Storage(job) => job.task_type(),
            Self::Bulk { how, .. } => how.task_type(),
            Self::ReloadNetworks => "reloadnetworkall",
        }
    }

    /// Returns the id in the UPID.
    pub(crate) fn task_id(&self) -> String {
        match self {
            Self::Clone { source, .. } => source.to_string(),
            Self::Guest(job) => job.vmid.to_string(),
            Self::Dump(dump) => match dump.vmids[..] {
                [vmid] => vmid.to_string(),
                _ => String::new(),
            },
            Self::Restore(work) => work.vmid.to_string(),
            Self::Host(job) => job.task_id(),
            Self::Storage(job) => job.task_id(),
            Self::Bulk { .. } | Self::ReloadNetworks => String::new(),
            Self::Create { vmid, .. }
            | Self::Start { vmid, .. }
            | Self::Stop { vmid, .. }
            | Self::Reboot { vmid, .. }
            | Self::Destroy { vmid, .. }
            | Self::Snapshot { vmid, .. }
            | Self::DeleteSnapshot { vmid, .. }
            | Self::Rollback { vmid, .. }
            | Self::Template { vmid, .. }
            | Self::Resize { vmid, .. }
            | Self::Configure { vmid, .. } => vmid.to_string(),
        }
    }

    /// Returns what a task says that somebody stopped.
    pub(crate) fn interrupted(&self) -> String {
        let text = "received interrupt";
        if let Self::Create { kind, vmid, .. } = self {
            let noun = if *kind == GuestKind::Lxc { "CT" } else { "VM" };
            return format!("unable to create {noun} {vmid} - {text}");
        }
        if let Self::Clone { .. } = self { format!("clone failed: {text}") } else { text.to_owned() }
    }

    /// Returns the guests that the task works on.
    pub(crate) fn guests(&self) -> Vec<u32> {
        match self {
            Self::Clone { source, target, .. } => vec![*source, *target],
            Self::Guest(job) => job.guests(),
            Self::Dump(dump) => dump.vmids.clone(),
            Self::Restore(work) => vec![work.vmid],
            Self::Host(_) | Self::Storage(_) | Self::ReloadNetworks => Vec::new(),
            Self::Bulk { vmids, .. } => vmids.clone(),
            Self::Create { vmid, .. }
            | Self::Start { vmid, .. }
            | Self::Stop { vmid, .. }
            | Self::Reboot { vmid, .. }
            | Self::Destroy { vmid, .. }
            | Self::Snapshot { vmid, .. }
            | Self::DeleteSnapshot { vmid, .. }
            | Self::Rollback { vmid, .. }
            | Self::Template { vmid, .. }
            | Self::Resize { vmid, .. }
            | Self::Configure { vmid, .. } => vec![*vmid],
        }
    }

    /// Returns the guest whose configuration file is locked from beginning to end. The others write a `lock` into it
    /// instead.
    pub(crate) fn holds_config(&self) -> Option<u32> {
        match self {
            Self::Create { vmid, .. }
            | Self::Start { vmid, .. }
            | Self::Stop { vmid, .. }
            | Self::Reboot { vmid, .. }
            | Self::Destroy { vmid, .. }
            | Self::Template { vmid, .. }
            | Self::Resize { vmid, .. }
            | Self::Configure { vmid, .. } => Some(*vmid),
            Self::Restore(work) => Some(work.vmid),
            Self::Dump(_)
            | Self::Clone { .. }
            | Self::Snapshot { .. }
            | Self::DeleteSnapshot { .. }
            | Self::Rollback { .. }
            | Self::Guest(_)
            | Self::Host(_)
            | Self::Storage(_)
            | Self::Bulk { .. }
            | Self::ReloadNetworks => None,
        }
    }

    /// Checks, locks and allocates; returns how long it takes, in virtual milliseconds. `clock` is the node's virtual
    /// time. The work may note what it decided.
    pub(crate) fn begin(&mut self, state: &mut State, room: &mut Room) -> Result<u64, Refused> {
        match self {
            Self::Create { .. } => create::begin(self, state, room),
            Self::Clone { .. } => clone::begin(self, state, room),
            Self::Start { kind, vmid, skiplock } => power::begin_start(state, room, *kind, *vmid, *skiplock),
            Self::Stop { kind, vmid, clean, skiplock, timeout, .. } => {
                let patience =
                    timeout.map_or(durations::SHUTDOWN_WAIT, |seconds| seconds.saturating_mul(1000));
                power::begin_stop(state, room, *kind, *vmid, *skiplock, clean.then_some(patience))
            }
            Self::Reboot { kind, vmid } => {
                power::begin_stop(state, room, *kind, *vmid, false, None)?;
                Ok(durations::STOP + power::start_time(*kind))
            }
            Self::Destroy { kind, vmid, .. } => disk::begin_destroy(state, room, *kind, *vmid),
            Self::Snapshot { kind, vmid, name, .. } => snapshot::begin_take(state, room, *kind, *vmid, name),
            Self::DeleteSnapshot { kind, vmid, name } => {
                snapshot::begin_delete(state, room, *kind, *vmid, name)
            }
            Self::Rollback { kind, vmid, name, start } => {
                let time = snapshot::begin_rollback(state, room, *kind, *vmid, name)?;
                Ok(time + if *start { power::start_time(*kind) } else { 0 })
            }
            Self::Template { kind, vmid } => disk::begin_template(state, room, *kind, *vmid),
            Self::Resize { kind, vmid, disk, size } => {
                disk::begin_resize(state, room, *kind, *vmid, disk, size)
            }
            Self::Configure { vmid, .. } => {
                room.guest(state, GuestKind::Vm, *vmid, true)?;
                Ok(durations::CONFIGURE)
            }
            Self::Guest(job) => job.begin(state, room),
            Self::Dump(dump) => dump::begin(dump, state, room),
            Self::Restore(work) => restore::begin(work, state, room),
            Self::Host(job) => job.begin(state, room),
            Self::Storage(job) => job.begin(state, room),
            Self::Bulk { how, vmids, .. } => Ok(bulk::begin(state, *how, vmids)),
            Self::ReloadNetworks => {
                room.log.push(format!("{}: reloading network config", state.name));
                Ok(durations::CONFIGURE)
            }
        }
    }

    /// Brings about what the task is for. May come twice.
    pub(crate) fn finish(&self, state: &mut State, log: &mut Vec<String>) -> Result<(), String> {
        match self {
            Self::Create { .. } => create::finish(self, state, log),
            Self::Clone { .. } => clone::finish(self, state),
            Self::Start { kind, vmid, .. } => {
                power::tell(state, *kind, *vmid, log);
                power::start(state, *kind, *vmid)
            }
            Self::Stop { kind, vmid, clean, force, .. } => {
                if *clean {
                    power::ask_to_stop(state, *kind, *vmid, *force, log)?;
                }
                power::stop(state, *kind, *vmid)
            }
            Self::Reboot { kind, vmid } => {
                power::stop(state, *kind, *vmid)?;
                power::start(state, *kind, *vmid)
            }
            Self::Destroy { kind, vmid, purge } => disk::destroy(state, *kind, *vmid, *purge, log),
            Self::Snapshot { kind, vmid, name, description, vmstate } => {
                snapshot::take(state, *kind, *vmid, name, description, *vmstate, log)
            }
            Self::DeleteSnapshot { kind, vmid, name } => snapshot::delete(state, *kind, *vmid, name),
            Self::Rollback { kind, vmid, name, start } => {
                snapshot::rollback(state, *kind, *vmid, name)?;
                if *start { power::start(state, *kind, *vmid) } else { Ok(()) }
            }
            Self::Template { kind, vmid } => disk::template(state, *kind, *vmid),
            Self::Resize { kind, vmid, disk, size } => disk::resize(state, *kind, *vmid, disk, size, log),
            Self::Configure { vmid, change, asked } => {
                log.push(asked.clone());
                change::apply(state, GuestKind::Vm, *vmid, change, log).map_err(|refusal| refusal.text())
            }
            Self::Guest(job) => job.finish(state, log),
            Self::Dump(dump) => dump::finish(dump, state, log),
            Self::Restore(work) => restore::finish(work, state, log),
            Self::Host(job) => job.finish(state, log),
            Self::Storage(job) => job.finish(state, log),
            Self::Bulk { how, vmids, timeout } => {
                bulk::finish(state, *how, vmids, *timeout, log);
                Ok(())
            }
            Self::ReloadNetworks => Ok(()),
        }
    }
}
