//! The calls on one guest as a whole: destroy, grow a disk, turn into a template, ask for a capability.

use phoenix_core::GuestKind;
use serde_json::json;

use crate::{
    api::{
        Call,
        configure::lacking,
        reply::{Answer, Refusal, Reply},
        router::{Handler, Routes},
    },
    state::config,
    work::{Work, can_snapshot, target_size},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("DELETE /nodes/{node}/{kind}/{vmid}", Handler::Guest(destroy)),
    ("PUT /nodes/{node}/{kind}/{vmid}/resize", Handler::Guest(resize)),
    ("POST /nodes/{node}/{kind}/{vmid}/template", Handler::Guest(template)),
    ("GET /nodes/{node}/{kind}/{vmid}/feature", Handler::Guest(feature)),
];

pub(crate) fn destroy(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    let args = call.args.clone();
    let guest = call.guest(kind, vmid)?;
    let noun = match kind {
        GuestKind::Lxc => "CT",
        GuestKind::Vm => "VM",
    };
    if guest.is_protected() {
        return Err(Refusal::failed(format!("can't remove {noun} {vmid} - protection mode enabled")));
    }
    let forced = kind == GuestKind::Lxc && args.flag("force");
    if guest.running && !forced {
        return Err(Refusal::failed(match kind {
            GuestKind::Lxc => format!("unable to destroy CT {vmid} - container is running"),
            GuestKind::Vm => format!("VM {vmid} is running - destroy failed"),
        }));
    }
    call.free_guest(kind, vmid)?;
    let is_managed = call.state.cluster.ha.resource(kind, vmid).is_some();
    if is_managed && !args.flag("purge") {
        return Err(Refusal::failed(format!(
            "unable to remove {noun} {vmid} - used in HA resources and purge parameter not set."
        )));
    }
    if args.flag("purge") && call.state.cluster.names(kind, vmid) {
        call.state.cluster.forget(kind, vmid);
    }
    call.task(Work::Destroy { kind, vmid, purge: args.flag("purge") })
}

pub(crate) fn resize(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    let args = call.args.clone();
    let (disk, size) = (args.text("disk").to_owned(), args.text("size").to_owned());
    let guest = call.free_guest(kind, vmid)?;
    if args.get("digest").is_some_and(|digest| digest != guest.digest()) {
        return Err(Refusal::failed(match kind {
            GuestKind::Lxc => "detected modified configuration - file changed by other user? Try again.",
            GuestKind::Vm => "checksum mismatch (file change by other user?)",
        }));
    }
    // A container's wishes are checked before the task starts, a machine's in it.
    if kind == GuestKind::Lxc {
        let form = if disk == "rootfs" { "lxc-rootfs" } else { "lxc-mp" };
        let Some(value) = guest.get(&disk) else { return Err(lacking(form)) };
        let volume = guest.volumes.get(config::volume_of(value));
        let volume = volume.ok_or_else(|| Refusal::failed(format!("no volume behind '{disk}'")))?;
        if target_size(volume.size, &size).is_none_or(|wanted| wanted < volume.size) {
            return Err(Refusal::failed("unable to shrink disk size"));
        }
    }
    call.task(Work::Resize { kind, vmid, disk, size })
}

pub(crate) fn template(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    let guest = call.free_guest(kind, vmid)?;
    if guest.is_template() {
        return Err(Refusal::failed("you can't convert a template to a template"));
    }
    let noun = match kind {
        GuestKind::Lxc => "CT",
        GuestKind::Vm => "VM",
    };
    if !guest.snapshots.is_empty() {
        return Err(Refusal::failed(format!("unable to create template, because {noun} contains snapshots")));
    }
    if guest.running {
        return Err(Refusal::failed(match kind {
            GuestKind::Lxc => "you can't convert a CT to template if the CT is running".to_owned(),
            GuestKind::Vm => "you can't convert a VM to template if VM is running".to_owned(),
        }));
    }
    let upid = call.task(Work::Template { kind, vmid })?;
    // A container's conversion goes on in a task that the caller is not told of.
    Ok(match kind {
        GuestKind::Lxc => Answer::null(),
        GuestKind::Vm => upid,
    })
}

pub(crate) fn feature(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    let args = call.args.clone();
    let guest = call.guest(kind, vmid)?;
    let has = match args.text("feature") {
        "snapshot" => !guest.is_template() && can_snapshot(call.state, guest),
        "clone" => guest.is_template() && can_snapshot(call.state, guest),
        _ => true,
    };
    Ok(match kind {
        GuestKind::Lxc => json!({ "hasFeature": u8::from(has) }),
        GuestKind::Vm => json!({ "hasFeature": u8::from(has), "nodes": call.state.all_nodes() }),
    }
    .into())
}
