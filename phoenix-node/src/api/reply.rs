//! Answers: data, or a refusal in PVE's words. The reason phrase carries the message.

use std::collections::BTreeMap;

use phoenix_core::GuestKind;
use phoenix_pve::transport::Response;
use serde_json::{Value, json};

/// A successful answer.
#[derive(Debug)]
pub(crate) struct Answer {
    data: Value,
    total: Option<usize>,
    /// What stands beside the data.
    beside: Option<(&'static str, String)>,
    /// A text that is all that comes, in place of the data.
    text: Option<String>,
}

/// A refusal.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Parameters are wrong: all of them, with the reason each.
    Params(BTreeMap<String, String>),
    /// A status with a message.
    Failed(u16, String),
    /// Status 500 with a message as it is, and what each part lacks.
    Form(String, BTreeMap<String, String>),
    /// Somebody holds the lock of this guest's configuration file: wait for it, then try again.
    Busy(GuestKind, u32),
}

/// What a handler returns.
pub(crate) type Reply = Result<Answer, Refusal>;

impl Answer {
    /// Returns an answer with the number of all rows beside it.
    pub(crate) fn counted(data: Value, total: usize) -> Self {
        Self { total: Some(total), ..data.into() }
    }

    /// Returns an answer without data.
    pub(crate) fn null() -> Self {
        Value::Null.into()
    }

    /// Returns an answer that is a text and no JSON.
    pub(crate) fn text(text: String) -> Self {
        Self { text: Some(text), ..Self::null() }
    }

    /// Puts a text beside the data.
    pub(crate) fn with(self, key: &'static str, text: String) -> Self {
        Self { beside: Some((key, text)), ..self }
    }
}

impl From<Value> for Answer {
    fn from(data: Value) -> Self {
        Self { data, total: None, beside: None, text: None }
    }
}

impl Refusal {
    /// Returns the refusal of one parameter.
    pub(crate) fn param(name: &str, text: impl Into<String>) -> Self {
        Self::Params(BTreeMap::from([(name.to_owned(), text.into())]))
    }

    /// Returns it as a text, as the error of a task.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Params(errors) => {
                let texts = errors.iter().map(|(key, text)| format!("{key}: {text}"));
                format!("Parameter verification failed.\n{}", texts.collect::<String>())
            }
            Self::Failed(_, text) | Self::Form(text, _) => text.trim_end().to_owned(),
            Self::Busy(kind, vmid) => lock_timeout(*kind, *vmid),
        }
    }

    /// Returns PVE's usual refusal: status 500 with a message.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::Failed(500, message.into())
    }
}

impl Refusal {
    /// Returns PVE's refusal of somebody who may not: status 403, with what is missing.
    pub(crate) fn forbidden(what: &str) -> Self {
        let end = if what.is_empty() { String::new() } else { format!(" ({what})") };
        Self::Failed(403, format!("Permission check failed{end}"))
    }

    /// Returns what becomes of a refusal on its way through a piece of work that puts its own words before it: a
    /// failure with the status in its text.
    pub(crate) fn within(self, what: &str) -> Self {
        match self {
            Self::Failed(500, message) => Self::failed(format!("{what}: {message}")),
            Self::Failed(status, message) => Self::failed(format!("{what}: {status} {message}")),
            Self::Params(errors) => {
                let lines = errors.iter().map(|(name, text)| format!("\n{name}: {text}"));
                let lines: String = lines.collect();
                Self::failed(format!("{what}: 400 Parameter verification failed.{lines}"))
            }
            Self::Form(message, errors) => Self::Form(format!("{what}: {message}"), errors),
            Self::Busy(..) => self,
        }
    }
}

/// Returns the refusal for a guest that is not there.
pub(crate) fn no_such_guest(node: &str, kind: GuestKind, vmid: u32) -> String {
    let folder = match kind {
        GuestKind::Lxc => "lxc",
        GuestKind::Vm => "qemu-server",
    };
    format!("Configuration file 'nodes/{node}/{folder}/{vmid}.conf' does not exist")
}

/// Returns what PVE says when a configuration's lock stays taken.
pub(crate) fn lock_timeout(kind: GuestKind, vmid: u32) -> String {
    let file = match kind {
        GuestKind::Lxc => format!("/run/lock/lxc/pve-config-{vmid}.lock"),
        GuestKind::Vm => format!("/var/lock/qemu-server/lock-{vmid}.conf"),
    };
    format!("can't lock file '{file}' - got timeout")
}

/// Puts a reply into its HTTP form.
pub(crate) fn render(reply: Reply) -> Response {
    let (status, reason, body) = match reply {
        Ok(Answer { text: Some(text), .. }) => {
            return Response { status: 200, reason: "OK".to_owned(), body: text.into_bytes() };
        }
        Ok(Answer { data, total, beside, text: None }) => {
            let mut body = json!({ "data": data });
            if let Some(total) = total {
                body["total"] = total.into();
            }
            if let Some((key, text)) = beside {
                body[key] = text.into();
            }
            (200, "OK".to_owned(), body)
        }
        Err(Refusal::Params(errors)) => {
            let reason = "Parameter verification failed.".to_owned();
            let body = json!({ "data": null, "message": format!("{reason}\n"), "errors": errors });
            (400, reason, body)
        }
        Err(Refusal::Failed(status, message)) => {
            // What is refused before the calls, or with a code of its own, has no line end.
            let end = if matches!(status, 424 | 501) { "" } else { "\n" };
            let body = json!({ "data": null, "message": format!("{message}{end}") });
            (status, message.lines().next().unwrap_or_default().to_owned(), body)
        }
        Err(Refusal::Form(message, errors)) => {
            let body = json!({ "data": null, "message": message, "errors": errors });
            (500, message.trim_end().to_owned(), body)
        }
        Err(Refusal::Busy(kind, vmid)) => {
            let message = lock_timeout(kind, vmid);
            (500, message.clone(), json!({ "data": null, "message": format!("{message}\n") }))
        }
    };
    Response { status, reason, body: body.to_string().into_bytes() }
}
