//! Compose stacks, made from a text: what is kept of them, and what their environment's Docker is told.

use hyper::Method;
use serde_json::{Value, json};

use crate::{
    api::{Server, nothing, unknown},
    wire::{Answer, Asked, refused, said},
};

impl Server {
    pub(crate) async fn stacks(&self, asked: Asked, rest: &[&str]) -> Answer {
        let id = rest.first().and_then(|id| id.parse::<u64>().ok());
        let row = match id {
            Some(id) => self.store.lock().await.stacks.get(&id).cloned(),
            None => None,
        };
        match (&asked.method, rest, id.zip(row)) {
            (&Method::GET, [], _) => {
                let store = self.store.lock().await;
                said(200, &json!(store.stacks.values().collect::<Vec<_>>()))
            }
            (&Method::POST, ["create", "standalone", "string"], _) => self.make_stack(asked).await,
            (&Method::GET, [_], Some((_, row))) => said(200, &row),
            (&Method::GET, [_, "file"], Some((id, _))) => {
                let store = self.store.lock().await;
                said(200, &json!({ "StackFileContent": store.files.get(&id) }))
            }
            (&Method::PUT, [_], Some((id, row))) => self.change_stack(asked, id, row).await,
            (&Method::DELETE, [_], Some((id, row))) => self.remove_stack(asked, id, row).await,
            (_, ["create", ..], None) => {
                refused(404, "not found", "the stub makes standalone stacks from texts")
            }
            (_, [_, ..], None) => {
                let message = "Unable to find a stack with the specified identifier inside the database";
                refused(404, message, "object not found inside the database")
            }
            (method, _, _) => unknown(method),
        }
    }

    async fn make_stack(&self, asked: Asked) -> Answer {
        let given = asked.json();
        let name = normalized(given["Name"].as_str().unwrap_or_default());
        if name.is_empty() {
            return refused(400, "Invalid request payload", "Invalid stack name");
        }
        let endpoint = match self.endpoint(&asked).await {
            Ok(endpoint) => endpoint,
            Err(answer) => return answer,
        };
        {
            let store = self.store.lock().await;
            if store.stacks.values().any(|row| row["Name"] == name) {
                let message = format!("A stack with the normalized name '{name}' already exists");
                return refused(409, &message, &message);
            }
        }
        let mut row = json!({
            "Name": name, "Type": 2, "EndpointId": endpoint["Id"], "EntryPoint": "docker-compose.yml", "Status": 1,
        });
        if let Err(answer) = self.deploy(&endpoint, &mut row, &given).await {
            return answer;
        }
        let mut store = self.store.lock().await;
        let id = store.number();
        row["Id"] = json!(id);
        store.stacks.insert(id, row.clone());
        store.files.insert(id, text(&given));
        let _ = store.save();
        said(200, &row)
    }

    async fn change_stack(&self, asked: Asked, id: u64, mut row: Value) -> Answer {
        let endpoint = match self.endpoint(&asked).await {
            Ok(endpoint) => endpoint,
            Err(answer) => return answer,
        };
        let given = asked.json();
        if let Err(answer) = self.deploy(&endpoint, &mut row, &given).await {
            return answer;
        }
        let mut store = self.store.lock().await;
        store.stacks.insert(id, row.clone());
        store.files.insert(id, text(&given));
        let _ = store.save();
        said(200, &row)
    }

    async fn remove_stack(&self, asked: Asked, id: u64, row: Value) -> Answer {
        let endpoint = match self.endpoint(&asked).await {
            Ok(endpoint) => endpoint,
            Err(answer) => return answer,
        };
        let compose = self.store.lock().await.files.get(&id).cloned().unwrap_or_default();
        let order = json!({ "verb": "down", "project": row["Name"], "compose": compose, "env": row["Env"] });
        if let Err(error) = self.compose(&endpoint, &order).await {
            return refused(500, &error.to_string(), &error.to_string());
        }
        let mut store = self.store.lock().await;
        store.stacks.remove(&id);
        store.files.remove(&id);
        let _ = store.save();
        nothing()
    }

    /// Returns the environment that a call is for.
    async fn endpoint(&self, asked: &Asked) -> Result<Value, Answer> {
        let id = asked.parameter("endpointId").and_then(|id| id.parse::<u64>().ok());
        let Some(id) = id else {
            return Err(refused(400, "Invalid query parameter: endpointId", "Missing query parameter"));
        };
        let message = "Unable to find an environment with the specified identifier inside the database";
        let found = self.store.lock().await.endpoints.get(&id).cloned();
        found.ok_or_else(|| refused(404, message, "object not found inside the database"))
    }

    async fn deploy(&self, endpoint: &Value, row: &mut Value, given: &Value) -> Result<(), Answer> {
        if text(given).is_empty() {
            return Err(refused(400, "Invalid request payload", "Invalid stack file content"));
        }
        row["Env"] = given["Env"].clone();
        let order = json!({
            "verb": "up", "project": row["Name"], "compose": text(given), "env": given["Env"],
            "pull": given["PullImage"],
        });
        let done = self.compose(endpoint, &order).await;
        done.map_err(|error| refused(500, &format!("failed to deploy a stack: {error}"), &error.to_string()))
    }
}

fn text(given: &Value) -> String {
    given["StackFileContent"].as_str().unwrap_or_default().to_owned()
}

/// Returns the name that compose makes of one.
fn normalized(name: &str) -> String {
    let plain =
        |letter: &char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "_-".contains(*letter);
    name.to_lowercase().chars().filter(plain).collect()
}
