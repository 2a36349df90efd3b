//! A small Proxmox VE behind the transport: guests with a configuration, tasks that end at the second question, and
//! refusals to order.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use phoenix_core::{Action, BackendError, Evidence, GuestId, Probe, Site};
use phoenix_pve::{GuestChannel, Limits, Method, PveBackend, Request, Response, Transport, TransportError};
use serde_json::{Value, json};

/// A guest of the fake.
#[derive(Clone, Default)]
pub(crate) struct Guest {
    pub(crate) kind: &'static str,
    pub(crate) running: bool,
    pub(crate) config: BTreeMap<String, Value>,
    pub(crate) snapshots: Vec<String>,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) guests: BTreeMap<u32, Guest>,
    pub(crate) templates: Vec<String>,
    pub(crate) calls: Vec<Request>,
    /// Refusals: how many more times a path that ends so is refused, and with what.
    pub(crate) refusals: Vec<(&'static str, u32, u16, &'static str)>,
    /// What the next tasks end with, if not `OK`.
    pub(crate) exits: Vec<&'static str>,
    /// What sites answer, last first; `Absent` when there is no more.
    pub(crate) said: Vec<Evidence>,
    tasks: BTreeMap<String, (u32, String)>,
    /// A guest that loses its lock with the end of a task.
    making: Option<u32>,
    /// A container that becomes a template at a later question.
    converting: Option<(u32, u32)>,
}

/// The fake's two faces.
#[derive(Clone, Default)]
pub(crate) struct Fake(Arc<Mutex<State>>);

impl Fake {
    /// Returns what the fake knows, to look at or to change.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nothing panics while it holds the state")
    }

    pub(crate) fn backend(&self) -> PveBackend {
        let limits = Limits {
            poll_floor: Duration::from_millis(1),
            lock_budget: Duration::from_millis(300),
            ..Limits::default()
        };
        PveBackend::new(Arc::new(self.clone()), Arc::new(self.clone()), "pve1", limits)
    }

    pub(crate) fn add(&self, vmid: u32, kind: &'static str, config: Value) {
        let config = config.as_object().expect("an object").clone().into_iter().collect();
        let guest = Guest { kind, config, ..Guest::default() };
        self.state().guests.insert(vmid, guest);
    }

    pub(crate) fn guest(&self, vmid: u32) -> Option<Guest> {
        self.state().guests.get(&vmid).cloned()
    }

    /// Returns the writes so far as `METHOD path`, and forgets them.
    pub(crate) fn writes(&self) -> Vec<String> {
        let calls = std::mem::take(&mut self.state().calls);
        let writes = calls.iter().filter(|call| call.method != Method::Get);
        writes.map(|call| format!("{} {}", call.method.as_str(), call.path)).collect()
    }

    /// Returns the parameters of the last write.
    pub(crate) fn last_params(&self) -> BTreeMap<String, String> {
        let state = self.state();
        let write = state.calls.iter().rev().find(|call| call.method != Method::Get).expect("a write");
        write.params.iter().cloned().collect()
    }
}

impl State {
    fn task(&mut self, kind: &str, id: u32) -> Result<Value, (u16, String)> {
        let upid = format!("UPID:pve1:{:08X}:00000001:6B01FECA:{kind}:{id}:root@pam:", self.tasks.len() + 1);
        let exit = self.exits.pop().unwrap_or("OK").to_owned();
        self.tasks.insert(upid.clone(), (1, exit));
        Ok(json!(upid))
    }

    /// Begins to make a guest, as another client would.
    pub(crate) fn begin_making(&mut self, vmid: u32) {
        self.making = Some(vmid);
        let _ = self.task("vzcreate", vmid);
    }

    fn answer(&mut self, request: &Request) -> Result<Value, (u16, String)> {
        for (end, left, status, message) in &mut self.refusals {
            if request.path.ends_with(*end) && request.method != Method::Get && *left > 0 {
                *left -= 1;
                return Err((*status, (*message).to_owned()));
            }
        }
        let params: BTreeMap<&str, &str> =
            request.params.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let path: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
        match (request.method, path.as_slice()) {
            (Method::Get, ["cluster", "resources"]) => Ok(self.list(None, true)),
            (Method::Get, ["nodes", "pve1", kind @ ("lxc" | "qemu")]) => Ok(self.list(Some(kind), false)),
            (Method::Get, ["nodes", "pve1", "tasks"]) => {
                let running = self.tasks.iter().filter(|(_, (left, _))| *left > 0);
                Ok(running.map(|(upid, _)| task_row(upid)).collect())
            }
            (Method::Get, ["nodes", "pve1", "tasks", upid, "status"]) => {
                let upid = upid.replace("%3A", ":").replace("%40", "@");
                let (left, exit) = self.tasks.get_mut(&upid).ok_or((400, "no such task".to_owned()))?;
                if *left > 0 {
                    *left -= 1;
                    if let (0, Some(guest)) = (*left, self.making.take().and_then(|id| self.guests.get_mut(&id))) {
                        guest.config.remove("lock");
                    }
                    return Ok(json!({"status": "running"}));
                }
                Ok(json!({"status": "stopped", "exitstatus": exit}))
            }
            (Method::Get, ["nodes", "pve1", "tasks", _, "log"]) => {
                Ok((0..20).map(|n| json!({"n": n, "t": format!("line {n}")})).collect())
            }
            (Method::Get, ["nodes", "pve1", "storage", storage, "content"]) => Ok(self
                .templates
                .iter()
                .map(|file| json!({"volid": format!("{storage}:vztmpl/{file}"), "content": "vztmpl", "size": "7"}))
                .collect()),
            (Method::Get, ["nodes", "pve1", "aplinfo"]) => Ok(json!([
                {"template": "debian-12-standard_12.7-1_amd64.tar.zst"},
                {"template": "debian-12-standard_12.12-1_amd64.tar.zst"},
            ])),
            (Method::Post, ["nodes", "pve1", "aplinfo"]) => {
                self.templates.push(params["template"].to_owned());
                self.task("download", 0)
            }
            (Method::Post, ["nodes", "pve1", kind @ ("lxc" | "qemu")]) => {
                let vmid: u32 = params["vmid"].parse().expect("a number");
                if self.guests.contains_key(&vmid) {
                    return Err((500, format!("CT {vmid} already exists on node 'pve1'")));
                }
                let kind = if *kind == "lxc" { "lxc" } else { "qemu" };
                let config = params.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
                self.guests.insert(vmid, Guest { kind, config, ..Guest::default() });
                self.task("vzcreate", vmid)
            }
            (method, ["nodes", "pve1", kind, vmid, rest @ ..]) => {
                let vmid: u32 = vmid.parse().expect("a number");
                if self.guests.get(&vmid).is_none_or(|guest| guest.kind != *kind) {
                    let text = format!("Configuration file 'nodes/pve1/{kind}/{vmid}.conf' does not exist");
                    return Err((500, text));
                }
                self.of_guest(method, vmid, rest, &params)
            }
            _ => Err((501, format!("Method '{} {}' not implemented", request.method.as_str(), request.path))),
        }
    }

    fn of_guest(
        &mut self,
        method: Method,
        vmid: u32,
        rest: &[&str],
        params: &BTreeMap<&str, &str>,
    ) -> Result<Value, (u16, String)> {
        if let (Method::Get, ["config"], Some((id, left))) = (method, rest, self.converting.as_mut()) {
            *left = left.saturating_sub(1);
            if *left == 0 && *id == vmid {
                self.guests.get_mut(&vmid).expect("it is there").config.insert("template".into(), json!(1));
                self.converting = None;
            }
        }
        let guest = self.guests.get_mut(&vmid).expect("it is there");
        match (method, rest) {
            (Method::Get, ["config"]) => Ok(json!(guest.config)),
            (Method::Put, ["config"]) => {
                for (key, value) in params.iter().filter(|(key, _)| !["digest", "delete"].contains(*key)) {
                    guest.config.insert((*key).to_owned(), json!(value));
                }
                for key in params.get("delete").into_iter().flat_map(|keys| keys.split(',')) {
                    guest.config.remove(key);
                }
                Ok(Value::Null)
            }
            (Method::Put, ["resize"]) => self.task("resize", vmid),
            (Method::Get, ["status", "current"]) => {
                Ok(json!({"status": if guest.running { "running" } else { "stopped" }}))
            }
            (Method::Post, ["status", verb]) => {
                guest.running = *verb == "start";
                self.task(&format!("vz{verb}"), vmid)
            }
            (Method::Get, ["snapshot"]) => {
                let rows = guest.snapshots.iter().map(|name| json!({"name": name, "snaptime": 1}));
                Ok(rows.chain([json!({"name": "current"})]).collect())
            }
            (Method::Post, ["snapshot"]) => {
                guest.snapshots.push(params["snapname"].to_owned());
                self.task("vzsnapshot", vmid)
            }
            (Method::Post, ["template"]) => {
                self.converting = Some((vmid, 3));
                Ok(Value::Null)
            }
            (Method::Post, ["clone"]) => {
                let copy = Guest { running: false, snapshots: Vec::new(), ..guest.clone() };
                let mut copy = copy;
                copy.config.insert("description".into(), json!(params["description"]));
                self.guests.insert(params["newid"].parse().expect("a number"), copy);
                self.task("vzclone", vmid)
            }
            (Method::Delete, []) => {
                self.guests.remove(&vmid);
                self.task("vzdestroy", vmid)
            }
            _ => Err((501, format!("Method '{}' not implemented", rest.join("/")))),
        }
    }

    fn list(&self, kind: Option<&str>, is_stale: bool) -> Value {
        let rows = self.guests.iter().filter(|(_, guest)| kind.is_none_or(|kind| guest.kind == kind));
        rows.map(|(vmid, guest)| {
            let mut row =
                json!({"vmid": vmid, "tags": guest.config.get("tags"), "lock": guest.config.get("lock")});
            if is_stale {
                row["node"] = json!("pve1");
                row["type"] = json!(guest.kind);
                row["status"] = json!("unknown");
                row["template"] = json!(0);
            } else {
                row["status"] = json!(if guest.running { "running" } else { "stopped" });
                row["name"] = json!(format!("CT{vmid}"));
            }
            row
        })
        .collect()
    }
}

#[async_trait]
impl Transport for Fake {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let mut state = self.state();
        state.calls.push(request.clone());
        Ok(match state.answer(&request) {
            Ok(data) => Response {
                status: 200,
                reason: "OK".to_owned(),
                body: json!({"data": data}).to_string().into_bytes(),
            },
            Err((status, reason)) => Response { status, reason, body: Vec::new() },
        })
    }
}

#[async_trait]
impl GuestChannel for Fake {
    async fn ask(&self, _: &Site, probes: &[Probe]) -> Vec<Result<Evidence, BackendError>> {
        let mut state = self.state();
        state.calls.push(Request { method: Method::Get, path: "ask".to_owned(), params: Vec::new() });
        probes.iter().map(|_| Ok(state.said.pop().unwrap_or(Evidence::Absent))).collect()
    }

    async fn act(&self, _: &Site, action: &Action, secret: Option<&[u8]>) -> Result<(), BackendError> {
        let secret = secret.map(|secret| String::from_utf8_lossy(secret).into_owned());
        self.state().calls.push(Request {
            method: Method::Post,
            path: "act".to_owned(),
            params: vec![
                ("action".into(), format!("{action:?}")),
                ("secret".into(), secret.unwrap_or_default()),
            ],
        });
        Ok(())
    }

    async fn answer(
        &self,
        site: &Site,
        argv: &[String],
        stdin: Option<&[u8]>,
    ) -> Result<Vec<u8>, BackendError> {
        let told = stdin.map_or("nothing".into(), String::from_utf8_lossy);
        Ok(format!("{site} says `{}` to {told}", argv.join(" ")).into_bytes())
    }

    async fn set_raw_keys(&self, _: GuestId, _: &[(String, String)]) -> Result<(), BackendError> {
        Ok(())
    }
}

fn task_row(upid: &str) -> Value {
    let parts: Vec<&str> = upid.split(':').collect();
    json!({"upid": upid, "type": parts[5], "id": parts[6], "status": "RUNNING"})
}
