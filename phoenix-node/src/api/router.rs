//! Routes: which method and path is which call.

use percent_encoding::percent_decode_str;
use phoenix_core::GuestKind;
use phoenix_pve::transport::{Method, Request};
use serde_json::Value;

use crate::{
    api::{
        args::Args,
        clone, cluster, configure, create, guest, guests, power,
        reply::{Refusal, Reply, no_such_guest},
        schema::{Kind, Spec, must},
        snapshot, storage, tasks,
    },
    state::{State, guest::Guest},
    work::Work,
};

/// A call on its way through the handlers.
pub(crate) struct Call<'a> {
    pub(crate) state: &'a mut State,
    params: &'a [(String, String)],
}

/// Answers a request.
pub(crate) fn route(state: &mut State, request: &Request) -> Reply {
    let segments: Vec<String> = request
        .path
        .split('/')
        .filter(|part| !part.is_empty())
        .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned())
        .collect();
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    let mut call = Call { state, params: &request.params };
    use Method::Get;
    match (request.method, &path[..]) {
        (Get, ["version"]) => cluster::version(&call),
        (Get, ["nodes"]) => cluster::nodes(&mut call),
        (Get, ["storage"]) => storage::definitions(&call),
        (Get, ["cluster", "resources"]) => cluster::resources(&mut call),
        (Get, ["cluster", "nextid"]) => cluster::next_id(&call),
        (Get, ["cluster", "status"]) => cluster::status(&call),
        (Get, ["cluster", "tasks"]) => tasks::of_cluster(&call),
        (_, ["nodes", node, rest @ ..]) if !rest.is_empty() => {
            if *node != call.state.name && *node != "localhost" {
                return Err(Refusal::failed(format!(
                    "hostname lookup '{node}' failed - failed to get address info for: {node}: Name or service not known"
                )));
            }
            on_node(&mut call, request, rest)
        }
        _ => Err(not_implemented(request)),
    }
}

fn on_node(call: &mut Call<'_>, request: &Request, path: &[&str]) -> Reply {
    use Method::{Delete, Get, Post, Put};
    match (request.method, path) {
        (Get, ["status"]) => cluster::node_status(call),
        (Get, ["version"]) => cluster::version(call),
        (Get, ["network"]) => cluster::network(call),
        (Get, ["aplinfo"]) => storage::appliances(call),
        (Post, ["aplinfo"]) => storage::fetch_appliance(call),
        (Get, ["storage"]) => storage::list(call),
        (Get, ["storage", name, "status"]) => storage::status(call, name),
        (Get, ["storage", name, "content"]) => storage::content(call, name),
        (Get, ["storage", name, "content", volume @ ..]) => storage::volume(call, name, &volume.join("/")),
        (Delete, ["storage", name, "content", volume @ ..]) => storage::delete(call, name, &volume.join("/")),
        (Post, ["storage", name, "download-url"]) => storage::download(call, name),
        (Get, ["tasks"]) => tasks::list(call),
        (Delete, ["tasks", upid]) => tasks::stop(call, upid),
        (Get, ["tasks", upid, "status"]) => tasks::status(call, upid),
        (Get, ["tasks", upid, "log"]) => tasks::log(call, upid),
        (Get, ["lxc"]) => guests::list(call, GuestKind::Lxc),
        (Get, ["qemu"]) => guests::list(call, GuestKind::Vm),
        (Post, ["lxc"]) => create::lxc(call),
        (Post, ["qemu"]) => create::vm(call),
        (_, [branch @ ("lxc" | "qemu"), vmid, rest @ ..]) => {
            let kind = if *branch == "lxc" { GuestKind::Lxc } else { GuestKind::Vm };
            let vmid_is_known = is_guest_route(request.method, kind, rest);
            if !vmid_is_known {
                return Err(not_implemented(request));
            }
            let given = [("vmid".to_owned(), (*vmid).to_owned())];
            let vmid = Args::check(&given, &[&[must("vmid", Kind::Vmid)]])?.vmid("vmid");
            match (request.method, rest) {
                (Delete, []) => guest::destroy(call, kind, vmid),
                (Get, ["config"]) => configure::read(call, kind, vmid),
                (Get, ["pending"]) => configure::pending(call, kind, vmid),
                (Put, ["config"]) => configure::write(call, kind, vmid),
                (Post, ["config"]) => configure::write_later(call, vmid),
                (Put, ["resize"]) => guest::resize(call, kind, vmid),
                (Post, ["clone"]) => clone::start(call, kind, vmid),
                (Post, ["template"]) => guest::template(call, kind, vmid),
                (Get, ["feature"]) => guest::feature(call, kind, vmid),
                (Get, ["status", "current"]) => guests::current(call, kind, vmid),
                (Post, ["status", verb]) => power::act(call, kind, vmid, verb),
                (Get, ["snapshot"]) => snapshot::list(call, kind, vmid),
                (Post, ["snapshot"]) => snapshot::take(call, kind, vmid),
                (Delete, ["snapshot", name]) => snapshot::delete(call, kind, vmid, name),
                (Get, ["snapshot", name, "config"]) => snapshot::read(call, kind, vmid, name),
                (Put, ["snapshot", name, "config"]) => snapshot::describe(call, kind, vmid, name),
                (Post, ["snapshot", name, "rollback"]) => snapshot::rollback(call, kind, vmid, name),
                _ => Err(not_implemented(request)),
            }
        }
        _ => Err(not_implemented(request)),
    }
}

fn is_guest_route(method: Method, kind: GuestKind, path: &[&str]) -> bool {
    use Method::{Delete, Get, Post, Put};
    match (method, path) {
        (Post, ["config"]) => kind == GuestKind::Vm,
        (Delete, [])
        | (Get | Put, ["config"])
        | (Get, ["pending" | "feature" | "snapshot"])
        | (Put, ["resize"])
        | (Post, ["clone" | "template" | "snapshot"])
        | (Get, ["status", "current"])
        | (Post, ["status", "start" | "stop" | "shutdown" | "reboot"])
        | (Delete, ["snapshot", _])
        | (Get | Put, ["snapshot", _, "config"])
        | (Post, ["snapshot", _, "rollback"]) => true,
        _ => false,
    }
}

fn not_implemented(request: &Request) -> Refusal {
    Refusal::Failed(501, format!("Method '{} {}' not implemented", request.method.as_str(), request.path))
}

impl Call<'_> {
    /// Checks the parameters.
    pub(crate) fn args(&self, tables: &[&[Spec]]) -> Result<Args, Refusal> {
        // The API's own path parameters may be sent in the form as well.
        let params: Vec<(String, String)> =
            self.params.iter().filter(|(key, _)| key != "node").cloned().collect();
        Args::check(&params, tables)
    }

    /// Returns a guest that must be there.
    pub(crate) fn guest(&self, kind: GuestKind, vmid: u32) -> Result<&Guest, Refusal> {
        self.state
            .guest(kind, vmid)
            .ok_or_else(|| Refusal::failed(no_such_guest(&self.state.name, kind, vmid)))
    }

    /// Returns a guest that must be there, without a lock, its file held by nobody.
    pub(crate) fn free_guest(&self, kind: GuestKind, vmid: u32) -> Result<&Guest, Refusal> {
        let guest = self.guest(kind, vmid)?;
        if self.state.is_config_held(vmid, None) {
            return Err(Refusal::Busy(kind, vmid));
        }
        match guest.lock_error() {
            Some(text) => Err(Refusal::failed(text)),
            None => Ok(guest),
        }
    }

    /// Starts a task and answers with its UPID.
    pub(crate) fn task(&mut self, work: Work) -> Reply {
        Ok(Value::from(self.state.new_task(work)).into())
    }
}
