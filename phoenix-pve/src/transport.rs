//! The transport: carries one call of PVE's API and brings back what was answered, nothing more. Live it is HTTPS;
//! the embedded node answers in process.

use async_trait::async_trait;

/// The method of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates, or starts a task.
    Post,
    /// Changes.
    Put,
    /// Removes.
    Delete,
}

/// A call of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path below `/api2/json`, with a leading slash, its segments percent-encoded where they need it.
    pub path: String,
    /// The parameters in order; a key may come more than once (a list). Sent in the query for GET and DELETE, as a
    /// form otherwise.
    pub params: Vec<(String, String)>,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The reason phrase: PVE's message, for most errors.
    pub reason: String,
    /// The body; empty for a 401 of the authentication and for some 5xx.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[error("no answer to {method} {path}: {message}")]
pub struct TransportError {
    /// The method's word.
    pub method: &'static str,
    /// The path.
    pub path: String,
    /// What happened.
    pub message: String,
    /// Whether the request may have reached the server.
    pub may_have_arrived: bool,
}

/// As whom calls are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Nobody asks: a node in this process.
    Nobody,
    /// A user with a ticket, `name@realm`.
    User(String),
    /// An API token, `name@realm!token`.
    Token(String),
}

impl Caller {
    /// Tells whether everything is allowed, whatever is granted to whom.
    pub fn may_everything(&self) -> bool {
        match self {
            Self::Nobody => true,
            Self::User(name) => name == "root@pam",
            Self::Token(_) => false,
        }
    }

    /// Returns the name that privileges are granted to.
    pub fn name(&self) -> &str {
        match self {
            Self::Nobody => "root@pam",
            Self::User(name) | Self::Token(name) => name,
        }
    }
}

/// Carries calls.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Returns as whom calls are made.
    fn caller(&self) -> Caller {
        Caller::Nobody
    }

    /// Sends one call and returns its answer, whatever its status. Fails only if there is no answer.
    async fn send(&self, request: Request) -> Result<Response, TransportError>;

    /// Sends one call over a connection that is made for it, so that its answer proves that new ones come through.
    async fn send_anew(&self, request: Request) -> Result<Response, TransportError> {
        self.send(request).await
    }
}

impl Method {
    /// Returns the method's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}
