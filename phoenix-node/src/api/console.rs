//! The calls that open a console. The node has no program that serves one, so each waits in vain for its port, as PVE
//! does where that program is missing; what speaks to the machine below is answered.

use phoenix_core::GuestKind;
use serde_json::Value;

use crate::{
    api::{
        Call,
        reply::{Answer, Refusal, Reply},
        router::{Handler, Routes},
    },
    state::guest::Guest,
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("POST /nodes/{node}/{kind}/{vmid}/vncproxy", Handler::Guest(screen)),
    ("POST /nodes/{node}/{kind}/{vmid}/termproxy", Handler::Guest(screen)),
    ("POST /nodes/{node}/{kind}/{vmid}/spiceproxy", Handler::Guest(spice)),
    ("POST /nodes/{node}/qemu/{vmid}/monitor", Handler::Guest(monitor)),
    ("PUT /nodes/{node}/qemu/{vmid}/sendkey", Handler::Guest(quiet)),
    ("POST /nodes/{node}/qemu/{vmid}/dbus-vmstate", Handler::Guest(quiet)),
];

fn screen(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    call.guest(kind, vmid)?;
    Err(in_vain(5900))
}

fn spice(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    let guest = call.guest(kind, vmid)?;
    if kind == GuestKind::Vm {
        running(guest)?;
        if !guest.get("vga").is_some_and(|vga| vga.contains("qxl")) {
            return Err(Refusal::failed("no spice port"));
        }
    }
    Err(in_vain(61000))
}

fn in_vain(port: u16) -> Refusal {
    Refusal::failed(format!("Timeout while waiting for port '{port}' to get ready!"))
}

/// Answers what the monitor of a virtual machine knows of the simulated one.
fn monitor(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    let command = call.args.text("command").trim().to_owned();
    let guest = call.guest(kind, vmid)?;
    running(guest)?;
    let said = match command.as_str() {
        "info version" => "10.1.2 (pve-qemu-kvm_10.1.2)\r\n".to_owned(),
        "info status" if guest.paused => "VM status: paused\r\n".to_owned(),
        "info status" => "VM status: running\r\n".to_owned(),
        "info name" => format!("{}\r\n", guest.name()),
        "info uuid" => {
            let uuid = guest.get("smbios1").and_then(|text| crate::state::config::property(text, "uuid"));
            format!("{}\r\n", uuid.unwrap_or("00000000-0000-0000-0000-000000000000"))
        }
        "info kvm" if guest.get("kvm") == Some("0") => "kvm support: disabled\r\n".to_owned(),
        "info kvm" => "kvm support: enabled\r\n".to_owned(),
        other => {
            format!("unknown command: '{}'\r\n", other.split_whitespace().next().unwrap_or_default())
        }
    };
    Ok(Value::from(said).into())
}

/// Does what leaves no trace: keys, and the state of connections.
fn quiet(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    running(call.guest(kind, vmid)?)?;
    Ok(Answer::null())
}

/// Refuses what only a running machine can do.
pub(super) fn running(guest: &Guest) -> Result<(), Refusal> {
    if guest.running {
        return Ok(());
    }
    let noun = if guest.kind == GuestKind::Lxc { "CT" } else { "VM" };
    Err(Refusal::failed(format!("{noun} {} not running", guest.vmid)))
}
