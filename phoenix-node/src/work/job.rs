//! Jobs on a guest that are neither its making nor its life cycle: pausing, moving volumes, moving to another node.

mod migrate;
mod volume;

use phoenix_core::GuestKind;
use serde::{Deserialize, Serialize};

pub(crate) use migrate::local_disks;

use crate::{
    durations,
    state::State,
    work::{Refused, Room, recover},
};

/// A job on a guest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) kind: GuestKind,
    pub(crate) vmid: u32,
    pub(crate) what: What,
}

/// What a job does.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "kebab-case")]
pub(crate) enum What {
    /// Halts it where it stands.
    Pause,
    /// Writes its memory to a disk and stops it.
    Hibernate,
    /// Lets it go on.
    Resume,
    /// Starts its system anew.
    Reset,
    /// Moves a volume to another storage.
    Move {
        disk: String,
        storage: String,
        format: Option<String>,
        delete: bool,
        #[serde(default)]
        made: Option<String>,
    },
    /// Gives a volume to another guest.
    Reassign {
        disk: String,
        target: u32,
        target_disk: String,
        #[serde(default)]
        made: Option<String>,
    },
    /// Moves it to another node.
    Migrate {
        target: String,
        /// A running one stays running.
        online: bool,
        /// A running container is stopped and started again.
        restart: bool,
        /// The storage on the other side, where it is another one.
        storage: Option<String>,
    },
}

impl Job {
    /// Returns PVE's word for the type of task.
    pub(super) fn task_type(&self) -> &'static str {
        match (&self.what, self.kind) {
            (What::Pause, GuestKind::Vm) => "qmpause",
            (What::Pause | What::Hibernate, GuestKind::Lxc) => "vzsuspend",
            (What::Hibernate, GuestKind::Vm) => "qmsuspend",
            (What::Resume, GuestKind::Lxc) => "vzresume",
            (What::Resume, GuestKind::Vm) => "qmresume",
            (What::Reset, _) => "qmreset",
            (What::Move { .. } | What::Reassign { .. }, GuestKind::Lxc) => "move_volume",
            (What::Move { .. } | What::Reassign { .. }, GuestKind::Vm) => "qmmove",
            (What::Migrate { .. }, GuestKind::Lxc) => "vzmigrate",
            (What::Migrate { .. }, GuestKind::Vm) => "qmigrate",
        }
    }

    /// Returns the guests that the task works on.
    pub(super) fn guests(&self) -> Vec<u32> {
        match self.what {
            What::Reassign { target, .. } => vec![self.vmid, target],
            _ => vec![self.vmid],
        }
    }

    pub(super) fn begin(&mut self, state: &mut State, room: &mut Room<'_>) -> Result<u64, Refused> {
        let (kind, vmid) = (self.kind, self.vmid);
        room.guest(state, kind, vmid, !matches!(self.what, What::Resume))?;
        match &mut self.what {
            What::Pause | What::Hibernate | What::Resume if kind == GuestKind::Lxc => {
                Ok(durations::CONFIGURE)
            }
            What::Pause | What::Resume | What::Reset => Ok(durations::CONFIGURE),
            What::Hibernate => Ok(durations::STOP),
            What::Move { .. } => volume::begin(self, state, room),
            What::Reassign { .. } => volume::begin_reassign(self, state),
            What::Migrate { target, online, storage, .. } => {
                migrate::begin(state, room, (kind, vmid), target, *online, storage.as_deref())
            }
        }
    }

    pub(super) fn finish(&self, state: &mut State, log: &mut Vec<String>) -> Result<(), String> {
        let (kind, vmid) = (self.kind, self.vmid);
        match (&self.what, kind) {
            (What::Pause | What::Hibernate | What::Resume, GuestKind::Lxc) => {
                Err(checkpoint(vmid, matches!(self.what, What::Resume), log))
            }
            (What::Move { .. }, _) => volume::finish(self, state, log),
            (What::Reassign { disk, target, target_disk, made }, _) => {
                let made = made.as_deref().ok_or("the task has not begun")?;
                volume::reassign(state, (kind, vmid), disk, (*target, target_disk, made), log)
            }
            (What::Migrate { target, online, restart, storage }, _) => {
                migrate::finish(state, (kind, vmid), target, *online || *restart, storage.as_deref(), log)
            }
            (What::Pause | What::Hibernate | What::Resume | What::Reset, _) => {
                let guest = state.guest_mut(kind, vmid).ok_or_else(|| format!("VM {vmid} is gone"))?;
                match self.what {
                    What::Pause => guest.paused = true,
                    What::Hibernate => {
                        super::power::halt(guest);
                        guest.config.insert("lock".to_owned(), "suspended".to_owned());
                    }
                    What::Resume => guest.paused = false,
                    _ => guest.world.boot(),
                }
                Ok(())
            }
        }
    }

    pub(super) fn abandon(&self, state: &mut State) {
        match self.what {
            What::Move { .. } => recover::unlock(state, self.vmid, &["disk"]),
            What::Migrate { .. } => recover::unlock(state, self.vmid, &["migrate"]),
            What::Pause | What::Hibernate | What::Resume | What::Reset | What::Reassign { .. } => {}
        }
    }
}

/// Says why a container's memory cannot be written: that takes a program that hardly any host has.
fn checkpoint(vmid: u32, resume: bool, log: &mut Vec<String>) -> String {
    let folder = "/var/lib/vz/dump";
    log.push(format!(
        "lxc-checkpoint: {vmid}: ../src/lxc/criu.c: criu_version_ok: 767 No such file or directory - execing criu failed, is it installed?"
    ));
    log.push(format!(
        "lxc-checkpoint: {vmid}: ../src/lxc/tools/lxc_checkpoint.c: checkpoint: 182 Checkpointing {vmid} failed"
    ));
    let flag = if resume { "-r" } else { "-s" };
    format!("command 'lxc-checkpoint -n {vmid} {flag} -D {folder}' failed: exit code 1")
}
