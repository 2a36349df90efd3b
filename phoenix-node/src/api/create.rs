//! The calls that make guests.

use std::collections::BTreeMap;

use phoenix_core::GuestKind;

use crate::{
    api::{
        Call,
        args::Args,
        reply::{Refusal, Reply},
        router::{Handler, Routes},
    },
    state::{config, guest::Guest},
    work::Work,
};

/// The calls of this module.
pub(crate) const ROUTES: Routes =
    &[("POST /nodes/{node}/lxc", Handler::Plain(lxc)), ("POST /nodes/{node}/qemu", Handler::Plain(vm))];

pub(crate) fn lxc(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    let vmid = args.vmid("vmid");
    check_new(call, vmid, "")?;
    if let Some(pool) = args.get("pool") {
        return Err(Refusal::failed(format!("pool '{pool}' does not exist")));
    }
    create(call, &args, GuestKind::Lxc, vmid, args.of("lxc-options"))
}

pub(crate) fn vm(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    let vmid = args.vmid("vmid");
    check_new(call, vmid, &format!("unable to create VM {vmid} - "))?;
    create(call, &args, GuestKind::Vm, vmid, args.of("qemu-options"))
}

fn create(
    call: &mut Call<'_>,
    args: &Args,
    kind: GuestKind,
    vmid: u32,
    options: BTreeMap<String, String>,
) -> Reply {
    for (key, value) in options.iter().filter(|(key, _)| config::is_disk(kind, key)) {
        check_disk(call, kind, key, value)?;
    }
    if let Some(storage) = args.get("storage").filter(|storage| !call.state.storages.contains_key(*storage)) {
        return Err(Refusal::failed(format!("storage '{storage}' does not exist")));
    }
    call.state.put_guest(Guest::reserved(kind, vmid, "create"));
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

fn check_new(call: &Call<'_>, vmid: u32, prefix: &str) -> Result<(), Refusal> {
    let Some(found) = call.state.guests.get(&vmid) else { return Ok(()) };
    let noun = match found.kind {
        GuestKind::Lxc => "CT",
        GuestKind::Vm => "VM",
    };
    Err(Refusal::failed(format!("{prefix}{noun} {vmid} already exists on node '{}'", call.state.name)))
}

/// Checks that the storage of a disk is there and takes such disks.
pub(crate) fn check_disk(call: &Call<'_>, kind: GuestKind, key: &str, value: &str) -> Result<(), Refusal> {
    let volume = config::volume_of(value);
    if volume.starts_with('/') || matches!(volume, "none" | "cdrom") {
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
    let Some(found) = call.state.storages.get(storage) else {
        return Err(Refusal::failed(format!("storage '{storage}' does not exist")));
    };
    let is_new = rest == "cloudinit" || rest.starts_with(|c: char| c.is_ascii_digit()) && !rest.contains('/');
    let (content, noun) = match kind {
        GuestKind::Lxc => ("rootdir", "container directories"),
        GuestKind::Vm => ("images", "vm images"),
    };
    if is_new && !found.content.contains(content) {
        return Err(Refusal::failed(format!("storage '{storage}' does not support {noun}")));
    }
    Ok(())
}
