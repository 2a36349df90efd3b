//! The agent in a virtual machine: one talk at a time, each with a limit.

use std::time::Duration;

use serde_json::Value;

use super::{
    life::Machines,
    wire::{Silence, Wire, within},
};

/// What an agent answers.
pub type AgentReply = Result<Value, AgentError>;

/// Why an agent did not do it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentError {
    /// It does not run, or does not answer.
    Silent,
    /// It refused.
    Refused(String),
}

/// How long an agent may take to say that it is there: an emulated processor is slow.
const HELLO: Duration = Duration::from_secs(5);
/// How long it may take for an answer.
const ANSWER: Duration = Duration::from_secs(60);

impl Machines {
    /// Asks the agent of a machine, by a command without the word that all of them begin with (`exec`, `ping`).
    pub async fn ask_agent(&self, vmid: u32, command: &str, arguments: Value) -> AgentReply {
        let turn = self.turn(vmid);
        let _mine = turn.lock().await;
        let dir = self.place(vmid);
        let result = async {
            let mut wire = Wire::to_agent(&dir, HELLO).await?;
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
}
