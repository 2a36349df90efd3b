//! What each task does to virtual machines that QEMU runs, as data, from the state that it has begun on.

use std::collections::BTreeMap;

use phoenix_core::GuestKind;
use phoenix_sandbox::{Card, Drive, MachineSpec, Machines, Order, SandboxError};

use super::spec::disk_id;
use crate::{
    api::seed_of,
    state::{
        State, change,
        config::{self, property, split_index},
        guest::{Guest, disks_of},
    },
    work::{What, Work},
};

/// How long a machine that is asked to shut down is given, in seconds: an emulated one is slow.
const PATIENCE: u64 = 180;
/// Where PVE's own machines get their first disk from, in the order in which it looks.
const SLOTS: [&str; 4] = ["scsi", "virtio", "sata", "ide"];

/// Something that is done to virtual machines. Each may be done twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MachineDeed {
    /// Makes a disk, from an image or empty.
    CreateDisk { drive: Drive, image: Option<String> },
    /// Makes one that stands on another.
    LinkDisk { from: String, to: String },
    /// Copies one.
    CopyDisk { from: String, to: String, snapshot: Option<String> },
    /// Lets one be so large.
    ResizeDisk { vmid: u32, drive: Drive },
    /// Takes a snapshot of one.
    Snapshot { vmid: u32, drive: Drive, name: String },
    /// Forgets it.
    DeleteSnapshot { vmid: u32, drive: Drive, name: String },
    /// Returns to it.
    Rollback { drive: Drive, name: String },
    /// Starts a machine.
    Start(Box<MachineSpec>),
    /// Stops one: within so many seconds, or at once.
    Stop { vmid: u32, patience: Option<u64>, force: bool },
    /// Tells one that runs what to do.
    Tell { vmid: u32, order: Order },
    /// Removes one with its disks.
    Destroy { vmid: u32, disks: Vec<String> },
}

impl MachineDeed {
    /// Does it.
    pub(super) async fn perform(
        self,
        machines: &Machines,
        log: &mut Vec<String>,
    ) -> Result<(), SandboxError> {
        match self {
            Self::CreateDisk { drive, image } => {
                let lines = std::sync::Mutex::new(Vec::new());
                let note =
                    |line: String| lines.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(line);
                let made = machines.create_disk(&drive.id, drive.size, image.as_deref(), note).await;
                log.extend(lines.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner));
                made
            }
            Self::LinkDisk { from, to } => machines.link_disk(&from, &to).await,
            Self::CopyDisk { from, to, snapshot } => {
                machines.copy_disk(&from, &to, snapshot.as_deref()).await
            }
            Self::ResizeDisk { vmid, drive } => machines.resize_disk(vmid, &drive).await,
            Self::Snapshot { vmid, drive, name } => machines.snapshot(vmid, &drive, &name).await,
            Self::DeleteSnapshot { vmid, drive, name } => machines.delete_snapshot(vmid, &drive, &name).await,
            Self::Rollback { drive, name } => machines.rollback(&drive, &name).await,
            Self::Start(spec) => machines.start(&spec).await,
            Self::Stop { vmid, patience, force } => match machines.stop(vmid, patience).await {
                Err(error) if patience.is_some() && force => {
                    log.push(format!("{error}: VM still running - terminating now with SIGTERM"));
                    machines.stop(vmid, None).await
                }
                ended => ended,
            },
            Self::Tell { vmid, order } => machines.tell(vmid, order).await,
            Self::Destroy { vmid, disks } => machines.destroy(vmid, &disks).await,
        }
    }
}

/// Returns the deeds of a task on a machine, or why it cannot be carried out here.
pub(super) fn of(work: &Work, state: &State) -> Result<Vec<MachineDeed>, String> {
    let each = |vmid: u32, deed: &dyn Fn(Drive) -> MachineDeed| -> Vec<MachineDeed> {
        state.guest(GuestKind::Vm, vmid).map(drives).unwrap_or_default().into_iter().map(deed).collect()
    };
    let hard_stop = |vmid: u32| MachineDeed::Stop { vmid, patience: None, force: false };
    match work {
        Work::Create { vmid, options, start: then, config, .. } => {
            let Some(guest) = state.guest(GuestKind::Vm, *vmid) else { return Ok(Vec::new()) };
            let guest = Guest { config: config.clone(), ..guest.clone() };
            let image_of = |slot: &str| {
                let image = property(options.get(slot)?, "import-from")?;
                Some(image.rsplit(['/', ':']).next().unwrap_or(image).to_owned())
            };
            let disks = drives(&guest).into_iter();
            let mut deeds: Vec<MachineDeed> =
                disks.map(|drive| MachineDeed::CreateDisk { image: image_of(&drive.slot), drive }).collect();
            if *then {
                deeds.push(MachineDeed::Start(Box::new(spec(state, &guest)?)));
            }
            Ok(deeds)
        }
        Work::Clone { source, full, snapshot, config, .. } => {
            let Some(from) = state.guest(GuestKind::Vm, *source) else { return Ok(Vec::new()) };
            let values = snapshot
                .as_ref()
                .and_then(|name| from.snapshots.get(name))
                .map_or(&from.config, |it| &it.config);
            let old: BTreeMap<String, String> = disks_of(values, GuestKind::Vm).into_iter().collect();
            let new = disks_of(config, GuestKind::Vm).into_iter().filter(|(_, volid)| is_disk(volid));
            Ok(new
                .filter_map(|(key, volid)| {
                    let (from, to) = (disk_id(old.get(&key)?), disk_id(&volid));
                    Some(match *full || snapshot.is_some() {
                        true => MachineDeed::CopyDisk { from, to, snapshot: snapshot.clone() },
                        false => MachineDeed::LinkDisk { from, to },
                    })
                })
                .collect())
        }
        Work::Start { vmid, .. } => start(state, *vmid),
        Work::Stop { vmid, clean, timeout, force, .. } => {
            let patience = clean.then(|| timeout.unwrap_or(PATIENCE));
            Ok(vec![MachineDeed::Stop { vmid: *vmid, patience, force: *force }])
        }
        Work::Reboot { vmid, .. } => {
            let stop = MachineDeed::Stop { vmid: *vmid, patience: Some(PATIENCE), force: false };
            Ok([stop].into_iter().chain(start(state, *vmid)?).collect())
        }
        Work::Destroy { vmid, .. } => Ok(vec![destroy(state, *vmid)]),
        Work::Snapshot { vmid, vmstate: true, .. } => Err(format!(
            "the engine `lxc` keeps no memory of machines: take the snapshot of {vmid} without `vmstate`"
        )),
        Work::Snapshot { vmid, name, .. } => {
            Ok(each(*vmid, &|drive| MachineDeed::Snapshot { vmid: *vmid, drive, name: name.clone() }))
        }
        Work::DeleteSnapshot { vmid, name, .. } => {
            Ok(each(*vmid, &|drive| MachineDeed::DeleteSnapshot { vmid: *vmid, drive, name: name.clone() }))
        }
        Work::Rollback { vmid, name, start: then, .. } => {
            let back = each(*vmid, &|drive| MachineDeed::Rollback { drive, name: name.clone() });
            let then = if *then { start(state, *vmid)? } else { Vec::new() };
            Ok([hard_stop(*vmid)].into_iter().chain(back).chain(then).collect())
        }
        Work::Resize { vmid, disk, size, .. } => {
            let Some(guest) = state.guest(GuestKind::Vm, *vmid) else { return Ok(Vec::new()) };
            let Some(drive) = drives(guest).into_iter().find(|drive| drive.slot == *disk) else {
                return Ok(Vec::new());
            };
            let size = crate::work::target_size(drive.size, size).unwrap_or(drive.size);
            Ok(vec![MachineDeed::ResizeDisk { vmid: *vmid, drive: Drive { size, ..drive } }])
        }
        Work::Guest(job) => {
            let tell = |order| Ok(vec![MachineDeed::Tell { vmid: job.vmid, order }]);
            match &job.what {
                What::Pause => tell(Order::Pause),
                What::Resume => tell(Order::Resume),
                What::Reset => tell(Order::Reset),
                What::Hibernate => {
                    Err("the engine `lxc` does not write the memory of machines to disks".to_owned())
                }
                What::Move { .. } | What::Reassign { .. } => {
                    Err("the engine `lxc` does not move the disks of machines".to_owned())
                }
                What::Migrate { .. } => {
                    Err("the engine `lxc` has all its machines here: there is nowhere to migrate to"
                        .to_owned())
                }
            }
        }
        Work::Dump(_) | Work::Restore(_) => {
            Err("the engine `lxc` makes no backups of machines: use snapshots, or the engine `sim`"
                .to_owned())
        }
        Work::Template { .. }
        | Work::Configure { .. }
        | Work::Host(_)
        | Work::Storage(_)
        | Work::Bulk { .. }
        | Work::ReloadNetworks => Ok(Vec::new()),
    }
}

/// Returns what takes away what a failed task has made.
pub(super) fn after_failure(work: &Work, state: &State) -> Vec<MachineDeed> {
    match work {
        Work::Create { vmid: target, .. } | Work::Clone { target, .. } => vec![destroy(state, *target)],
        Work::Start { vmid, .. } => vec![MachineDeed::Stop { vmid: *vmid, patience: None, force: false }],
        _ => Vec::new(),
    }
}

fn start(state: &State, vmid: u32) -> Result<Vec<MachineDeed>, String> {
    let Some(guest) = state.guest(GuestKind::Vm, vmid) else { return Ok(Vec::new()) };
    let mut guest = guest.clone();
    change::settle(&mut guest);
    Ok(vec![MachineDeed::Start(Box::new(spec(state, &guest)?))])
}

fn destroy(state: &State, vmid: u32) -> MachineDeed {
    let volumes = state.guest(GuestKind::Vm, vmid).map(|guest| guest.volumes.keys().chain(&guest.trash));
    let disks = volumes.into_iter().flatten().filter(|volid| is_disk(volid));
    MachineDeed::Destroy { vmid, disks: disks.map(|volid| disk_id(volid)).collect() }
}

fn spec(state: &State, guest: &Guest) -> Result<MachineSpec, String> {
    let drives = drives(guest);
    if drives.is_empty() {
        return Err("the engine `lxc` needs a disk to start a machine from".to_owned());
    }
    let cards = guest.config.iter().filter_map(|(key, value)| match split_index(key) {
        ("net", Some(index)) => Some(Card {
            index,
            mac: config::address_of(GuestKind::Vm, value),
            bridge: property(value, "bridge").map(str::to_owned),
        }),
        _ => None,
    });
    let memory =
        guest.get("memory").and_then(|text| property(text, "current").unwrap_or(text).parse::<u64>().ok());
    Ok(MachineSpec {
        vmid: guest.vmid,
        name: guest.name(),
        memory: memory.unwrap_or(512) << 20,
        cores: crate::api::cores(state, guest),
        drives,
        cards: cards.collect(),
        seed: guest.config.values().any(|value| value.contains("-cloudinit")).then(|| seed_of(guest)),
    })
}

/// Returns the disks of a machine, the one that it boots from first.
fn drives(guest: &Guest) -> Vec<Drive> {
    let order = guest.get("boot").and_then(|text| property(text, "order")).unwrap_or_default();
    let order: Vec<&str> = order.split(';').collect();
    let found = disks_of(&guest.config, GuestKind::Vm).into_iter().filter(|(key, volid)| {
        SLOTS.contains(&split_index(key).0)
            && is_disk(volid)
            && guest.get(key).is_some_and(|value| !value.contains("media=cdrom"))
    });
    let mut drives: Vec<Drive> = found
        .map(|(slot, volid)| {
            let size = guest.volumes.get(&volid).map_or(0, |volume| volume.size);
            Drive { slot, id: disk_id(&volid), size }
        })
        .collect();
    let rank = |drive: &Drive| {
        let (stem, index) = split_index(&drive.slot);
        let kind = SLOTS.iter().position(|slot| *slot == stem);
        (order.iter().position(|slot| *slot == drive.slot).unwrap_or(usize::MAX), kind, index)
    };
    drives.sort_by_key(rank);
    drives
}

fn is_disk(volid: &str) -> bool {
    !volid.contains("-cloudinit")
}
