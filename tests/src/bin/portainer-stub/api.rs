//! The server's part of the stub: who may ask, and where each call goes.

use std::{fs, path::Path, time::Instant};

use hyper::{Method, StatusCode, header};
use serde_json::json;
use tokio::sync::Mutex;

use crate::{
    Failure, VERSION,
    docker::Engine,
    store::{Store, digest},
    wire::{Answer, Asked, raw, refused, said},
};

/// How long somebody may make the administrator, in seconds.
const WINDOW_S: u64 = 300;

/// A server.
pub(crate) struct Server {
    pub(crate) store: Mutex<Store>,
    pub(crate) engine: Engine,
    /// What it shares with its agents.
    pub(crate) secret: String,
    key: String,
    begun: Instant,
}

impl Server {
    /// Begins a server. A password that is preset counts only while there is no administrator.
    pub(crate) fn open(
        data: &Path,
        password: Option<&Path>,
        engine: Engine,
        secret: String,
    ) -> Result<Self, Failure> {
        let mut store = Store::open(data)?;
        if let (None, Some(file)) = (&store.admin, password) {
            store.admin = Some(digest(fs::read_to_string(file)?.trim_end_matches('\n')));
            store.save()?;
        }
        let key = digest(&format!("{:?}{}", Instant::now(), std::process::id()));
        Ok(Self { store: Mutex::new(store), engine, secret, key, begun: Instant::now() })
    }

    pub(crate) async fn answer(&self, asked: Asked) -> Answer {
        let Some(path) = asked.path.strip_prefix("/api/").map(str::to_owned) else {
            return refused(404, "not found", "the stub has no web interface");
        };
        let parts: Vec<&str> = path.split('/').collect();
        let method = asked.method.as_str().to_owned();
        match (method.as_str(), &parts[..]) {
            ("GET", ["status"] | ["system", "status"]) => {
                let about = "this is no Portainer: it is portainer-stub of Phoenix's tests";
                said(200, &json!({ "Version": VERSION, "InstanceID": "stub", "Stub": about }))
            }
            ("POST", ["auth"]) => self.log_in(&asked).await,
            ("GET", ["users", "admin", "check"]) => match self.store.lock().await.admin {
                Some(_) => nothing(),
                None => {
                    refused(404, "No administrator account found inside the database", "object not found")
                }
            },
            ("POST", ["users", "admin", "init"]) => self.make_administrator(&asked).await,
            _ if self.is_closed().await => {
                let mut answer = raw(303, Default::default());
                answer
                    .headers_mut()
                    .insert(header::LOCATION, header::HeaderValue::from_static("/timeout.html"));
                answer
            }
            _ if !self.knows(&asked) => {
                refused(401, "A valid authorization token is missing", "Unauthorized")
            }
            (_, ["endpoints", rest @ ..]) => self.endpoints(asked, rest).await,
            (_, ["stacks", rest @ ..]) => self.stacks(asked, rest).await,
            _ => refused(404, "not found", "the stub does not have this call"),
        }
    }

    async fn log_in(&self, asked: &Asked) -> Answer {
        let given = asked.json();
        let text = |key: &str| given[key].as_str().unwrap_or_default();
        if text("Username").is_empty() {
            return refused(400, "Invalid request payload", "Invalid username");
        }
        if text("Password").is_empty() {
            return refused(400, "Invalid request payload", "Invalid password");
        }
        let store = self.store.lock().await;
        if text("Username") != "admin" || store.admin.as_deref() != Some(&digest(text("Password"))) {
            return refused(422, "Invalid credentials", "Unauthorized");
        }
        said(200, &json!({ "jwt": self.token() }))
    }

    async fn make_administrator(&self, asked: &Asked) -> Answer {
        if self.is_closed().await {
            return refused(403, "Administrator initialization timeout", "the time to make one is over");
        }
        let mut store = self.store.lock().await;
        if store.admin.is_some() {
            return refused(
                409,
                "Unable to create administrator user",
                "an administrator user already exists",
            );
        }
        let given = asked.json();
        store.admin = Some(digest(given["Password"].as_str().unwrap_or_default()));
        let _ = store.save();
        said(200, &json!({ "Id": 1, "Username": given["Username"], "Role": 1 }))
    }

    /// Tells whether nobody made an administrator in time: then nothing works before the next start.
    async fn is_closed(&self) -> bool {
        self.begun.elapsed().as_secs() >= WINDOW_S && self.store.lock().await.admin.is_none()
    }

    fn token(&self) -> String {
        // Three parts, as a JWT has.
        format!("stub.1.{}", digest(&format!("{}.1", self.key)))
    }

    fn knows(&self, asked: &Asked) -> bool {
        let bearer = asked.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        bearer.and_then(|value| value.strip_prefix("Bearer ")) == Some(self.token().as_str())
    }
}

/// Returns the answer that has nothing to say.
pub(crate) fn nothing() -> Answer {
    let mut answer = raw(204, Default::default());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    answer
}

/// Returns the answer to a call that the stub does not have.
pub(crate) fn unknown(method: &Method) -> Answer {
    refused(405, "method not allowed", method.as_str())
}
