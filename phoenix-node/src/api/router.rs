//! Routes: from a method and a path to what the schema says of the call, and to the function that answers it. The order
//! is PVE's: no such call, no such node, not allowed, wrong parameters, and only then what the call itself finds.

use std::{collections::BTreeMap, sync::LazyLock};

use percent_encoding::percent_decode_str;
use phoenix_core::GuestKind;
use phoenix_pve::transport::Method;
use serde_json::{Map, Value};

use crate::{
    api::{
        access, acme, agent,
        args::Args,
        backup, bulk,
        caller::Caller,
        clone, cloudinit, cluster, cluster_log, configure, console, corosync, cpu_models, create, datacenter,
        firewall, guest, guests, ha, index, indexes, jobs, mapping, meter, metrics, moves, node,
        notifications, permit, pools, power,
        reply::{Answer, Refusal, Reply, no_such_guest},
        resources,
        schema::{self, Entry, Given},
        sdn, snapshot,
        storage::{self, upload::Uploaded},
        tasks,
    },
    state::{State, guest::Guest},
    work::Work,
};

/// A request as it came, its path in segments.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) path: Vec<String>,
    pub(crate) params: BTreeMap<String, Given>,
    /// The file that came with it.
    pub(crate) upload: Option<Uploaded>,
}

/// A call on its way through the handlers.
pub(crate) struct Call<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) caller: &'a Caller,
    /// What the schema says of the call.
    pub(crate) entry: &'static Entry,
    /// The parameters, those of the path among them.
    pub(crate) args: Args,
    /// The file that came with it.
    pub(crate) upload: Option<&'a Uploaded>,
}

/// What answers a call.
#[derive(Clone, Copy)]
pub(crate) enum Handler {
    /// Any call.
    Plain(fn(&mut Call<'_>) -> Reply),
    /// A call on a guest, of both kinds: `{kind}` stands in its path.
    Guest(fn(&mut Call<'_>, GuestKind, u32) -> Reply),
    /// A call of both kinds that is on no guest.
    Kind(fn(&mut Call<'_>, GuestKind) -> Reply),
    /// A list of the branches below, under this key: names parted by blanks.
    Index(&'static str, &'static str),
}

/// Calls and what answers them: the key of the schema, `{kind}` standing for `lxc` and for `qemu`.
pub(crate) type Routes = &'static [(&'static str, Handler)];

/// The routes of every module.
const ROUTES: &[Routes] = &[
    access::ACL,
    access::DOMAINS,
    access::GROUPS,
    access::INDEX,
    access::PASSWORD,
    access::PERMISSIONS,
    access::ROLES,
    access::TFA,
    access::TOKENS,
    access::USERS,
    backup::ROUTES,
    acme::ROUTES,
    bulk::ROUTES,
    agent::ROUTES,
    clone::ROUTES,
    cloudinit::ROUTES,
    console::ROUTES,
    index::ROUTES,
    meter::ROUTES,
    moves::ROUTES,
    cluster::ROUTES,
    cluster_log::ROUTES,
    configure::ROUTES,
    corosync::ROUTES,
    cpu_models::ROUTES,
    create::ROUTES,
    datacenter::ROUTES,
    guest::ROUTES,
    guests::ROUTES,
    indexes::ROUTES,
    pools::ROUTES,
    node::all::ROUTES,
    node::hardware::ROUTES,
    node::indexes::ROUTES,
    node::logs::ROUTES,
    node::network::ROUTES,
    node::packages::ROUTES,
    node::services::ROUTES,
    node::settings::ROUTES,
    node::status::ROUTES,
    mapping::ROUTES,
    metrics::ROUTES,
    power::ROUTES,
    resources::ROUTES,
    snapshot::ROUTES,
    storage::content::ROUTES,
    storage::definitions::ROUTES,
    storage::files::ROUTES,
    storage::prune::ROUTES,
    storage::state::ROUTES,
    storage::upload::ROUTES,
    tasks::ROUTES,
];

static HANDLERS: LazyLock<BTreeMap<String, (Handler, Option<GuestKind>)>> = LazyLock::new(|| {
    let mut all = BTreeMap::new();
    let folders = [ROUTES, firewall::ROUTES, ha::ROUTES, jobs::ROUTES, notifications::ROUTES, sdn::ROUTES];
    for (key, handler) in folders.into_iter().flatten().flat_map(|routes| routes.iter()) {
        if key.contains("{kind}") {
            for (word, kind) in [("lxc", GuestKind::Lxc), ("qemu", GuestKind::Vm)] {
                all.insert(key.replace("{kind}", word), (*handler, Some(kind)));
            }
        } else {
            let kind = match key.split('/').nth(3) {
                Some("lxc") => Some(GuestKind::Lxc),
                Some("qemu") => Some(GuestKind::Vm),
                _ => None,
            };
            all.insert((*key).to_owned(), (*handler, kind));
        }
    }
    all
});

/// Answers a request.
pub(crate) fn route(state: &mut State, caller: &Caller, asked: &Asked) -> Reply {
    let path: Vec<&str> = asked.path.iter().map(String::as_str).collect();
    let found =
        schema::find(asked.method, &path).and_then(|found| Some((*HANDLERS.get(&found.entry.key)?, found)));
    let Some(((handler, kind), found)) = found else {
        return Err(not_implemented(asked));
    };
    if let Some(node) = found.variables.get("node")
        && !state.has_node(node)
    {
        return Err(Refusal::failed(format!(
            "hostname lookup '{node}' failed - failed to get address info for: {node}: Name or service not known"
        )));
    }
    let mut given = asked.params.clone();
    given.extend(found.variables.into_iter().map(|(key, value)| (key, Given::Text(value))));
    permit::check(state, caller, &found.entry.rule, &given)?;
    let args = found.entry.check(&given)?;
    let vmid = args.vmid("vmid");
    let mut call = Call { state, caller, entry: found.entry, args, upload: asked.upload.as_ref() };
    match (handler, kind) {
        (Handler::Plain(answer), _) => answer(&mut call),
        (Handler::Guest(answer), Some(kind)) => answer(&mut call, kind, vmid),
        (Handler::Kind(answer), Some(kind)) => answer(&mut call, kind),
        (Handler::Index(key, names), _) => Ok(index(key, names)),
        (Handler::Guest(_) | Handler::Kind(_), None) => Err(not_implemented(asked)),
    }
}

/// Tells whether there is such a call, and whether anybody may make it.
pub(crate) fn is_public(method: Method, path: &[&str]) -> bool {
    schema::find(method, path).is_some_and(|found| found.entry.rule == schema::rule::Rule::World)
}

/// Checks the parameters of a call that is answered elsewhere.
pub(crate) fn checked(
    method: Method,
    path: &[&str],
    given: &BTreeMap<String, Given>,
) -> Result<Args, Refusal> {
    let path: Vec<String> =
        path.iter().map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned()).collect();
    let asked = Asked { method, path, params: given.clone(), upload: None };
    let path: Vec<&str> = asked.path.iter().map(String::as_str).collect();
    let found = schema::find(method, &path).ok_or_else(|| not_implemented(&asked))?;
    let mut given = asked.params;
    given.extend(found.variables.into_iter().map(|(key, value)| (key, Given::Text(value))));
    found.entry.check(&given)
}

fn index(key: &str, names: &str) -> Answer {
    let rows = names.split(' ').map(|name| Map::from_iter([(key.to_owned(), Value::from(name))]));
    Value::from(rows.map(Value::from).collect::<Vec<_>>()).into()
}

fn not_implemented(asked: &Asked) -> Refusal {
    let path = asked.path.join("/");
    Refusal::Failed(501, format!("Method '{} /{path}' not implemented", asked.method.as_str()))
}

impl Call<'_> {
    /// Returns the node that the path names.
    pub(crate) fn node(&self) -> String {
        match self.args.get("node") {
            None | Some("localhost") => self.state.name.clone(),
            Some(node) => node.to_owned(),
        }
    }

    /// Returns a guest that must be there.
    pub(crate) fn guest(&self, kind: GuestKind, vmid: u32) -> Result<&Guest, Refusal> {
        let node = self.node();
        let found = self.state.guest(kind, vmid).filter(|guest| self.state.node_of(guest) == node);
        found.ok_or_else(|| Refusal::failed(no_such_guest(&node, kind, vmid)))
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
        Ok(Value::from(self.state.new_task(&self.node(), work, &self.caller.id())).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_in_the_schema() {
        let known: Vec<&str> = schema::entries().iter().map(|entry| entry.key.as_str()).collect();
        for key in HANDLERS.keys() {
            assert!(known.contains(&key.as_str()), "{key} has a handler and stands in no data file");
        }
    }
}
