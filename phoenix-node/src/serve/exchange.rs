//! One exchange: a request of HTTP becomes a call, and its answer a response, in the order in which PVE's proxy looks
//! at things: the method, the coding, who it is, the body, the format, and only then the call.

use std::{sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Request, Response, StatusCode,
    body::{Body as _, Bytes, Incoming},
    ext::ReasonPhrase,
    header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, PRAGMA, SERVER, TRANSFER_ENCODING},
};
use percent_encoding::percent_decode_str;
use phoenix_pve::transport::{self, Method, TransportError};
use serde_json::{Value, json};

use crate::{
    api::{self, Asked, reply::render},
    node::Node,
    serve::{
        access::{self, PENALTY},
        form::{self, Params},
        keep::Keys,
        latency::Turns,
        session::{self, Caller, Stranger},
    },
};

/// The largest body.
const LIMIT: usize = 512 * 1024;
const JSON: &str = "application/json;charset=UTF-8";

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
    status: u16,
    reason: String,
    kind: Option<&'static str>,
    body: Vec<u8>,
}

/// The form in which an answer is wanted.
#[derive(Clone, Copy)]
enum Format {
    Json,
    /// Errors come with status 200, and are told apart in the body.
    Extjs,
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
            let text = format!("no such file '{path}'");
            return Ok(Served { body: format!("{text}\n").into_bytes(), ..Served::empty(500, &text) });
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
        let format = match format {
            "json" => Format::Json,
            "extjs" => Format::Extjs,
            other => return Ok(Served::plain(501, &format!("no formatter for uri {path}, {other}"))),
        };
        let params = match read(request, method).await {
            Ok(params) => params,
            Err(Unread::Answer(served)) => return Ok(served),
        };
        let turn = self.turns.take(method, &segments).await;
        let response = self.call(caller.as_ref(), method, &segments, params).await?;
        drop(turn);
        if response.status == 401 {
            self.node.wait(PENALTY).await;
        }
        Ok(shape(response, format))
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
        params: Params,
    ) -> Result<transport::Response, TransportError> {
        match access::call(self, method, segments, &params) {
            Some(reply) => Ok(render(reply)),
            None => {
                let caller = match caller {
                    Some(Caller::Ticket { user }) => api::Caller { user: user.clone(), token: None },
                    Some(Caller::Token { user, name }) => {
                        api::Caller { user: user.clone(), token: Some(name.clone()) }
                    }
                    None => api::Caller { user: String::new(), token: None },
                };
                let decode = |segment: &&str| percent_decode_str(segment).decode_utf8_lossy().into_owned();
                let path = segments.iter().map(decode).collect();
                self.node.call(&caller, &Asked { method, path, params, upload: None }).await
            }
        }
    }
}

impl Served {
    /// Returns an answer without a body.
    pub(super) fn empty(status: u16, reason: &str) -> Self {
        Self { status, reason: reason.to_owned(), kind: None, body: Vec::new() }
    }

    fn plain(status: u16, reason: &str) -> Self {
        Self { body: reason.as_bytes().to_vec(), ..Self::empty(status, reason) }
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
        headers.insert(CONNECTION, HeaderValue::from_static(if closes { "close" } else { "Keep-Alive" }));
        response
    }
}

/// Why there are no parameters.
enum Unread {
    Answer(Served),
}

async fn read(request: Request<Incoming>, method: Method) -> Result<Params, Unread> {
    let mut params = form::urlencoded(request.uri().query().unwrap_or_default().as_bytes());
    // Web clients add it so that nobody answers from a cache.
    params.remove("_dc");
    let length = request.body().size_hint().exact().unwrap_or(0);
    if length == 0 {
        return Ok(params);
    }
    if matches!(method, Method::Get | Method::Delete) {
        let text = format!("Unexpected content for method '{}'", method.as_str());
        return Err(Unread::Answer(Served::plain(501, &text)));
    }
    if length > LIMIT as u64 {
        return Err(Unread::Answer(Served::plain(501, "for data too large")));
    }
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = match kind.as_str() {
        "application/json" => true,
        "application/x-www-form-urlencoded" | "" => false,
        other => {
            let text = format!("upload 'Content-Type '{other}' not implemented");
            return Err(Unread::Answer(Served::plain(506, &text)));
        }
    };
    let body = Limited::new(request.into_body(), LIMIT).collect().await;
    let body = body.map_err(|_| Unread::Answer(Served::plain(400, "the body ended early")))?.to_bytes();
    let sent = match is_json {
        true => form::json(&body).map_err(|text| Unread::Answer(Served::plain(500, &text)))?,
        false => form::urlencoded(&body),
    };
    params.extend(sent);
    Ok(params)
}

fn shape(response: transport::Response, format: Format) -> Served {
    let transport::Response { status, reason, body } = response;
    match format {
        Format::Json => Served { status, reason, kind: Some(JSON), body },
        Format::Extjs => {
            let mut value: Value = serde_json::from_slice(&body).unwrap_or_else(|_| json!({ "data": null }));
            let is_good = (200..300).contains(&status);
            value["success"] = u8::from(is_good).into();
            if !is_good {
                // What was raised by the check of the parameters is text there, all else a number.
                value["status"] = if status == 400 { status.to_string().into() } else { status.into() };
            }
            let body = value.to_string().into_bytes();
            Served { status: 200, reason: "OK".to_owned(), kind: Some(JSON), body }
        }
    }
}

fn method(word: &str) -> Option<Method> {
    [Method::Get, Method::Post, Method::Put, Method::Delete]
        .into_iter()
        .find(|method| method.as_str() == word)
}
