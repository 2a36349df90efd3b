//! A scripted Proxmox VE: each call must be the next one of the script, word for word and in order, and is answered
//! as the script says.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use phoenix_core::{Action, BackendError, Evidence, GuestId, Probe, Site};
use phoenix_pve::{
    Guard, Guarded, GuestChannel, Limits, PveBackend, Request, Response, Transport, TransportError,
};
use serde_json::{Value, json};

/// What a call is answered with.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Status 200 and this data.
    Data(Value),
    /// A refusal: status and reason.
    Refusal(u16, &'static str),
    /// No answer, after the call has arrived.
    Lost,
}

/// The calls that are still to come.
#[derive(Clone, Default)]
pub(crate) struct Script(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    left: VecDeque<(String, Reply)>,
    wrong: Vec<String>,
}

/// The task that every scripted call begins.
pub(crate) const UPID: &str = "UPID:pve1:00000001:00000001:6B01FECA:task:950:root@pam:";

impl Script {
    /// Returns a script of lines as [`line`] writes them.
    pub(crate) fn new(calls: impl IntoIterator<Item = (String, Reply)>) -> Self {
        let state = State { left: calls.into_iter().collect(), wrong: Vec::new() };
        Self(Arc::new(Mutex::new(state)))
    }

    pub(crate) fn backend(&self) -> PveBackend {
        let limits = Limits {
            poll_floor: Duration::from_millis(1),
            lock_budget: Duration::from_millis(50),
            calls: 1,
            firewall_settle: Duration::ZERO,
            ..Limits::default()
        };
        PveBackend::new(Arc::new(self.clone()), Arc::new(self.clone()), "pve1", limits)
    }

    /// Insists that exactly the script was called.
    pub(crate) fn check(&self, what: &str) {
        let state = self.state();
        let left: Vec<_> = state.left.iter().map(|(line, _)| line).collect();
        assert!(
            state.wrong.is_empty() && left.is_empty(),
            "{what}: called against the script {:#?}, not called {left:#?}",
            state.wrong
        );
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nothing panics while it holds the state")
    }

    fn next(&self, line: String) -> Reply {
        let mut state = self.state();
        if state.left.front().is_some_and(|(expected, _)| *expected == line) {
            return state.left.pop_front().map_or(Reply::Lost, |(_, reply)| reply);
        }
        state.wrong.push(line);
        Reply::Refusal(500, "not in the script")
    }
}

/// Writes a call down: the method, the path, and its parameters in their order.
pub(crate) fn line(request: &Request) -> String {
    let params: Vec<_> = request.params.iter().map(|(key, value)| format!(" {key}={value}")).collect();
    let path = request.path.replace("%3A", ":").replace("%40", "@");
    format!("{} {path}{}", request.method.as_str(), params.concat())
}

/// Returns a call of a script and its data.
pub(crate) fn call(line: impl Into<String>, data: Value) -> (String, Reply) {
    (line.into(), Reply::Data(data))
}

/// Returns a call that begins a task, and the question whether that has ended.
pub(crate) fn task(line: impl Into<String>) -> Vec<(String, Reply)> {
    let ended = json!({"status": "stopped", "exitstatus": "OK"});
    vec![call(line, json!(UPID)), call(format!("GET /nodes/pve1/tasks/{UPID}/status"), ended)]
}

#[async_trait]
impl Transport for Script {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        match self.next(line(&request)) {
            Reply::Data(data) => {
                let body = json!({"data": data}).to_string().into_bytes();
                Ok(Response { status: 200, reason: "OK".to_owned(), body })
            }
            Reply::Refusal(status, reason) => {
                Ok(Response { status, reason: reason.to_owned(), body: Vec::new() })
            }
            Reply::Lost => Err(TransportError {
                method: request.method.as_str(),
                path: request.path,
                message: "connection reset by peer".to_owned(),
                may_have_arrived: true,
            }),
        }
    }
}

#[async_trait]
impl GuestChannel for Script {
    async fn ask(&self, site: &Site, probes: &[Probe]) -> Vec<Result<Evidence, BackendError>> {
        let asked = serde_json::to_value(probes).expect("probes are JSON");
        let names: Vec<_> =
            asked.as_array().into_iter().flatten().filter_map(|it| it["probe"].as_str()).collect();
        self.next(format!("ASK {site} {}", names.join(" ")));
        // Another answer each time, as the number of a boot is another behind each boot.
        let stdout = format!("{}\n", self.state().left.len());
        let said = Evidence::Output { status: 0, stdout, stderr: String::new() };
        probes.iter().map(|_| Ok(said.clone())).collect()
    }

    async fn act(&self, site: &Site, action: &Action, _: Option<&[u8]>) -> Result<(), BackendError> {
        let action = serde_json::to_value(action).expect("actions are JSON");
        self.next(format!("ACT {site} {}", action["action"].as_str().unwrap_or_default()));
        Ok(())
    }

    async fn answer(
        &self,
        site: &Site,
        argv: &[String],
        stdin: Option<&[u8]>,
    ) -> Result<Vec<u8>, BackendError> {
        let read = stdin.map(|text| format!(" < {}", String::from_utf8_lossy(text))).unwrap_or_default();
        self.next(format!("ANSWER {site} {}{read}", argv.join(" ")));
        Ok(format!("{}'s answer", argv[0]).into_bytes())
    }

    async fn set_raw_keys(&self, guest: GuestId, lines: &[(String, String)]) -> Result<(), BackendError> {
        self.next(format!("RAW {guest} {lines:?}"));
        Ok(())
    }

    async fn guard(&self, node: &str, what: &Guarded, guard: Guard) -> Result<(), BackendError> {
        self.next(format!("GUARD {node} {what} {guard:?}"));
        Ok(())
    }
}
