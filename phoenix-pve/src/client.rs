//! The client: calls of the API over a transport, their answers unwrapped and their errors read.

use std::{collections::BTreeMap, sync::Arc};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::{
    error::PveError,
    transport::{Caller, Method, Request, Response, Transport},
    upid::Upid,
};

/// Parameters of a call, in order.
pub type Params = Vec<(String, String)>;

const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Calls the API. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    transport: Arc<dyn Transport>,
}

impl Client {
    /// Returns a client over a transport.
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        Self { transport }
    }

    /// Returns as whom it calls.
    pub fn caller(&self) -> Caller {
        self.transport.caller()
    }

    /// Reads.
    pub async fn get(&self, path: &str, params: Params) -> Result<Value, PveError> {
        self.call(Method::Get, path, params).await
    }

    /// Reads, and returns beside the `data` of the answer what stands there under another key.
    pub async fn get_beside(
        &self,
        path: &str,
        params: Params,
        key: &str,
    ) -> Result<(Value, Value), PveError> {
        let request = Request { method: Method::Get, path: path.to_owned(), params };
        let response = self.exchange(request).await?;
        let data = unwrap(Method::Get, path, &response)?;
        let mut body = serde_json::from_slice::<Value>(&response.body).unwrap_or_default();
        Ok((data, body[key].take()))
    }

    /// Creates, or starts a task.
    pub async fn post(&self, path: &str, params: Params) -> Result<Value, PveError> {
        self.call(Method::Post, path, params).await
    }

    /// Changes.
    pub async fn put(&self, path: &str, params: Params) -> Result<Value, PveError> {
        self.call(Method::Put, path, params).await
    }

    /// Removes.
    pub async fn delete(&self, path: &str, params: Params) -> Result<Value, PveError> {
        self.call(Method::Delete, path, params).await
    }

    /// Sends a call and returns the answer as it came, whatever its status.
    pub async fn exchange(&self, request: Request) -> Result<Response, PveError> {
        let (method, path) = (request.method.as_str(), request.path.clone());
        let answered = self.transport.send(request).await;
        answered.map_err(|source| PveError::Unanswered { method, path, source })
    }

    /// Asks something small over a connection that is made for it.
    pub async fn knock(&self) -> Result<(), PveError> {
        let (method, path) = (Method::Get, "/version");
        let request = Request { method, path: path.to_owned(), params: Vec::new() };
        let answered = self.transport.send_anew(request).await;
        let unanswered =
            |source| PveError::Unanswered { method: method.as_str(), path: path.to_owned(), source };
        unwrap(method, path, &answered.map_err(unanswered)?).map(drop)
    }

    /// Sends a call and returns the `data` of its answer; null if there is none.
    pub async fn call(&self, method: Method, path: &str, params: Params) -> Result<Value, PveError> {
        let request = Request { method, path: path.to_owned(), params };
        let response = self.exchange(request).await?;
        tracing::debug!(method = method.as_str(), path, status = response.status, "call");
        unwrap(method, path, &response)
    }
}

/// Returns a name as a segment of a path: PVE's names have no slash and need no more than this.
pub fn segment(name: &str) -> Result<String, PveError> {
    let is_plain = !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\\', '\0', '\n']);
    match is_plain {
        true => Ok(utf8_percent_encode(name, SEGMENT).to_string()),
        false => Err(PveError::BadName { text: name.to_owned(), wanted: "a name that can stand in a path" }),
    }
}

/// Returns the path of a task. PVE takes UPIDs as they are, and the other tools send them so.
pub fn task_path(upid: &Upid) -> Result<String, PveError> {
    Ok(format!("/nodes/{}/tasks/{}", segment(&upid.node)?, segment(upid.as_str())?))
}

fn unwrap(method: Method, path: &str, response: &Response) -> Result<Value, PveError> {
    let body = serde_json::from_slice::<Value>(&response.body);
    if !(200..300).contains(&response.status) {
        // Errors of the authentication and of the proxy have no body, so the reason phrase is all there is.
        return Err(refusal(method, path, response, body.unwrap_or(Value::Null)));
    }
    if response.body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Null);
    }
    match body {
        Ok(Value::Object(mut object)) => Ok(object.remove("data").unwrap_or(Value::Null)),
        Ok(other) => Ok(other),
        Err(source) => Err(PveError::Undecodable { method: method.as_str(), path: path.to_owned(), source }),
    }
}

fn refusal(method: Method, path: &str, response: &Response, body: Value) -> PveError {
    let message = match (response.reason.trim(), body["message"].as_str().map(str::trim)) {
        ("", Some(message)) if !message.is_empty() => message,
        ("", _) => "no reason given",
        (reason, _) => reason,
    };
    let fields: BTreeMap<String, String> = body["errors"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, text)| (key.clone(), text.as_str().map_or_else(|| text.to_string(), tidy)))
        .collect();
    PveError::Refused {
        method: method.as_str(),
        path: path.to_owned(),
        status: response.status,
        message: tidy(message),
        fields,
    }
}

/// Returns a text of PVE on one line: nested formats put line ends into their complaints.
fn tidy(text: &str) -> String {
    text.split('\n').map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(", ")
}
