//! One exchange: a request of HTTP becomes a call, and its answer a response, in the order in which PVE's proxy looks
//! at things: the method, the coding, who it is, the body, the format, and only then the call.

use std::{sync::Arc, time::Duration};

use http_body_util::Full;
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    ext::ReasonPhrase,
    header::{
        ACCEPT_ENCODING, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, PRAGMA,
        SERVER, TRANSFER_ENCODING,
    },
};
use percent_encoding::percent_decode_str;
use phoenix_pve::transport::{self, Method, TransportError};

use crate::{
    api::{self, Asked, reply::render},
    node::Node,
    serve::{
        access::{self, PENALTY},
        body::{self, Brought},
        keep::Keys,
        latency::Turns,
        session::{self, Caller, Stranger},
        shape::{Format, pack, shape},
    },
};

/// What the connections share.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) node: Arc<Node>,
    pub(super) keys: Keys,
    pub(super) password: Option<String>,
    pub(super) ticket_life: Duration,
    pub(super) turns: Turns,
}

/// An answer before it is a response.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) status: u16,
    pub(super) reason: String,
    pub(super) kind: Option<&'static str>,
    pub(super) body: Vec<u8>,
    /// Whether the body is compressed.
    pub(super) is_packed: bool,
}

impl Service {
    /// Answers a request. Fails if the answer is lost on its way, and the connection with it.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Result<Served, TransportError> {
        let word = request.method().as_str();
        let Some(method) = method(word) else {
            return Ok(Served::empty(501, &format!("method '{word}' not available")));
        };
        if request.headers().contains_key(TRANSFER_ENCODING) {
            return Ok(Served::plain(501, "chunked transfer encoding not supported"));
        }
        let path = request.uri().path().to_owned();
        let Some((format, path)) =
            path.strip_prefix("/api2/").map(|rest| rest.split_once('/').unwrap_or((rest, "")))
        else {
            return Ok(Served::line(500, &format!("no such file '{path}'")));
        };
        let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let path = format!("/{}", segments.join("/"));
        let caller = match api::is_public(method, &segments) {
            true => None,
            false => match self.caller(&request, method) {
                Ok(caller) => Some(caller),
                Err(stranger) => {
                    self.node.wait(PENALTY).await;
                    return Ok(Served::empty(401, stranger.reason()));
                }
            },
        };
        let Some(format) = Format::named(format) else {
            return Ok(Served::plain(501, &format!("no formatter for uri {path}, {format}")));
        };
        let takes_packed = request
            .headers()
            .get(ACCEPT_ENCODING)
            .is_some_and(|codings| codings.to_str().is_ok_and(|codings| codings.contains("gzip")));
        let brought = match body::read(request, method).await {
            Ok(brought) => brought,
            Err(served) => return Ok(served),
        };
        let turn = self.turns.take(method, &segments).await;
        let response = self.call(caller.as_ref(), method, &segments, brought).await?;
        drop(turn);
        if response.status == 401 {
            self.node.wait(PENALTY).await;
        }
        let served = shape(response, format);
        // A journal can be long: it goes compressed whoever asks.
        let always = method == Method::Get && matches!(segments[..], ["nodes", _, "journal"]);
        Ok(if takes_packed || always { pack(served, always) } else { served })
    }

    fn caller(&self, request: &Request<Incoming>, method: Method) -> Result<Caller, Stranger> {
        let state = self.node.state();
        session::authenticate(
            &self.keys,
            &state.access,
            self.ticket_life,
            request.headers(),
            method != Method::Get,
        )
    }

    async fn call(
        &self,
        caller: Option<&Caller>,
        method: Method,
        segments: &[&str],
        brought: Brought,
    ) -> Result<transport::Response, TransportError> {
        match access::call(self, method, segments, &brought.params) {
            Some(reply) => Ok(render(reply)),
            None => {
                let caller = match caller {
                    Some(Caller::Ticket { user }) => api::Caller { user: user.clone(), token: None },
                    Some(Caller::Token { user, name }) => {
                        api::Caller { user: user.clone(), token: Some(name.clone()) }
                    }
                    None => api::Caller { user: String::new(), token: None },
                };
                let Brought { params, upload } = brought;
                let decode = |segment: &&str| percent_decode_str(segment).decode_utf8_lossy().into_owned();
                let path = segments.iter().map(decode).collect();
                self.node.call(&caller, &Asked { method, path, params, upload }).await
            }
        }
    }
}

impl Served {
    /// Returns an answer without a body.
    pub(super) fn empty(status: u16, reason: &str) -> Self {
        Self { status, reason: reason.to_owned(), kind: None, body: Vec::new(), is_packed: false }
    }

    pub(super) fn plain(status: u16, reason: &str) -> Self {
        Self { body: reason.as_bytes().to_vec(), ..Self::empty(status, reason) }
    }

    /// Returns an answer whose body is the reason, as a line.
    pub(super) fn line(status: u16, reason: &str) -> Self {
        Self { body: format!("{reason}\n").into_bytes(), ..Self::empty(status, reason) }
    }

    /// Returns the response. The connection is closed after an error, and where it is the last.
    pub(super) fn render(self, is_last: bool) -> Response<Full<Bytes>> {
        let closes = is_last || !(200..300).contains(&self.status);
        let mut response = Response::new(Full::new(Bytes::from(self.body)));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // Control characters cannot stand in a reason; PVE has its messages' first line there.
        let reason: String = self.reason.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        if let Ok(reason) = ReasonPhrase::try_from(reason.into_bytes()) {
            response.extensions_mut().insert(reason);
        }
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=0"));
        headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
        headers.insert(SERVER, HeaderValue::from_static("pve-api-daemon/3.0"));
        if let Some(kind) = self.kind {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        if self.is_packed {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        headers.insert(CONNECTION, HeaderValue::from_static(if closes { "close" } else { "Keep-Alive" }));
        response
    }
}

fn method(word: &str) -> Option<Method> {
    [Method::Get, Method::Post, Method::Put, Method::Delete]
        .into_iter()
        .find(|method| method.as_str() == word)
}
