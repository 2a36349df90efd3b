//! Environments, which the API calls endpoints: made from a form, changed by JSON, and the way to each one's Docker.

use std::collections::BTreeMap;

use http_body_util::Full;
use hyper::{Method, Request, body::Bytes, header};
use serde_json::{Value, json};

use crate::{
    Failure,
    agent::SIGNATURE,
    api::{Server, nothing, unknown},
    docker::Engine,
    wire::{self, Answer, Asked, raw, refused, said},
};

impl Server {
    pub(crate) async fn endpoints(&self, asked: Asked, rest: &[&str]) -> Answer {
        let id = rest.first().and_then(|id| id.parse::<u64>().ok());
        let row = match id {
            Some(id) => self.store.lock().await.endpoints.get(&id).cloned(),
            None => None,
        };
        match (&asked.method, rest, id.zip(row)) {
            (&Method::GET, [], _) => {
                let store = self.store.lock().await;
                said(200, &json!(store.endpoints.values().collect::<Vec<_>>()))
            }
            (&Method::POST, [], _) => self.make(asked).await,
            (_, [_, "docker", path @ ..], Some((_, row))) => {
                let path = format!("/{}?{}", path.join("/"), asked.query);
                match self.pass(&row, asked.method, &path, asked.body).await {
                    Ok((status, body)) => raw(status, body),
                    Err(error) => refused(502, "Unable to proxy the request", &error.to_string()),
                }
            }
            (&Method::GET, [_], Some((_, row))) => said(200, &row),
            (&Method::PUT, [_], Some((id, mut row))) => {
                let given = asked.json();
                for key in ["Name", "URL"] {
                    if given[key].is_string() {
                        row[key] = given[key].clone();
                    }
                }
                let mut store = self.store.lock().await;
                store.endpoints.insert(id, row.clone());
                let _ = store.save();
                said(200, &row)
            }
            (&Method::DELETE, [_], Some((id, _))) => {
                let mut store = self.store.lock().await;
                store.endpoints.remove(&id);
                let _ = store.save();
                nothing()
            }
            (_, [_, ..], None) => {
                let message =
                    "Unable to find an environment with the specified identifier inside the database";
                refused(404, message, "object not found inside the database")
            }
            (method, _, _) => unknown(method),
        }
    }

    async fn make(&self, asked: Asked) -> Answer {
        let wrong = |details: &str| refused(400, "Invalid request payload", details);
        // Whatever is no form has no fields.
        let form = form(&asked).await.unwrap_or_default();
        let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        if field("Name").is_empty() {
            return wrong("Invalid environment name");
        }
        let kind = field("EndpointCreationType");
        if !["1", "2"].contains(&kind) {
            return wrong(
                "Invalid environment type value. Value must be one of: 1 (Docker environment), 2 (Agent environment)",
            );
        }
        if field("TLS") == "true" && field("TLSSkipVerify") != "true" {
            return wrong("Invalid CA certificate file. Ensure that the file is uploaded correctly");
        }
        let url = match field("URL") {
            "" => "unix:///var/run/docker.sock",
            url => url,
        };
        let mut row = json!({
            "Name": field("Name"), "URL": url, "Type": if kind == "2" { 2 } else { 1 }, "GroupId": 1, "Status": 1,
        });
        if let Err(error) = self.pass(&row, Method::GET, "/containers/json", Bytes::new()).await {
            return refused(500, "Unable to initiate communications with environment", &error.to_string());
        }
        let mut store = self.store.lock().await;
        if store.endpoints.values().any(|other| other["Name"] == row["Name"]) {
            return refused(409, "Name is not unique", "an environment with the same name already exists");
        }
        let id = store.number();
        row["Id"] = json!(id);
        store.endpoints.insert(id, row.clone());
        let _ = store.save();
        said(200, &row)
    }

    /// Passes a request on to the Docker of an environment.
    async fn pass(
        &self,
        row: &Value,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(u16, Bytes), Failure> {
        if row["Type"] != 2 || matches!(self.engine, Engine::Pretended(_)) {
            return self.engine.pass(method, path, body).await;
        }
        let (status, body) = self.ask_agent(row, method, path, body).await?;
        match status {
            403 => Err("agent already paired with another Portainer instance".into()),
            _ => Ok((status, body)),
        }
    }

    /// Has compose work in an environment.
    pub(crate) async fn compose(&self, row: &Value, order: &Value) -> Result<(), Failure> {
        if row["Type"] != 2 || matches!(self.engine, Engine::Pretended(_)) {
            return self.engine.compose(order).await;
        }
        let body = Bytes::from(order.to_string());
        match self.ask_agent(row, Method::POST, "/stub/compose", body).await? {
            (200, _) => Ok(()),
            (_, body) => {
                let said: Value = serde_json::from_slice(&body).unwrap_or_default();
                Err(said["message"].as_str().unwrap_or("the agent failed").into())
            }
        }
    }

    async fn ask_agent(
        &self,
        row: &Value,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(u16, Bytes), Failure> {
        let url = row["URL"].as_str().unwrap_or_default();
        let stream = wire::to_agent(url.trim_start_matches("tcp://")).await?;
        let request = Request::builder().method(method).uri(path).header(header::HOST, "agent");
        let request = request.header(SIGNATURE, &self.secret).body(Full::new(body))?;
        wire::send(stream, request).await
    }
}

async fn form(asked: &Asked) -> Option<BTreeMap<String, String>> {
    let kind = asked.headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let boundary = multer::parse_boundary(kind).ok()?;
    let body = asked.body.clone();
    let stream = futures::stream::once(async move { Ok::<_, std::io::Error>(body) });
    let mut parts = multer::Multipart::new(stream, boundary);
    let mut fields = BTreeMap::new();
    while let Some(field) = parts.next_field().await.ok()? {
        let name = field.name()?.to_owned();
        fields.insert(name, field.text().await.ok()?);
    }
    Some(fields)
}
