//! The agent in a virtual machine: one talk at a time, each with a limit.

use std::{path::Path, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{
    life::Machines,
    wire::{Silence, Wire, within},
};

/// What an agent answers.
pub type AgentReply = Result<Value, AgentError>;

/// Why an agent did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgentError {
    /// It does not run, or does not answer.
    #[error("the agent does not answer")]
    Silent,
    /// It refused.
    #[error("the agent says: {0}")]
    Refused(String),
}

/// How long an agent may take to say that it is there: an emulated processor is slow.
const HELLO: Duration = Duration::from_secs(5);
/// How long it may take for an answer.
const ANSWER: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(300);

impl Machines {
    /// Asks the agent of a machine, by a command without the word that all of them begin with (`exec`, `ping`).
    pub async fn ask_agent(&self, vmid: u32, command: &str, arguments: Value) -> AgentReply {
        let turn = self.turn(vmid);
        let _mine = turn.lock().await;
        ask(&self.place(vmid), command, arguments).await
    }
}

/// Asks the agent whose socket is in a directory.
pub(super) async fn ask(dir: &Path, command: &str, arguments: Value) -> AgentReply {
    let result = async {
        let mut wire = Wire::to_agent(dir, HELLO).await?;
        let command = format!("guest-{command}");
        match command.as_str() {
            // It answers by doing it.
            "guest-shutdown" => wire.tell(&command, arguments).await.map(|()| Value::Null),
            _ => within(ANSWER, wire.ask(&command, arguments)).await,
        }
    };
    result.await.map_err(|silence| match silence {
        Silence::Nobody => AgentError::Silent,
        Silence::Refused(text) => AgentError::Refused(text),
    })
}

/// Runs a script in the machine whose agent's socket is in a directory, to its end; returns its status.
pub(super) async fn run_script(
    dir: &Path,
    script: &str,
    input: &[u8],
    limit: Duration,
) -> Result<i64, AgentError> {
    let words = json!({
        "path": "/bin/sh", "arg": ["-c", script], "capture-output": true, "input-data": STANDARD.encode(input),
    });
    let until = Instant::now() + limit;
    let pid = ask(dir, "exec", words).await?["pid"].clone();
    while Instant::now() < until {
        let status = ask(dir, "exec-status", json!({ "pid": pid })).await?;
        if status["exited"] == true {
            return Ok(status["exitcode"].as_i64().unwrap_or(-1));
        }
        sleep(PAUSE).await;
    }
    Err(AgentError::Refused(format!("a script did not end within {} s", limit.as_secs())))
}

/// Waits until an agent answers.
pub(super) async fn wait_for(dir: &Path, limit: Duration) -> Result<(), AgentError> {
    let until = Instant::now() + limit;
    loop {
        match ask(dir, "ping", json!({})).await {
            Ok(_) => return Ok(()),
            Err(AgentError::Silent) if Instant::now() < until => sleep(PAUSE).await,
            Err(error) => return Err(error),
        }
    }
}
