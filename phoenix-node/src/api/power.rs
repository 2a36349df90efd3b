//! The calls that start and stop a guest.

use phoenix_core::GuestKind;

use crate::{
    api::{
        Call,
        reply::{Refusal, Reply, no_such_guest},
        router::{Handler, Routes},
    },
    work::Work,
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("POST /nodes/{node}/{kind}/{vmid}/status/start", Handler::Guest(start)),
    ("POST /nodes/{node}/{kind}/{vmid}/status/stop", Handler::Guest(stop)),
    ("POST /nodes/{node}/{kind}/{vmid}/status/shutdown", Handler::Guest(shutdown)),
    ("POST /nodes/{node}/{kind}/{vmid}/status/reboot", Handler::Guest(reboot)),
];

fn act(call: &mut Call<'_>, kind: GuestKind, vmid: u32, verb: &str) -> Reply {
    let args = call.args.clone();
    let skiplock = args.flag("skiplock");
    let found = call.guest(kind, vmid).ok().map(|guest| guest.running);
    let running = match (found, verb) {
        (Some(running), _) => running,
        // PVE starts the task first and looks then.
        (None, "start") => false,
        (None, _) => return Err(Refusal::failed(no_such_guest(&call.node(), kind, vmid))),
    };
    match (kind, verb, running) {
        (GuestKind::Lxc, "start", true) => Err(Refusal::failed(format!("CT {vmid} already running"))),
        (GuestKind::Lxc, "stop" | "shutdown", false) => {
            Err(Refusal::failed(format!("CT {vmid} not running")))
        }
        (_, "reboot", false) => Err(Refusal::failed(format!("VM {vmid} not running"))),
        (_, "start", _) => call.task(Work::Start { kind, vmid, skiplock }),
        (_, "reboot", true) => call.task(Work::Reboot { kind, vmid }),
        (_, verb, _) => call.task(Work::Stop {
            kind,
            vmid,
            clean: verb == "shutdown",
            skiplock,
            timeout: args.number("timeout"),
            force: args.flag("forceStop"),
        }),
    }
}

fn start(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    act(call, kind, vmid, "start")
}

fn stop(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    act(call, kind, vmid, "stop")
}

fn shutdown(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    act(call, kind, vmid, "shutdown")
}

fn reboot(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    act(call, kind, vmid, "reboot")
}
