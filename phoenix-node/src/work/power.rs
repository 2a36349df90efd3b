//! Starting and stopping.

use phoenix_core::GuestKind;

use crate::{
    api::reply::no_such_guest,
    durations,
    sim::world::{Body, Entry, User, World},
    state::{State, change, config, guest::Guest, now},
    work::{Refused, Room, devices},
};

/// Returns how long a start takes.
pub(crate) fn start_time(kind: GuestKind) -> u64 {
    match kind {
        GuestKind::Lxc => durations::START_LXC,
        GuestKind::Vm => durations::START_VM,
    }
}

pub(crate) fn begin_start(
    state: &mut State,
    room: &mut Room<'_>,
    kind: GuestKind,
    vmid: u32,
    skiplock: bool,
) -> Result<u64, Refused> {
    // What was put to sleep wakes up by being started.
    let sleeps = state.guest(kind, vmid).is_some_and(|guest| guest.lock() == Some("suspended"));
    let guest = room.guest(state, kind, vmid, !skiplock && !sleeps)?;
    check_start(state, guest)?;
    Ok(start_time(kind))
}

/// Says why a guest cannot start.
pub(crate) fn check_start(state: &State, guest: &Guest) -> Result<(), String> {
    let (kind, vmid) = (guest.kind, guest.vmid);
    if guest.is_template() {
        return Err(match kind {
            GuestKind::Lxc => "you can't start a CT if it's a template".to_owned(),
            GuestKind::Vm => "you can't start a vm if it's a template".to_owned(),
        });
    }
    if guest.running {
        return Err(match kind {
            GuestKind::Lxc => format!("CT {vmid} already running"),
            GuestKind::Vm => format!("VM {vmid} already running"),
        });
    }
    for (key, volid) in guest.disks() {
        let is_there = guest.volumes.contains_key(&volid)
            || state.storages.values().any(|storage| storage.volumes.contains_key(&volid));
        if !is_there && !key.starts_with("unused") && !guest.config[&key].contains("media=cdrom") {
            return Err(format!("volume '{volid}' does not exist"));
        }
    }
    for (key, value) in &guest.config {
        if !matches!(config::split_index(key), ("net", Some(_))) {
            continue;
        }
        if let Some(bridge) = config::property(value, "bridge")
            && !state.bridges.contains(bridge)
        {
            return Err(format!("bridge '{bridge}' does not exist"));
        }
    }
    devices::check(state, guest)?;
    let wanted = config_memory(guest);
    if wanted > state.memory {
        return Err(format!(
            "unable to start: {wanted} bytes of memory are wanted, the node has {}",
            state.memory
        ));
    }
    Ok(())
}

pub(crate) fn begin_stop(
    state: &mut State,
    room: &mut Room<'_>,
    kind: GuestKind,
    vmid: u32,
    skiplock: bool,
    patience: Option<u64>,
) -> Result<u64, Refused> {
    let guest = room.guest(state, kind, vmid, !skiplock)?;
    Ok(match (guest.running, patience) {
        (false, _) => 0,
        (true, Some(patience)) if is_deaf(guest) => patience,
        (true, _) => durations::STOP,
    })
}

/// Tells whether a machine does not react when it is asked to power down: nothing runs in it.
fn is_deaf(guest: &Guest) -> bool {
    guest.kind == GuestKind::Vm && (!guest.world.has_system() || guest.paused)
}

/// Says what the asking for a clean stop leads to, for one that does not react.
pub(crate) fn ask_to_stop(
    state: &State,
    kind: GuestKind,
    vmid: u32,
    force: bool,
    log: &mut Vec<String>,
) -> Result<(), String> {
    let Some(guest) = state.guest(kind, vmid).filter(|guest| guest.running && is_deaf(guest)) else {
        return Ok(());
    };
    if crate::api::agent_of(guest) == Some(false) {
        log.push(format!(
            "QEMU Guest Agent is not running - VM {vmid} qga command 'guest-ping' failed - got timeout"
        ));
    }
    if !force {
        return Err("VM quit/powerdown failed - got timeout".to_owned());
    }
    log.push("VM still running - terminating now with SIGTERM".to_owned());
    Ok(())
}

/// Says what PVE says while a guest starts.
pub(crate) fn tell(state: &State, kind: GuestKind, vmid: u32, log: &mut Vec<String>) {
    let Some(guest) = state.guest(kind, vmid) else { return };
    if kind == GuestKind::Vm && guest.config.values().any(|value| value.contains("-cloudinit")) {
        log.push("generating cloud-init ISO".to_owned());
    }
}

/// Lets a guest run.
pub(crate) fn start(state: &mut State, kind: GuestKind, vmid: u32) -> Result<(), String> {
    let missing = no_such_guest(&state.name, kind, vmid);
    let guest = state.guest_mut(kind, vmid).ok_or(missing)?;
    if guest.running {
        return Ok(());
    }
    change::settle(guest);
    guest.running = true;
    if guest.lock() == Some("suspended") {
        guest.config.remove("lock");
    }
    guest.started = now();
    if !guest.world.has_system() {
        return Ok(());
    }
    prepare(guest);
    guest.world.boot();
    if !state.is_real {
        devices::show(state, kind, vmid);
    }
    Ok(())
}

/// Lets a guest not run.
pub(crate) fn stop(state: &mut State, kind: GuestKind, vmid: u32) -> Result<(), String> {
    let missing = no_such_guest(&state.name, kind, vmid);
    let guest = state.guest_mut(kind, vmid).ok_or(missing)?;
    halt(guest);
    change::settle(guest);
    Ok(())
}

/// Lets a guest not run, with what only lives as long as it runs.
pub(crate) fn halt(guest: &mut Guest) {
    guest.running = false;
    guest.paused = false;
    guest.ran.clear();
}

/// Returns the memory that a guest is configured with, in bytes.
pub(crate) fn config_memory(guest: &Guest) -> u64 {
    let text = guest.get("memory").unwrap_or("512");
    let text = config::property(text, "current").unwrap_or(text);
    text.trim().parse::<u64>().unwrap_or(0) << 20
}

/// Brings into a guest what its configuration says of its inside: as PVE does for a container at every start, and
/// cloud-init for a virtual machine.
fn prepare(guest: &mut Guest) {
    let name = guest.name();
    let host = name.split('.').next().unwrap_or(&name).to_owned();
    guest.world.set_hostname(&host);
    let mut resolv = String::new();
    if let Some(domain) = guest.get("searchdomain") {
        resolv.push_str(&format!("search {domain}\n"));
    }
    for server in guest.get("nameserver").unwrap_or_default().split_whitespace() {
        resolv.push_str(&format!("nameserver {server}\n"));
    }
    if !resolv.is_empty() {
        guest.world.write("/etc/resolv.conf", resolv);
    }
    match guest.kind {
        GuestKind::Lxc => {
            show_mounts(guest);
            if let Some(zone) = guest.get("timezone").filter(|zone| *zone != "host").map(str::to_owned) {
                let link = Entry::root(0o777, Body::Link(format!("/usr/share/zoneinfo/{zone}")));
                guest.world.place("/etc/localtime", link);
            }
        }
        GuestKind::Vm => cloud_init(guest),
    }
}

/// Makes the directories that mount points are shown at, as `pct` does when it mounts them.
pub(crate) fn show_mounts(guest: &mut Guest) {
    let is_mount = |key: &str| matches!(config::split_index(key), ("mp", Some(_)));
    let targets: Vec<String> = guest
        .config
        .iter()
        .filter(|(key, _)| is_mount(key))
        .filter_map(|(_, value)| config::property(value, "mp").map(str::to_owned))
        .collect();
    for target in targets {
        if guest.world.file(&target).is_none() {
            guest.world.place(&target, Entry::root(0o755, Body::Directory));
        }
    }
}

/// Sets up what a cloud-init drive says, at the first start of an instance only: a clone is another instance.
fn cloud_init(guest: &mut Guest) {
    const INSTANCE: &str = "/var/lib/cloud/data/instance-id";
    let has_drive = guest.config.values().any(|value| value.contains("cloudinit"));
    let instance = format!("{}\n", guest.vmid);
    if !has_drive || guest.world.text(INSTANCE) == Some(instance.as_str()) {
        return;
    }
    guest.world.write(INSTANCE, instance);
    let user = guest.get("ciuser").unwrap_or(guest.world.base().ostype).to_owned();
    if guest.world.user(&user).is_none() {
        add_user(&mut guest.world, &user, guest.config.contains_key("cipassword"));
    }
    if let Some(keys) = guest.get("sshkeys") {
        let keys = percent_encoding::percent_decode_str(keys).decode_utf8_lossy().into_owned();
        authorize(&mut guest.world, &user, &keys);
    }
}

fn add_user(world: &mut World, name: &str, password: bool) {
    let uid = world.users().values().map(|user| user.uid).filter(|uid| (1000..60000).contains(uid)).max();
    let user = User {
        uid: uid.map_or(1000, |uid| uid + 1),
        shell: "/bin/bash".to_owned(),
        home: format!("/home/{name}"),
        groups: ["adm", "sudo"].map(str::to_owned).into(),
        password,
    };
    world.put_user(name, Some(user));
}

/// Writes a user's authorized keys.
pub(crate) fn authorize(world: &mut World, user: &str, keys: &str) {
    let home = world.user(user).map_or_else(|| format!("/home/{user}"), |found| found.home.clone());
    let mine = |mode, body| Entry { mode, owner: user.to_owned(), group: user.to_owned(), body };
    if world.file(&home).is_none() {
        world.place(&home, mine(0o755, Body::Directory));
    }
    world.place(&format!("{home}/.ssh"), mine(0o700, Body::Directory));
    let path = format!("{home}/.ssh/authorized_keys");
    let mut text = world.text(&path).unwrap_or_default().to_owned();
    for key in keys.lines().map(str::trim).filter(|key| !key.is_empty()) {
        if !text.lines().any(|line| line.trim() == key) {
            text.push_str(key);
            text.push('\n');
        }
    }
    world.place(&path, mine(0o600, Body::Text(text)));
}
