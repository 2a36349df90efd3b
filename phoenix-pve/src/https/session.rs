//! Who the transport is: an API token, which is shown with every call, or a user, who logs in for a ticket of two hours
//! and gets a new one after the first.

use std::{fmt, process::Stdio, time::Duration};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use tokio::time::Instant;

use crate::{
    https::{Failure, Https},
    transport::{Caller, Method, Request, Response},
};

/// A ticket is good for two hours; half of that leaves time for calls that began with it.
const RENEWAL: Duration = Duration::from_secs(3600);
/// How long a command may take to make a ticket.
const MAKING: Duration = Duration::from_secs(30);
const LOGIN: &str = "/access/ticket";

/// Who one is.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// An API token, `user@realm!name=secret`.
    Token(String),
    /// A user with a password.
    Password {
        /// The user, `name@realm`.
        user: String,
        /// The password.
        password: String,
    },
    /// Who may make himself a ticket: root on the host itself.
    Made {
        /// The command that prints a ticket and its CSRF token, a line each.
        command: Vec<String>,
    },
}

/// A ticket.
pub(super) struct Session {
    ticket: String,
    csrf: String,
    made: Instant,
}

/// What is shown with a call.
pub(super) struct Shown {
    pub(super) headers: HeaderMap,
    /// The ticket, for which a newer one could be had if it is not taken.
    pub(super) ticket: Option<String>,
}

impl Credentials {
    /// Says what cannot be right about them, never their content.
    pub(super) fn check(&self) -> Result<(), String> {
        let is_whole = match self {
            Self::Token(token) => token
                .split_once('=')
                .is_some_and(|(id, secret)| id.contains('@') && id.contains('!') && !secret.is_empty()),
            Self::Password { user, password } => user.contains('@') && !password.is_empty(),
            Self::Made { command } => !command.is_empty(),
        };
        match (is_whole, self) {
            (true, _) => Ok(()),
            (false, Self::Token(_)) => Err("the token is not `user@realm!name=secret`".to_owned()),
            (false, Self::Password { user, .. }) => {
                Err(format!("`{user}` is not `name@realm`, or the password is empty"))
            }
            (false, Self::Made { .. }) => Err("the command that makes tickets is empty".to_owned()),
        }
    }
}

impl Credentials {
    /// Returns as whom they let in.
    pub(super) fn caller(&self) -> Caller {
        match self {
            Self::Token(token) => Caller::Token(token.split('=').next().unwrap_or_default().to_owned()),
            Self::Password { user, .. } => Caller::User(user.clone()),
            Self::Made { .. } => Caller::User("root@pam".to_owned()),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(token) => {
                f.debug_tuple("Token").field(&token.split('=').next().unwrap_or_default()).finish()
            }
            Self::Password { user, .. } => {
                f.debug_struct("Password").field("user", user).finish_non_exhaustive()
            }
            Self::Made { command } => f.debug_struct("Made").field("command", command).finish(),
        }
    }
}

impl Https {
    /// Returns what to show with a call, after a login if that is needed, or if the ticket at hand is the one that was
    /// not taken; the answer to the login if it was refused.
    pub(super) async fn shown(&self, expired: Option<String>) -> Result<Result<Shown, Response>, Failure> {
        if let Credentials::Token(token) = &self.credentials {
            let headers = headers(&[(AUTHORIZATION, format!("PVEAPIToken={token}"))]);
            return Ok(Ok(Shown { headers, ticket: None }));
        }
        // Held during the login: who else needs a ticket waits for this one.
        let mut session = self.session.lock().await;
        let is_old = session.as_ref().is_none_or(|session| session.made.elapsed() >= RENEWAL);
        // Of many calls that are turned away at once, the first gets the new ticket for all.
        let is_refused = session.as_ref().map(|session| &session.ticket) == expired.as_ref();
        if is_refused || is_old {
            *session = None;
            match self.begin().await? {
                Ok(new) => *session = Some(new),
                Err(refused) => return Ok(Err(refused)),
            }
        }
        let (ticket, csrf) = session
            .as_ref()
            .map(|session| (session.ticket.clone(), session.csrf.clone()))
            .unwrap_or_default();
        let encoded = utf8_percent_encode(&ticket, NON_ALPHANUMERIC);
        let shown = [
            (COOKIE, format!("PVEAuthCookie={encoded}")),
            (HeaderName::from_static("csrfpreventiontoken"), csrf),
        ];
        Ok(Ok(Shown { headers: headers(&shown), ticket: Some(ticket) }))
    }

    async fn begin(&self) -> Result<Result<Session, Response>, Failure> {
        match &self.credentials {
            Credentials::Password { user, password } => self.log_in(user, password).await,
            Credentials::Made { command } => Ok(make(command).await),
            Credentials::Token(_) => Ok(Err(refused("a token needs no ticket".to_owned()))),
        }
    }

    async fn log_in(&self, user: &str, password: &str) -> Result<Result<Session, Response>, Failure> {
        let params = [("username", user), ("password", password)];
        let params = params.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
        let request = Request { method: Method::Post, path: LOGIN.to_owned(), params };
        let response =
            self.exchange(&self.client, &request, HeaderMap::new()).await.map_err(
                |failure| match failure {
                    // A login changes nothing, so the call that needs it has not arrived.
                    Failure::Passing(mut error) => {
                        error.may_have_arrived = false;
                        Failure::Passing(error)
                    }
                    Failure::Lasting(mut error) => {
                        error.may_have_arrived = false;
                        Failure::Lasting(error)
                    }
                },
            )?;
        if response.status != 200 {
            return Ok(Err(response));
        }
        let answer: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        let data = &answer["data"];
        let needs_factor = !matches!(&data["NeedTFA"], Value::Null | Value::Bool(false))
            && data["NeedTFA"].as_u64() != Some(0);
        let ticket = data["ticket"].as_str().unwrap_or_default();
        if needs_factor || ticket.starts_with("PVE:!tfa!") {
            return Ok(Err(refused(format!(
                "`{user}` logs in with a second factor, which a program cannot give: make an API token for it and use that"
            ))));
        }
        match data["CSRFPreventionToken"].as_str() {
            Some(csrf) if !ticket.is_empty() => {
                Ok(Ok(Session { ticket: ticket.to_owned(), csrf: csrf.to_owned(), made: Instant::now() }))
            }
            Some(_) | None => Ok(Err(refused("the answer to the login has no ticket in it".to_owned()))),
        }
    }
}

/// Returns a session from a command that prints a ticket and its CSRF token.
async fn make(command: &[String]) -> Result<Session, Response> {
    let program = command.first().map_or("", String::as_str);
    let no = |what: &str| {
        refused(format!(
            "`{program}` made no ticket on this host ({what}): work as root, or set `PHOENIX_TOKEN` or `PHOENIX_PASSWORD`"
        ))
    };
    let output = tokio::process::Command::new(program)
        .args(command.iter().skip(1))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = match tokio::time::timeout(MAKING, output).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Err(no(&error.to_string())),
        Err(_) => return Err(no("it took too long")),
    };
    let said = String::from_utf8_lossy(&output.stdout);
    let mut lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    match (output.status.success(), lines.next(), lines.next()) {
        (true, Some(ticket), Some(csrf)) => {
            Ok(Session { ticket: ticket.to_owned(), csrf: csrf.to_owned(), made: Instant::now() })
        }
        _ => {
            let errors = String::from_utf8_lossy(&output.stderr);
            Err(no(errors.lines().next().unwrap_or("it printed none")))
        }
    }
}

fn refused(reason: String) -> Response {
    Response { status: 401, reason, body: Vec::new() }
}

/// Returns headers that no log prints. What cannot stand in a header is left out, and then not let in.
fn headers(pairs: &[(HeaderName, String)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, text) in pairs {
        if let Ok(mut value) = HeaderValue::from_str(text) {
            value.set_sensitive(true);
            map.insert(name, value);
        }
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_checked_and_never_printed() {
        let token = Credentials::Token("root@pam!ci=11111111-2222".to_owned());
        assert_eq!(token.check(), Ok(()));
        assert!(!format!("{token:?}").contains("11111111"));
        let password = Credentials::Password { user: "root@pam".to_owned(), password: "hunter2".to_owned() };
        assert_eq!(password.check(), Ok(()));
        assert!(!format!("{password:?}").contains("hunter2"));
        let broken = Credentials::Token("hunter2".to_owned()).check().unwrap_err();
        assert!(!broken.contains("hunter2"), "{broken}");
    }
}
