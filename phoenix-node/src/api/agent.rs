//! The calls that a virtual machine's own agent answers: it runs programs, reads and writes files, and tells of its
//! system. Here the simulated system of the guest answers.

mod facts;
mod run;

use phoenix_core::GuestKind;
use serde_json::json;

use crate::{
    api::{
        Call,
        reply::{Answer, Refusal, Reply},
        router::{Handler, Routes},
        schema::dict,
    },
    real::{Errand, Inquiry},
    state::{change, guest::Guest},
    work::halt,
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("POST /nodes/{node}/qemu/{vmid}/agent", Handler::Guest(any)),
    ("POST /nodes/{node}/qemu/{vmid}/agent/exec", Handler::Guest(run::exec)),
    ("GET /nodes/{node}/qemu/{vmid}/agent/exec-status", Handler::Guest(run::exec_status)),
    ("GET /nodes/{node}/qemu/{vmid}/agent/file-read", Handler::Guest(run::file_read)),
    ("POST /nodes/{node}/qemu/{vmid}/agent/file-write", Handler::Guest(run::file_write)),
    ("POST /nodes/{node}/qemu/{vmid}/agent/set-user-password", Handler::Guest(run::set_password)),
    ("POST /nodes/{node}/qemu/{vmid}/agent/fsfreeze-freeze", Handler::Guest(named)),
    ("POST /nodes/{node}/qemu/{vmid}/agent/fsfreeze-status", Handler::Guest(named)),
    ("POST /nodes/{node}/qemu/{vmid}/agent/fsfreeze-thaw", Handler::Guest(named)),
    ("POST /nodes/{node}/qemu/{vmid}/agent/fstrim", Handler::Guest(named)),
    ("GET /nodes/{node}/qemu/{vmid}/agent/get-fsinfo", Handler::Guest(named)),
    ("GET /nodes/{node}/qemu/{vmid}/agent/get-host-name", Handler::Guest(named)),
    ("GET /nodes/{node}/qemu/{vmid}/agent/get-memory-block-info", Handler::Guest(named)),
    ("GET /nodes/{node}/qemu/{vmid}/agent/get-memory-blocks", Handler::Guest(named)),
    ("GET /nodes/{node}/qemu/{vmid}/agent/get-osinfo", Handler::Guest(named)),
    ("GET /nodes/{node}/qemu/{vmid}/agent/get-time", Handler::Guest(named)),
    ("GET /nodes/{node}/qemu/{vmid}/agent/get-timezone", Handler::Guest(named)),
    ("GET /nodes/{node}/qemu/{vmid}/agent/get-users", Handler::Guest(named)),
    ("GET /nodes/{node}/qemu/{vmid}/agent/get-vcpus", Handler::Guest(named)),
    ("GET /nodes/{node}/qemu/{vmid}/agent/info", Handler::Guest(named)),
    ("GET /nodes/{node}/qemu/{vmid}/agent/network-get-interfaces", Handler::Guest(named)),
    ("POST /nodes/{node}/qemu/{vmid}/agent/ping", Handler::Guest(named)),
    ("POST /nodes/{node}/qemu/{vmid}/agent/shutdown", Handler::Guest(named)),
    ("POST /nodes/{node}/qemu/{vmid}/agent/suspend-disk", Handler::Guest(named)),
    ("POST /nodes/{node}/qemu/{vmid}/agent/suspend-hybrid", Handler::Guest(named)),
    ("POST /nodes/{node}/qemu/{vmid}/agent/suspend-ram", Handler::Guest(named)),
];

/// Tells whether a machine's configuration says that it has an agent.
pub(crate) fn is_enabled(guest: &Guest) -> bool {
    let parts = dict::parts("qemu-agent", guest.get("agent").unwrap_or_default());
    parts.get("enabled").is_some_and(|text| text == "1")
}

/// Tells whether a machine's agent answers.
pub(crate) fn answers(guest: &Guest) -> bool {
    guest.running && !guest.paused && is_enabled(guest) && guest.world.has_system()
}

/// Passes on what a real machine's agent is asked; nothing where the machine is simulated.
fn pass_on(
    call: &mut Call<'_>,
    kind: GuestKind,
    vmid: u32,
    what: impl FnOnce(&Call<'_>) -> Result<Inquiry, Refusal>,
) -> Option<Reply> {
    if !call.state.is_real {
        return None;
    }
    let begun = check(call, kind, vmid).and_then(|guest| {
        let as_container = guest.as_container;
        Ok(Errand { vmid, as_container, what: what(call)? })
    });
    Some(begun.map(|errand| {
        call.state.errand = Some(errand);
        Answer::null()
    }))
}

/// Refuses what only a machine that runs and says that it has an agent can do.
fn check<'a>(call: &'a Call<'_>, kind: GuestKind, vmid: u32) -> Result<&'a Guest, Refusal> {
    let guest = call.guest(kind, vmid)?;
    if !guest.running {
        return Err(Refusal::failed(format!("VM {vmid} is not running")));
    }
    if !is_enabled(guest) {
        return Err(Refusal::failed("No QEMU guest agent configured"));
    }
    Ok(guest)
}

/// Tells whether a machine's agent answers; nothing where its configuration knows of none.
pub(crate) fn agent_of(guest: &Guest) -> Option<bool> {
    is_enabled(guest).then(|| answers(guest))
}

/// Refuses what only an agent that runs can do.
fn ready<'a>(call: &'a Call<'_>, kind: GuestKind, vmid: u32) -> Result<&'a Guest, Refusal> {
    let guest = check(call, kind, vmid)?;
    if !answers(guest) {
        return Err(Refusal::failed("QEMU guest agent is not running"));
    }
    Ok(guest)
}

/// Answers a command that stands in a parameter.
fn any(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    let command = call.args.text("command").to_owned();
    ask(call, kind, vmid, &command)
}

/// Answers a command that stands in the path.
fn named(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    let command = call.entry.key.rsplit('/').next().unwrap_or_default().to_owned();
    ask(call, kind, vmid, &command)
}

fn ask(call: &mut Call<'_>, kind: GuestKind, vmid: u32, command: &str) -> Reply {
    let named = |_: &Call<'_>| Ok(Inquiry::Named { command: command.to_owned() });
    if let Some(reply) = pass_on(call, kind, vmid, named) {
        return reply;
    }
    let guest = ready(call, kind, vmid)?;
    let cores = super::guests::cores(call.state, guest);
    let result = match command {
        "ping" | "fsfreeze-freeze" | "fsfreeze-thaw" | "fstrim" | "fsfreeze-status" | "info" => {
            facts::of_agent(guest, command)
        }
        "shutdown" => {
            if let Some(guest) = call.state.guest_mut(kind, vmid) {
                halt(guest);
                change::settle(guest);
            }
            json!({})
        }
        "suspend-disk" | "suspend-hybrid" | "suspend-ram" => {
            let text = format!("Agent error: the command guest-{command} is not supported by this system");
            return Err(Refusal::failed(text));
        }
        command => facts::of_system(guest, cores, command),
    };
    Ok(json!({ "result": result }).into())
}
