//! Calls: what a node answers, and what goes wrong on the way.

use std::sync::PoisonError;

use async_trait::async_trait;
use percent_encoding::percent_decode_str;
use phoenix_pve::transport::{Method, Request, Response, Transport, TransportError};
use tokio::time::{Instant, sleep, timeout_at};

use super::Node;
use crate::{
    api::{self, Asked, Caller, reply::Refusal},
    fault::Effect,
};

impl Node {
    /// Answers a call of somebody. Fails only if a fault loses it.
    pub(crate) async fn call(&self, caller: &Caller, asked: &Asked) -> Result<Response, TransportError> {
        let path = format!("/{}", asked.path.join("/"));
        let sent: usize = asked.params.iter().map(|(key, value)| key.len() + value.size() + 2).sum();
        self.count(1, path.len() + sent);
        let effect = self.faults.lock().unwrap_or_else(PoisonError::into_inner).on_call(asked.method, &path);
        let lost = |message: &str, may_have_arrived| TransportError {
            method: asked.method.as_str(),
            path: path.clone(),
            message: message.to_owned(),
            may_have_arrived,
        };
        let mut lose_reply = false;
        match effect {
            None | Some(Effect::FailTask(_)) => {}
            Some(Effect::Answer { status, reason }) => {
                return Ok(api::reply::render(Err(Refusal::Failed(status, reason))));
            }
            Some(Effect::LoseRequest) => return Err(lost("connection refused", false)),
            Some(Effect::LoseReply) => lose_reply = true,
            Some(Effect::Delay(time)) => sleep(time).await,
        }
        let until = Instant::now() + self.patience();
        let response = loop {
            let ring = self.changed.notified();
            tokio::pin!(ring);
            ring.as_mut().enable();
            match self.answer(caller, asked) {
                Ok(answered) => break answered.wait().await,
                Err(busy) => {
                    if timeout_at(until, ring).await.is_err() {
                        break api::reply::render(Err(busy));
                    }
                }
            }
        };
        if let Some(real) = self.real.as_ref().filter(|_| asked.method != Method::Get) {
            // Who has changed a rule finds it in force. What is wrong is told.
            let _ = real.enforce(&self.me).await;
        }
        self.count(0, response.body.len() + response.reason.len());
        if lose_reply { Err(lost("connection reset by peer", true)) } else { Ok(response) }
    }

    /// Answers a call that the node makes of itself: not counted, and never at fault.
    pub(crate) async fn ask_itself(&self, request: Request) -> Result<Response, TransportError> {
        let (method, path) = (request.method, request.path.clone());
        let busy = |_| TransportError {
            method: method.as_str(),
            path,
            message: "the guest is locked".to_owned(),
            may_have_arrived: false,
        };
        let answered = self.answer(&Caller::root(), &asked(request)).map_err(busy)?;
        Ok(answered.wait().await)
    }

    fn count(&self, calls: u64, bytes: usize) {
        let mut sum = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        sum.count += calls;
        sum.bytes += bytes as u64;
    }
}

/// Whoever holds the node in process is its administrator.
#[async_trait]
impl Transport for Node {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        self.call(&Caller::root(), &asked(request)).await
    }
}

fn asked(request: Request) -> Asked {
    let decode = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
    let path = request.path.split('/').filter(|part| !part.is_empty()).map(decode).collect();
    let params = api::gather(request.params.into_iter());
    Asked { method: request.method, path, params, upload: None }
}
