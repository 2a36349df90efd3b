//! The API of a small cluster behind the transport: where guests and nodes are, and guest agents, which run what they are
//! given with a shell of this machine.

use std::{
    collections::BTreeMap,
    io::Write,
    process::{Command, Stdio},
    sync::{Arc, Mutex, MutexGuard},
};

use async_trait::async_trait;
use phoenix_pve::{Method, Request, Response, Transport, TransportError};
use serde_json::{Value, json};

/// The cluster.
#[derive(Clone, Default)]
pub(crate) struct Cluster(Arc<Mutex<State>>);

#[derive(Default)]
pub(crate) struct State {
    guests: BTreeMap<u32, &'static str>,
    /// Nodes beside `pve1`, with their addresses.
    pub(crate) others: Vec<(String, String)>,
    pub(crate) calls: Vec<Request>,
    /// What an agent is refused with.
    pub(crate) refusal: Option<String>,
    /// The words that bring a command into the machine.
    pub(crate) prefix: Vec<String>,
    /// What `config` says.
    pub(crate) config: BTreeMap<String, Value>,
    /// What `network-get-interfaces` says.
    pub(crate) interfaces: Option<Value>,
    /// How often the agent is said not to answer yet, and for how many seconds the machine runs.
    pub(crate) booting: u32,
    pub(crate) uptime: u64,
    /// How often a process is said to run still.
    pub(crate) slowness: u32,
    ended: BTreeMap<u64, (u32, Value)>,
}

impl Cluster {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nothing panics while it holds the state")
    }

    pub(crate) fn add(&self, vmid: u32, kind: &'static str) {
        self.state().guests.insert(vmid, kind);
    }

    /// Returns how often a call was made whose path ends so.
    pub(crate) fn count(&self, end: &str) -> usize {
        self.state().calls.iter().filter(|call| call.path.ends_with(end)).count()
    }
}

impl State {
    fn answer(&mut self, request: &Request) -> Result<Value, (u16, String)> {
        let path: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
        match (request.method, path.as_slice()) {
            (Method::Get, ["cluster", "resources"]) => Ok(self
                .guests
                .iter()
                .map(|(vmid, kind)| json!({"vmid": vmid, "type": kind, "node": "pve1", "status": "unknown"}))
                .collect()),
            (Method::Get, ["cluster", "status"]) => {
                let own = json!({"type": "node", "name": "pve1", "ip": "127.0.0.1", "local": 1});
                let others = self.others.iter();
                let others =
                    others.map(|(name, ip)| json!({"type": "node", "name": name, "ip": ip, "local": 0}));
                Ok([json!({"type": "cluster", "name": "lab"}), own].into_iter().chain(others).collect())
            }
            (Method::Get, ["nodes", "pve1", "qemu", _, "config"]) => Ok(json!(self.config)),
            (Method::Get, ["nodes", "pve1", "qemu", _, "status", "current"]) => {
                Ok(json!({"status": "running", "uptime": self.uptime}))
            }
            (method, ["nodes", "pve1", "qemu", vmid, "agent", call]) => {
                if self.guests.get(&vmid.parse().unwrap_or(0)) != Some(&"qemu") {
                    return Err((
                        500,
                        format!("Configuration file 'nodes/pve1/qemu-server/{vmid}.conf' does not exist"),
                    ));
                }
                self.agent(method, call, request)
            }
            _ => Err((501, format!("Method '{} {}' not implemented", request.method.as_str(), request.path))),
        }
    }

    fn agent(&mut self, method: Method, call: &str, request: &Request) -> Result<Value, (u16, String)> {
        if call == "network-get-interfaces" {
            return self
                .interfaces
                .clone()
                .ok_or_else(|| (500, "QEMU guest agent is not running".to_owned()));
        }
        if self.booting > 0 {
            self.booting -= 1;
            return Err((500, "QEMU guest agent is not running".to_owned()));
        }
        if let Some(refusal) = &self.refusal {
            return Err((500, refusal.clone()));
        }
        let all = |key: &str| -> Vec<&str> {
            request.params.iter().filter(|(name, _)| name == key).map(|(_, value)| value.as_str()).collect()
        };
        match (method, call) {
            (Method::Post, "exec") => {
                let input = all("input-data").concat();
                if input.len() > 65536 || !input.is_ascii() {
                    return Err((400, "Parameter verification failed.".to_owned()));
                }
                let words: Vec<&str> = self.prefix.iter().map(String::as_str).chain(all("command")).collect();
                let pid = self.ended.len() as u64 + 7;
                self.ended.insert(pid, (self.slowness, execute(&words, &input)));
                Ok(json!({"pid": pid}))
            }
            (Method::Get, "exec-status") => {
                let pid = all("pid").concat().parse().unwrap_or(0);
                let (left, status) = self.ended.get_mut(&pid).ok_or((500, "no such process".to_owned()))?;
                if *left > 0 {
                    *left -= 1;
                    return Ok(json!({"exited": 0}));
                }
                Ok(status.clone())
            }
            (Method::Post, "file-write") => {
                let content = all("content").concat();
                if content.len() > 61440 {
                    return Err((400, "Parameter verification failed.".to_owned()));
                }
                let file = all("file").concat();
                let words = ["/bin/sh", "-c", "cat >\"$0\"", &file];
                let words: Vec<&str> = self.prefix.iter().map(String::as_str).chain(words).collect();
                execute(&words, &content);
                Ok(Value::Null)
            }
            _ => Err((501, "not implemented".to_owned())),
        }
    }
}

fn execute(words: &[&str], input: &str) -> Value {
    let mut child = Command::new(words[0])
        .args(&words[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a program");
    let mut stdin = child.stdin.take().expect("it is piped");
    let input = input.to_owned();
    let feeder = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("it ends");
    let _ = feeder.join();
    json!({
        "exited": 1,
        "exitcode": output.status.code(),
        "out-data": String::from_utf8_lossy(&output.stdout),
        "err-data": String::from_utf8_lossy(&output.stderr),
    })
}

#[async_trait]
impl Transport for Cluster {
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
