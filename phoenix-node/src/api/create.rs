//! The calls that make guests.

use std::collections::BTreeMap;

use phoenix_core::GuestKind;

use crate::{
    api::{
        Call,
        args::Args,
        backup, options as rights, pools,
        reply::{Refusal, Reply},
        router::{Handler, Routes},
        schema,
    },
    state::{State, config, guest::Guest, storage::Storage},
    work::{Work, devices, is_size},
};

/// What the names of the simulated machine's devices begin with.
const DEVICES: &[&str] = &[
    "bus/usb/", "dri/", "full", "fuse", "hidraw", "input/", "kfd", "kvm", "loop", "mapper/", "net/tun",
    "null", "nvidia", "nvme", "ppp", "ptmx", "random", "rtc", "sd", "serial/", "snd/", "tty", "uinput",
    "urandom", "vhost-", "video", "zero", "zvol/",
];

/// The calls of this module.
pub(crate) const ROUTES: Routes =
    &[("POST /nodes/{node}/lxc", Handler::Plain(lxc)), ("POST /nodes/{node}/qemu", Handler::Plain(vm))];

pub(crate) fn lxc(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    let vmid = args.vmid("vmid");
    if let Some((storage, _)) = args.text("ostemplate").split_once(':') {
        check_storage(call, storage)?;
    }
    if let Some(keys) = args.get("ssh-public-keys") {
        check_keys(keys)?;
    }
    if args.flag("restore") {
        return backup::restore(call, GuestKind::Lxc, vmid, args.of("lxc-options"));
    }
    check_new(call, vmid, "")?;
    check_rights(call, &args, GuestKind::Lxc, vmid, &args.of("lxc-options"))?;
    pools::join(call, vmid, |call| create(call, &args, GuestKind::Lxc, vmid, args.of("lxc-options")))
}

pub(crate) fn vm(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    let vmid = args.vmid("vmid");
    if args.get("archive").is_some() {
        return backup::restore(call, GuestKind::Vm, vmid, args.of("qemu-options"));
    }
    check_rights(call, &args, GuestKind::Vm, vmid, &args.of("qemu-options"))?;
    check_new(call, vmid, &format!("unable to create VM {vmid} - "))?;
    pools::join(call, vmid, |call| create(call, &args, GuestKind::Vm, vmid, args.of("qemu-options")))
}

fn create(
    call: &mut Call<'_>,
    args: &Args,
    kind: GuestKind,
    vmid: u32,
    options: BTreeMap<String, String>,
) -> Reply {
    for (key, value) in &options {
        match key.as_str() {
            "hookscript" => check_script(call, kind, value)?,
            key if config::is_disk(kind, key) => check_disk(call, kind, key, value)?,
            key if kind == GuestKind::Lxc => check_device(call.state, key, value)?,
            _ => {}
        }
    }
    if let Some(storage) = args.get("storage") {
        check_storage(call, storage)?;
    }
    let node = call.node();
    call.state.put_guest(Guest { node, ..Guest::reserved(kind, vmid, "create") });
    let work = Work::Create {
        kind,
        vmid,
        options,
        ostemplate: args.text("ostemplate").to_owned(),
        ssh_keys: args.get("ssh-public-keys").map(str::to_owned),
        storage: args.get("storage").unwrap_or("local").to_owned(),
        start: args.flag("start"),
        config: BTreeMap::new(),
    };
    call.task(work)
}

/// Refuses a caller who may not make a guest of this number, or in this pool, with such options.
fn check_rights(
    call: &Call<'_>,
    args: &Args,
    kind: GuestKind,
    vmid: u32,
    options: &BTreeMap<String, String>,
) -> Result<(), Refusal> {
    let pool = args.get("pool");
    if let Some(pool) = pool {
        call.need_pool(pool)?;
    }
    let by_pool = || pool.is_some_and(|pool| call.may(&format!("/pool/{pool}"), &["VM.Allocate"]));
    if !(call.may(&format!("/vms/{vmid}"), &["VM.Allocate"]) || by_pool()) {
        return Err(Refusal::forbidden(""));
    }
    if call.caller.is_root() {
        return Ok(());
    }
    let mut options = options.clone();
    // It is not among what can be changed, and who may make the guest may choose.
    options.remove("unprivileged");
    let unprivileged = args.flag("unprivileged");
    rights::check(call, rights::Target { kind, vmid, pool, unprivileged, present: None }, &options, &[])?;
    if kind == GuestKind::Lxc
        && let Some((storage, _)) = args.text("ostemplate").split_once(':')
    {
        call.need_any(&format!("/storage/{storage}"), &["Datastore.AllocateSpace", "Datastore.Audit"])?;
    }
    let storage = args
        .get("storage")
        .or((kind == GuestKind::Lxc && !options.contains_key("rootfs")).then_some("local"));
    match storage {
        Some(storage) => call.need(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"]),
        None => Ok(()),
    }
}

fn check_new(call: &Call<'_>, vmid: u32, prefix: &str) -> Result<(), Refusal> {
    let Some(found) = call.state.guests.get(&vmid) else { return Ok(()) };
    let noun = match found.kind {
        GuestKind::Lxc => "CT",
        GuestKind::Vm => "VM",
    };
    let node = call.state.node_of(found);
    Err(Refusal::failed(format!("{prefix}{noun} {vmid} already exists on node '{node}'")))
}

/// Checks that the storage of a disk is there and takes such disks.
pub(crate) fn check_disk(call: &Call<'_>, kind: GuestKind, key: &str, value: &str) -> Result<(), Refusal> {
    let volume = config::volume_of(value);
    if volume.starts_with('/') || matches!(volume, "none" | "cdrom" | "") {
        return Ok(());
    }
    let Some((storage, rest)) = volume.split_once(':') else {
        return Err(match kind {
            GuestKind::Lxc => Refusal::failed(format!("unable to parse volume ID '{volume}'")),
            GuestKind::Vm => Refusal::param(
                key,
                format!(
                    "invalid format - format error\n{key}.file: invalid format - unable to parse volume ID '{volume}'\n\n"
                ),
            ),
        });
    };
    let found = check_storage(call, storage)?;
    let (content, noun) = match kind {
        GuestKind::Lxc => ("rootdir", "container directories"),
        GuestKind::Vm => ("images", "vm images"),
    };
    if rest == "cloudinit" || is_size(rest) {
        if !found.content.contains(content) {
            return Err(Refusal::failed(format!("storage '{storage}' does not support {noun}")));
        }
    } else if !found.kind().is_name(rest) {
        let plugin = found.kind().word();
        return Err(Refusal::failed(format!("unable to parse {plugin} volume name '{rest}'")));
    }
    Ok(())
}

/// Checks that a storage is there.
fn check_storage<'a>(call: &'a Call<'_>, storage: &str) -> Result<&'a Storage, Refusal> {
    let found = call.state.storages.get(storage);
    found.ok_or_else(|| Refusal::failed(format!("storage '{storage}' does not exist")))
}

/// Checks that a hook script is there.
pub(crate) fn check_script(call: &Call<'_>, kind: GuestKind, value: &str) -> Result<(), Refusal> {
    if let Some((storage, _)) = value.split_once(':') {
        check_storage(call, storage)?;
    }
    if call.state.storages.values().any(|storage| storage.volumes.contains_key(value)) {
        return Ok(());
    }
    let text = format!("script '{value}' does not exist");
    Err(match kind {
        GuestKind::Lxc => Refusal::failed(text),
        GuestKind::Vm => Refusal::param("hookscript", format!("{text}\n")),
    })
}

/// Checks that a device to be passed through is one that the node has.
pub(crate) fn check_device(state: &State, key: &str, value: &str) -> Result<(), Refusal> {
    let ("dev", Some(_)) = config::split_index(key) else { return Ok(()) };
    let parts = schema::dict::parts("lxc-dev", value);
    let path = parts.get("path").map(String::as_str).unwrap_or_default();
    let name = path.strip_prefix("/dev/").unwrap_or_default();
    match devices::missing(state, path) {
        Some(text) => Err(Refusal::failed(text)),
        None if DEVICES.iter().any(|stem| name.starts_with(stem)) => Ok(()),
        None => Err(Refusal::failed(format!("Device {path} does not exist"))),
    }
}

/// Checks that every line is a public key.
fn check_keys(text: &str) -> Result<(), Refusal> {
    let is_key = |line: &str| {
        let kind = |word: &&str| {
            ["ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-"].iter().any(|stem| word.starts_with(stem))
        };
        let mut words = line.split_whitespace().skip_while(|word| !kind(word)).skip(1);
        words.next().is_some_and(|body| body.len() > 30 && !body.contains('"'))
    };
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    match lines.into_iter().all(is_key) {
        true => Ok(()),
        false => Err(Refusal::failed("SSH public key validation error")),
    }
}
