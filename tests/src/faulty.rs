//! A transport on which things go wrong as they do on a network and behind PVE's proxy: each kind of call is struck
//! once, the first time that it is made.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use phoenix_pve::{Caller, Method, Request, Response, Transport, TransportError};
use serde_json::{Value, json};

/// How long the proxy between nodes waits for an answer.
const CUT: Duration = Duration::from_secs(30);
/// How much later the call is carried out that it did not wait for.
const LATE: Duration = Duration::from_secs(2);

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// The call is carried out and its answer lost.
    LostReply,
    /// The call is lost, and nobody can tell that it was not carried out: a connection that was closed while it was
    /// taken up again.
    ClosedOnReuse,
    /// A proxy answers with this status, before the call is carried out.
    ProxyBefore(u16),
    /// A proxy answers with this status, after the call was carried out.
    ProxyAfter(u16),
    /// A proxy gives up after half a minute, as the one between Proxmox VE's nodes does; the call is carried out a
    /// little later.
    Cut,
    /// The call is answered so and not carried out: a lock that was waited for in vain.
    LockTimeout,
    /// A task that began is called failed although it succeeded.
    FalselyFailed,
    /// A task is said to run for so many more questions.
    SlowTask(u32),
}

/// A transport on which something goes wrong.
pub struct Faulty {
    inner: Arc<dyn Transport>,
    mishap: Mishap,
    struck: Mutex<BTreeSet<String>>,
    count: AtomicU32,
}

impl Faulty {
    /// Returns a transport on which one sort of thing goes wrong.
    pub fn new(inner: Arc<dyn Transport>, mishap: Mishap) -> Self {
        Self { inner, mishap, struck: Mutex::default(), count: AtomicU32::new(0) }
    }

    /// Returns how often something went wrong.
    pub fn count(&self) -> u32 {
        self.count.load(Ordering::Relaxed)
    }

    /// Tells whether a call is struck: each sort of write once, whatever guest it is for.
    fn strikes(&self, request: &Request) -> bool {
        request.method != Method::Get
            && self.is_first(&format!("{} {}", request.method.as_str(), sort(&request.path)))
    }

    fn is_first(&self, what: &str) -> bool {
        let is_first = self.struck.lock().unwrap_or_else(PoisonError::into_inner).insert(what.to_owned());
        if is_first {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
        is_first
    }

    /// Says of a task that has ended what is not so.
    fn misreport(&self, request: &Request, response: Response) -> Response {
        let is_status = request.path.contains("/tasks/") && request.path.ends_with("/status");
        let mut answer: Value = match is_status.then(|| serde_json::from_slice(&response.body)) {
            Some(Ok(answer)) => answer,
            Some(Err(_)) | None => return response,
        };
        let kind = answer["data"]["type"].as_str().unwrap_or_default().to_owned();
        let is_start = kind.ends_with("start");
        match self.mishap {
            Mishap::FalselyFailed
                if is_start && answer["data"]["status"] == "stopped" && self.is_first(&kind) =>
            {
                answer["data"]["exitstatus"] = json!("startup for container '101' failed");
            }
            Mishap::SlowTask(times) if (0..times).any(|time| self.is_first(&format!("{kind} {time}"))) => {
                answer["data"]["status"] = json!("running");
                if let Some(data) = answer["data"].as_object_mut() {
                    data.remove("exitstatus");
                }
            }
            Mishap::LostReply
            | Mishap::ClosedOnReuse
            | Mishap::ProxyBefore(_)
            | Mishap::ProxyAfter(_)
            | Mishap::Cut
            | Mishap::LockTimeout
            | Mishap::FalselyFailed
            | Mishap::SlowTask(_) => return response,
        }
        Response { body: answer.to_string().into_bytes(), ..response }
    }
}

#[async_trait]
impl Transport for Faulty {
    fn caller(&self) -> Caller {
        self.inner.caller()
    }

    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let lost = TransportError {
            method: request.method.as_str(),
            path: request.path.clone(),
            message: "connection reset by peer".to_owned(),
            may_have_arrived: true,
        };
        let refused =
            |status: u16, reason: &str| Response { status, reason: reason.to_owned(), body: Vec::new() };
        match self.mishap {
            Mishap::LostReply if self.strikes(&request) => {
                self.inner.send(request).await?;
                Err(lost)
            }
            Mishap::ClosedOnReuse if self.strikes(&request) => Err(lost),
            Mishap::ProxyBefore(status) if self.strikes(&request) => Ok(refused(status, "Broken pipe")),
            Mishap::ProxyAfter(status) if self.strikes(&request) => {
                self.inner.send(request).await?;
                Ok(refused(status, "Connection timed out"))
            }
            Mishap::Cut if self.strikes(&request) => {
                let inner = Arc::clone(&self.inner);
                tokio::spawn(async move {
                    tokio::time::sleep(CUT + LATE).await;
                    // Nobody hears the answer.
                    let _ = inner.send(request).await;
                });
                tokio::time::sleep(CUT).await;
                Ok(refused(596, "Connection timed out"))
            }
            Mishap::LockTimeout if self.strikes(&request) => {
                Ok(refused(500, "can't lock file '/run/lock/lxc/pve-config-101.lock' - got timeout"))
            }
            Mishap::LostReply
            | Mishap::ClosedOnReuse
            | Mishap::ProxyBefore(_)
            | Mishap::ProxyAfter(_)
            | Mishap::Cut
            | Mishap::LockTimeout
            | Mishap::FalselyFailed
            | Mishap::SlowTask(_) => {
                let response = self.inner.send(request.clone()).await?;
                Ok(self.misreport(&request, response))
            }
        }
    }
}

/// Returns a path without the numbers in it.
fn sort(path: &str) -> String {
    path.split('/')
        .map(|part| if part.parse::<u32>().is_ok() { "*" } else { part })
        .collect::<Vec<_>>()
        .join("/")
}
