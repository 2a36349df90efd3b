//! What each task does to the machine, as data, from the state that it has begun on.

use std::collections::BTreeMap;

use phoenix_core::GuestKind;
use phoenix_sandbox::{Archive, ContainerSpec, DiskKind, NewDisk, Owners};

use super::{
    archives,
    machines::MachineDeed,
    spec::{container, disk_id, size_of},
    volumes::{kind_of, moves, of_storage, resize},
};
use crate::{
    state::{
        State,
        guest::{Guest, disks_of},
    },
    work::{HostJob, What, Work, bulk::Bulk},
};

/// How long a container that is asked to stop is given, in seconds.
pub(super) const PATIENCE: u64 = 60;

/// Something that is done to the machine. Each may be done twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Has an image in the cache.
    Image { name: String },
    /// Makes a root file system, with these keys for root.
    CreateRoot { id: String, image: String, new: NewDisk, keys: Option<String> },
    /// Makes a volume.
    CreateVolume { id: String, new: NewDisk },
    /// Copies a disk of a container.
    Copy { from: String, to: String, snapshot: Option<String>, vmid: u32, kind: DiskKind, size: u64 },
    /// Lets a disk hold so much.
    Resize { id: String, size: u64 },
    /// Gives a disk another name.
    Rename { from: String, to: String },
    /// Removes disks.
    Remove { disks: Vec<String> },
    /// Makes an archive of a container, with its configuration.
    BackUp { archive: Box<Archive>, config: String },
    /// Makes disks from an archive.
    Unpack { archive: Box<Archive>, news: Vec<NewDisk> },
    /// Copies an archive: the storage and the name of its file, from and to.
    CopyArchive { from: (String, String), to: (String, String) },
    /// Takes a snapshot of a disk of a container.
    Snapshot { id: String, name: String, vmid: u32 },
    /// Forgets one.
    DeleteSnapshot { id: String, name: String },
    /// Returns to one.
    Rollback { id: String, name: String },
    /// Starts a container.
    Start(Box<ContainerSpec>),
    /// Stops one: within so many seconds, or at once.
    Stop { vmid: u32, patience: Option<u64>, force: bool },
    /// Does something to a virtual machine.
    Machine(MachineDeed),
    /// Removes one with its disks.
    Destroy { vmid: u32, disks: Vec<String> },
    /// Does what there is to do for one of many guests: why it cannot be done, or what goes wrong, is told, and the
    /// others come all the same.
    ForOne { who: String, deeds: Result<Vec<Deed>, String> },
}

/// Returns the deeds of a task that has begun, or why it cannot be carried out here.
pub(crate) fn of(work: &Work, state: &State) -> Result<Vec<Deed>, String> {
    match work {
        Work::Create { kind: GuestKind::Lxc, vmid, ostemplate, ssh_keys, start, config, .. } => {
            create(state, *vmid, ostemplate, ssh_keys.as_deref(), *start, config)
                .map_err(|text| format!("unable to create CT {vmid} - {text}"))
        }
        // What is done to machines is said elsewhere.
        Work::Create { kind: GuestKind::Vm, .. } | Work::Clone { kind: GuestKind::Vm, .. } => Ok(Vec::new()),
        Work::Clone { kind: GuestKind::Lxc, source, snapshot, config, .. } => {
            Ok(copies(state, *source, snapshot.as_deref(), config))
        }
        Work::Start { kind, vmid, .. } => start(state, *kind, *vmid),
        Work::Stop { kind: GuestKind::Lxc, vmid, clean, timeout, force, .. } => {
            let patience = clean.then(|| timeout.unwrap_or(PATIENCE));
            Ok(vec![Deed::Stop { vmid: *vmid, patience, force: *force }])
        }
        Work::Reboot { kind: GuestKind::Lxc, vmid } => {
            let stop = Deed::Stop { vmid: *vmid, patience: Some(PATIENCE), force: false };
            Ok([stop].into_iter().chain(start(state, GuestKind::Lxc, *vmid)?).collect())
        }
        Work::Destroy { kind: GuestKind::Lxc, vmid, .. } => Ok(vec![destroy(state, *vmid)]),
        Work::Snapshot { kind: GuestKind::Lxc, vmid, name, .. } => {
            Ok(each_disk(state, *vmid, |id| Deed::Snapshot { id, name: name.clone(), vmid: *vmid }))
        }
        Work::DeleteSnapshot { kind: GuestKind::Lxc, vmid, name } => {
            Ok(each_disk(state, *vmid, |id| Deed::DeleteSnapshot { id, name: name.clone() }))
        }
        Work::Rollback { kind: GuestKind::Lxc, vmid, name, start: then } => {
            let stop = Deed::Stop { vmid: *vmid, patience: None, force: false };
            let back = each_disk(state, *vmid, |id| Deed::Rollback { id, name: name.clone() });
            let then = if *then { start(state, GuestKind::Lxc, *vmid)? } else { Vec::new() };
            Ok([stop].into_iter().chain(back).chain(then).collect())
        }
        Work::Guest(job) => match &job.what {
            _ if job.kind == GuestKind::Vm => Ok(Vec::new()),
            // Proxmox VE has CRIU do this, which neither it nor this node brings along; the end of the task says so.
            What::Pause | What::Hibernate | What::Resume | What::Reset => Ok(Vec::new()),
            What::Move { .. } | What::Reassign { .. } => Ok(moves(state, job.vmid, &job.what)),
            What::Migrate { .. } => {
                Err("the engine `lxc` has all its containers on one machine: there is nowhere to migrate to"
                    .to_owned())
            }
        },
        Work::Dump(work) => archives::dump(work, state),
        Work::Restore(work) if work.kind == GuestKind::Lxc => archives::restore(work, state),
        Work::Storage(job) => Ok(of_storage(state, job)),
        Work::Host(HostJob::StartAll { vmids }) | Work::Bulk { how: Bulk::Start, vmids, .. } => {
            let stopped = vmids.iter().filter_map(|vmid| state.guests.get(vmid));
            let stopped = stopped.filter(|guest| guest.kind == GuestKind::Lxc && !guest.running);
            let one = |guest: &Guest| Deed::ForOne {
                who: format!("CT {}", guest.vmid),
                deeds: start(state, GuestKind::Lxc, guest.vmid),
            };
            Ok(stopped.map(one).collect())
        }
        Work::Host(HostJob::StopAll { vmids }) | Work::Bulk { how: Bulk::Shutdown, vmids, .. } => Ok(vmids
            .iter()
            .filter(|vmid| state.guest(GuestKind::Lxc, **vmid).is_some_and(|guest| guest.running))
            .map(|&vmid| {
                let stop = Deed::Stop { vmid, patience: Some(PATIENCE), force: true };
                Deed::ForOne { who: format!("CT {vmid}"), deeds: Ok(vec![stop]) }
            })
            .collect()),
        Work::Resize { kind: GuestKind::Lxc, vmid, disk, size } => Ok(resize(state, *vmid, disk, size)),
        Work::Resize { .. }
        | Work::Template { .. }
        | Work::Configure { .. }
        | Work::Stop { .. }
        | Work::Reboot { .. }
        | Work::Destroy { .. }
        | Work::Snapshot { .. }
        | Work::DeleteSnapshot { .. }
        | Work::Rollback { .. }
        | Work::Restore(_)
        | Work::Host(_)
        | Work::Bulk { .. }
        | Work::ReloadNetworks => Ok(Vec::new()),
    }
}

/// Returns what takes away what a failed task has made: a guest that is only reserved goes, and its disks with it.
pub(crate) fn after_failure(work: &Work, state: &State) -> Vec<Deed> {
    match work {
        Work::Create { kind: GuestKind::Lxc, vmid: target, .. }
        | Work::Clone { kind: GuestKind::Lxc, target, .. } => {
            vec![destroy(state, *target)]
        }
        Work::Start { kind: GuestKind::Lxc, vmid, .. } => {
            vec![Deed::Stop { vmid: *vmid, patience: None, force: false }]
        }
        Work::Restore(work) if work.kind == GuestKind::Lxc => vec![archives::after_restore(work)],
        // Those that were stopped for their backup run again.
        Work::Dump(dump) => {
            let stopped = dump.vmids.iter().filter(|vmid| {
                dump.mode == "stop" && state.guest(GuestKind::Lxc, **vmid).is_some_and(|guest| guest.running)
            });
            stopped.flat_map(|vmid| start(state, GuestKind::Lxc, *vmid).unwrap_or_default()).collect()
        }
        _ => Vec::new(),
    }
}

fn create(
    state: &State,
    vmid: u32,
    ostemplate: &str,
    keys: Option<&str>,
    start: bool,
    config: &BTreeMap<String, String>,
) -> Result<Vec<Deed>, String> {
    let shifted = config.get("unprivileged").is_some_and(|value| value == "1");
    let owners = if shifted { Owners::Shifted } else { Owners::Plain };
    let mut deeds = Vec::new();
    for (key, volid) in disks_of(config, GuestKind::Lxc) {
        let id = disk_id(&volid);
        let new = NewDisk { kind: kind_of(state, &volid), owners, size: size_of(&config[&key]) };
        deeds.push(match key.as_str() {
            "rootfs" => {
                Deed::CreateRoot { id, image: file_of(ostemplate), new, keys: keys.map(str::to_owned) }
            }
            _ => Deed::CreateVolume { id, new },
        });
    }
    if start {
        let raw = state.guest(GuestKind::Lxc, vmid).map(|guest| guest.raw.clone()).unwrap_or_default();
        deeds.push(Deed::Start(Box::new(container(vmid, config, &raw)?)));
    }
    Ok(deeds)
}

fn copies(
    state: &State,
    source: u32,
    snapshot: Option<&str>,
    config: &BTreeMap<String, String>,
) -> Vec<Deed> {
    let Some(from) = state.guest(GuestKind::Lxc, source) else { return Vec::new() };
    let values =
        snapshot.and_then(|name| from.snapshots.get(name)).map_or(&from.config, |found| &found.config);
    let old: BTreeMap<String, String> = disks_of(values, GuestKind::Lxc).into_iter().collect();
    let pairs = disks_of(config, GuestKind::Lxc).into_iter();
    pairs
        .filter_map(|(key, volid)| {
            Some(Deed::Copy {
                from: disk_id(old.get(&key)?),
                to: disk_id(&volid),
                snapshot: snapshot.map(str::to_owned),
                vmid: source,
                kind: kind_of(state, &volid),
                size: size_of(&config[&key]),
            })
        })
        .collect()
}

pub(super) fn start(state: &State, kind: GuestKind, vmid: u32) -> Result<Vec<Deed>, String> {
    let Some(guest) = state.guest(kind, vmid) else { return Ok(Vec::new()) };
    let mut guest = guest.clone();
    crate::state::change::settle(&mut guest);
    Ok(vec![Deed::Start(Box::new(container(vmid, &guest.config, &guest.raw)?))])
}

fn destroy(state: &State, vmid: u32) -> Deed {
    let volumes = state.guest(GuestKind::Lxc, vmid).map(|guest| guest.volumes.keys().chain(&guest.trash));
    Deed::Destroy { vmid, disks: volumes.into_iter().flatten().map(|volid| disk_id(volid)).collect() }
}

fn each_disk(state: &State, vmid: u32, deed: impl Fn(String) -> Deed) -> Vec<Deed> {
    let disks = state.guest(GuestKind::Lxc, vmid).map(crate::state::guest::Guest::disks).unwrap_or_default();
    disks
        .into_iter()
        .filter(|(key, _)| !key.starts_with("unused"))
        .map(|(_, volid)| deed(disk_id(&volid)))
        .collect()
}

/// Returns the file name of an OS template.
pub(super) fn file_of(volid: &str) -> String {
    volid.rsplit(['/', ':']).next().unwrap_or(volid).to_owned()
}
