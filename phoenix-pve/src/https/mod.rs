//! The live transport: HTTPS to a Proxmox VE host. HTTP/1.1 only, because the message of an error is the reason
//! phrase; connections are dropped before the host drops them; what may have been done is never sent again.

mod session;
mod trust;

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use hyper::ext::ReasonPhrase;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use tokio::{sync::Mutex, time::sleep};

pub use session::Credentials;
pub use trust::Trust;

use crate::{
    error::PveError,
    transport::{Caller, Method, Request, Response, Transport, TransportError},
};

use session::Session;
use trust::Seen;

/// The host closes connections that are idle for 5 s, and must not be the first.
const IDLE: Duration = Duration::from_secs(4);
/// How long a call may take: the host's own proxy gives up then.
const CALL: Duration = Duration::from_secs(30);
/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// How often something is tried again, and the first pause before it, which doubles.
const RETRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);

const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Carries calls to a host over HTTPS.
pub struct Https {
    base: String,
    client: reqwest::Client,
    /// Keeps no connection: each call makes one.
    fresh: reqwest::Client,
    credentials: Credentials,
    session: Mutex<Option<Session>>,
    seen: Arc<Seen>,
    calls: AtomicU64,
    bytes: AtomicU64,
}

/// Why an attempt brought no answer.
enum Failure {
    /// It may go better another time.
    Passing(TransportError),
    /// It will not.
    Lasting(TransportError),
}

impl Https {
    /// Returns a transport to the host at `url`, for instance `https://pve.example.com:8006`. Connects to nothing yet.
    pub fn new(url: &str, trust: &Trust, credentials: Credentials) -> Result<Self, PveError> {
        let base = url.trim_end_matches('/');
        let setup = |what: String| PveError::Setup { url: base.to_owned(), what };
        let has_host = base.strip_prefix("https://").is_some_and(|rest| !rest.is_empty());
        if !has_host {
            return Err(setup("the URL does not begin with `https://` and a name".to_owned()));
        }
        credentials.check().map_err(setup)?;
        let seen = Arc::new(Seen::default());
        let config = trust.config(Arc::clone(&seen)).map_err(setup)?;
        let client = |kept: usize| {
            reqwest::Client::builder()
                .tls_backend_preconfigured(config.clone())
                .http1_only()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .pool_idle_timeout(IDLE)
                .pool_max_idle_per_host(kept)
                .timeout(CALL)
                .connect_timeout(CONNECT)
                .build()
                .map_err(|error| setup(innermost(&error)))
        };
        Ok(Self {
            base: base.to_owned(),
            client: client(usize::MAX)?,
            fresh: client(0)?,
            credentials,
            session: Mutex::new(None),
            seen,
            calls: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        })
    }

    /// Returns how many requests were sent, logins and repetitions among them.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Returns how many bytes of paths, parameters and bodies went both ways.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Sends a request once.
    async fn exchange(
        &self,
        client: &reqwest::Client,
        request: &Request,
        headers: HeaderMap,
    ) -> Result<Response, Failure> {
        let encoded = encode(&request.params);
        let mut url = format!("{}/api2/json{}", self.base, request.path);
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add((request.path.len() + encoded.len()) as u64, Ordering::Relaxed);
        let in_query = matches!(request.method, Method::Get | Method::Delete);
        if in_query && !encoded.is_empty() {
            url = format!("{url}?{encoded}");
        }
        let mut call = match request.method {
            Method::Get => client.get(url),
            Method::Post => client.post(url),
            Method::Put => client.put(url),
            Method::Delete => client.delete(url),
        }
        .headers(headers);
        if !in_query {
            call = call.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(encoded);
        }
        let answer = call.send().await.map_err(|error| self.failure(request, &error))?;
        let status = answer.status();
        let reason = answer.extensions().get::<ReasonPhrase>().map_or_else(
            || status.canonical_reason().unwrap_or_default().to_owned(),
            |reason| String::from_utf8_lossy(reason.as_bytes()).into_owned(),
        );
        let body = answer.bytes().await.map_err(|error| self.failure(request, &error))?.to_vec();
        self.bytes.fetch_add((body.len() + reason.len()) as u64, Ordering::Relaxed);
        Ok(Response { status: status.as_u16(), reason, body })
    }

    /// Sends a request as the user; logs in first if that is needed.
    async fn attempt(&self, client: &reqwest::Client, request: &Request) -> Result<Response, Failure> {
        let shown = match self.shown(None).await? {
            Ok(shown) => shown,
            Err(refused) => return Ok(refused),
        };
        let response = self.exchange(client, request, shown.headers).await?;
        if response.status != 401 || shown.ticket.is_none() {
            return Ok(response);
        }
        // Who was not let in has changed nothing, so even a write may be sent again with a new ticket.
        tracing::info!(url = self.base, "the ticket is not good any more: logging in again");
        match self.shown(shown.ticket).await? {
            Ok(shown) => self.exchange(client, request, shown.headers).await,
            Err(refused) => Ok(refused),
        }
    }

    fn failure(&self, request: &Request, error: &reqwest::Error) -> Failure {
        let (is_connect, is_timeout) = (error.is_connect(), error.is_timeout());
        let cause = innermost(error);
        // So rustls says that the words are not its own.
        let cause = cause.strip_prefix("unexpected error: ").unwrap_or(&cause);
        let untrusted = cause.contains("certificate").then(|| self.seen.complaint(&self.base, cause));
        let is_final = untrusted.is_some() || error.is_builder() || (is_timeout && !is_connect);
        let message = match untrusted {
            Some(complaint) => complaint,
            None if is_timeout && is_connect => {
                format!("`{}` took no connection within {} s", self.base, CONNECT.as_secs())
            }
            None if is_timeout => format!("`{}` gave no answer within {} s", self.base, CALL.as_secs()),
            None => format!("`{}`: {cause}", self.base),
        };
        let error = TransportError {
            method: request.method.as_str(),
            path: request.path.clone(),
            message,
            may_have_arrived: !is_connect && !error.is_builder(),
        };
        if is_final { Failure::Lasting(error) } else { Failure::Passing(error) }
    }
}

#[async_trait]
impl Transport for Https {
    fn caller(&self) -> Caller {
        self.credentials.caller()
    }

    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let is_read = request.method == Method::Get;
        let mut pause = PAUSE;
        for _ in 0..RETRIES {
            match self.attempt(&self.client, &request).await {
                // The proxy between the nodes failed; a read does no harm twice.
                Ok(response) if is_read && (595..=599).contains(&response.status) => {}
                Ok(response) => return Ok(response),
                Err(Failure::Passing(error)) if is_read || !error.may_have_arrived => {
                    tracing::info!(url = self.base, %error, "trying again");
                }
                Err(Failure::Passing(error) | Failure::Lasting(error)) => return Err(error),
            }
            sleep(pause).await;
            pause *= 2;
        }
        match self.attempt(&self.client, &request).await {
            Ok(response) => Ok(response),
            Err(Failure::Passing(error) | Failure::Lasting(error)) => Err(error),
        }
    }

    async fn send_anew(&self, request: Request) -> Result<Response, TransportError> {
        match self.attempt(&self.fresh, &request).await {
            Ok(response) => Ok(response),
            Err(Failure::Passing(error) | Failure::Lasting(error)) => Err(error),
        }
    }
}

impl std::fmt::Debug for Https {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Https").field("base", &self.base).finish_non_exhaustive()
    }
}

/// Returns parameters as a form, which is a query's form as well.
fn encode(params: &[(String, String)]) -> String {
    let pair = |(key, value): &(String, String)| {
        format!("{}={}", utf8_percent_encode(key, VALUE), utf8_percent_encode(value, VALUE))
    };
    params.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// Returns what an error goes back to: the outer ones only say that a request was not sent.
fn innermost(error: &dyn Error) -> String {
    let mut error = error;
    while let Some(cause) = error.source() {
        error = cause;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_keeps_order_and_encodes_what_would_end_a_value() {
        let params = [("delete", "net1"), ("description", "a b&c=ü"), ("delete", "net2")];
        let params = params.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(encode(&params), "delete=net1&description=a%20b%26c%3D%C3%BC&delete=net2");
    }
}
