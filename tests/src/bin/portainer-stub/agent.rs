//! The agent's part of the stub. Portainer signs what it asks of its agents with a key that the shared secret vouches for;
//! here the header of the signature bears the secret itself. And Portainer's server runs compose by itself, over Docker's
//! API; here its agent does, which has Docker's programs.

use hyper::{Method, StatusCode, header::HeaderValue};

use crate::{
    VERSION,
    docker::Engine,
    wire::{Answer, Asked, raw, refused, said},
};

/// The header that a server signs with.
pub(crate) const SIGNATURE: &str = "X-PortainerAgent-Signature";

/// An agent.
pub(crate) struct Agent {
    pub(crate) engine: Engine,
    pub(crate) secret: String,
}

impl Agent {
    pub(crate) async fn answer(&self, asked: Asked) -> Answer {
        let mut answer = self.reply(asked).await;
        answer.headers_mut().insert("Portainer-Agent", HeaderValue::from_static(VERSION));
        answer.headers_mut().insert("Portainer-Agent-Platform", HeaderValue::from_static("1"));
        answer
    }

    async fn reply(&self, asked: Asked) -> Answer {
        if asked.path == "/ping" {
            let mut answer = raw(200, Default::default());
            *answer.status_mut() = StatusCode::NO_CONTENT;
            return answer;
        }
        if asked.headers.get(SIGNATURE).and_then(|value| value.to_str().ok()) != Some(self.secret.as_str()) {
            return refused(403, "Invalid request signature", "Unauthorized");
        }
        if asked.method == Method::POST && asked.path == "/stub/compose" {
            return match self.engine.compose(&asked.json()).await {
                Ok(()) => said(200, &serde_json::json!({})),
                Err(error) => refused(500, &error.to_string(), &error.to_string()),
            };
        }
        let path = format!("{}?{}", asked.path, asked.query);
        match self.engine.pass(asked.method, &path, asked.body).await {
            Ok((status, body)) => raw(status, body),
            Err(error) => refused(502, "Unable to proxy the request to Docker", &error.to_string()),
        }
    }
}
