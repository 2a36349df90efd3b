//! The Docker behind the stub: the real one, through its socket and its compose plugin; or one that is only pretended,
//! for tests of the API alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Stdio,
};

use http_body_util::Full;
use hyper::{Method, Request, body::Bytes};
use saphyr::{LoadableYamlNode, Yaml};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::UnixStream, process::Command, sync::Mutex};

use crate::Failure;

const SOCKET: &str = "/var/run/docker.sock";

/// A Docker.
pub(crate) enum Engine {
    Real,
    /// The services of each project.
    Pretended(Mutex<BTreeMap<String, BTreeSet<String>>>),
}

impl Engine {
    pub(crate) fn pretended() -> Self {
        Self::Pretended(Mutex::default())
    }

    /// Passes a request on to Docker's own API.
    pub(crate) async fn pass(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(u16, Bytes), Failure> {
        match self {
            Self::Real => {
                let stream = UnixStream::connect(SOCKET).await?;
                let request = Request::builder().method(method).uri(path).header("Host", "docker");
                let request = request.header("Content-Type", "application/json").body(Full::new(body))?;
                crate::wire::send(stream, request).await
            }
            Self::Pretended(projects) => {
                let projects = projects.lock().await;
                let rows = projects.iter().flat_map(|(project, services)| {
                    services.iter().map(move |service| {
                        json!({
                            "State": "running", "Status": "Up 2 seconds",
                            "Labels": {"com.docker.compose.project": project, "com.docker.compose.service": service},
                        })
                    })
                });
                let is_list = path.starts_with("/containers/json");
                let rows: Vec<Value> = if is_list { rows.collect() } else { Vec::new() };
                Ok((200, Bytes::from(json!(rows).to_string())))
            }
        }
    }

    /// Does what compose is asked for: `verb` is `up` or `down`.
    pub(crate) async fn compose(&self, order: &Value) -> Result<(), Failure> {
        let text = |key: &str| order[key].as_str().unwrap_or_default();
        match self {
            Self::Real => {
                let mut command = Command::new("docker");
                command.args(["compose", "--project-name", text("project"), "--file", "-", text("verb")]);
                if text("verb") == "up" {
                    command.args(["--detach", "--remove-orphans"]);
                }
                if order["pull"] == true {
                    command.args(["--pull", "always"]);
                }
                for pair in order["env"].as_array().into_iter().flatten() {
                    let part = |key: &str| pair[key].as_str().unwrap_or_default();
                    command.env(part("name"), part("value"));
                }
                command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
                let mut child = command.kill_on_drop(true).spawn()?;
                if let Some(mut stdin) = child.stdin.take() {
                    stdin.write_all(text("compose").as_bytes()).await?;
                }
                let ended = child.wait_with_output().await?;
                match ended.status.success() {
                    true => Ok(()),
                    false => Err(String::from_utf8_lossy(&ended.stderr).trim().to_owned().into()),
                }
            }
            Self::Pretended(projects) => {
                let documents = Yaml::load_from_str(text("compose")).unwrap_or_default();
                let services =
                    documents.first().and_then(|root| root.as_mapping_get("services")?.as_mapping());
                let services = services.ok_or("services must be a mapping")?;
                let names = services.iter().filter_map(|(name, _)| Some(name.as_str()?.to_owned())).collect();
                let mut projects = projects.lock().await;
                match text("verb") {
                    "up" => drop(projects.insert(text("project").to_owned(), names)),
                    _ => drop(projects.remove(text("project"))),
                }
                Ok(())
            }
        }
    }
}
