//! Waiting for tasks: a UPID is asked at growing intervals until its task has ended.

use std::time::Duration;

use phoenix_core::{
    StepId,
    engine::{Event, Events},
};
use serde_json::Value;
use tokio::time::Instant;

use crate::{
    client::{Client, task_path},
    error::PveError,
    lenient,
    upid::Upid,
};

/// How many lines of a failed task's log are kept.
const TAIL: usize = 10;

/// Waits for tasks.
#[derive(Clone, Debug)]
pub struct TaskWaiter {
    /// The shortest interval between two questions.
    pub floor: Duration,
    /// The longest interval between two questions.
    pub ceiling: Duration,
    /// How long a task may take.
    pub limit: Duration,
}

impl TaskWaiter {
    /// Returns a waiter that asks no more often than this.
    pub fn new(floor: Duration) -> Self {
        Self { floor, ceiling: Duration::from_secs(1).max(floor), limit: Duration::from_secs(3600) }
    }

    /// Returns the pause before the next question: a twentieth of what was waited so far, so that a task is never
    /// noticed more than a twentieth late, and a long one is not asked often.
    pub fn pause(&self, waited: Duration) -> Duration {
        (waited / 20).clamp(self.floor, self.ceiling)
    }

    /// Waits until a task has ended; fails if it failed. Tells `events` what it says, as `step`'s progress.
    pub async fn wait(
        &self,
        client: &Client,
        upid: &Upid,
        step: &StepId,
        events: &Events,
    ) -> Result<(), PveError> {
        let path = task_path(upid)?;
        let begin = Instant::now();
        let mut told = 0;
        let mut next_log = Duration::from_secs(1);
        loop {
            let status = client.get(&format!("{path}/status"), Vec::new()).await?;
            if status["status"] != "running" {
                return self.judge(client, upid, &path, &status).await;
            }
            let waited = begin.elapsed();
            if waited > self.limit {
                return Err(PveError::TaskTimeout { upid: upid.to_string(), seconds: self.limit.as_secs() });
            }
            // A log is worth a call only for a task that somebody waits for.
            if waited >= next_log {
                next_log = waited + Duration::from_secs(2);
                told += self.tell(client, &path, told, step, events).await;
            }
            tokio::time::sleep(self.pause(waited)).await;
        }
    }

    async fn judge(&self, client: &Client, upid: &Upid, path: &str, status: &Value) -> Result<(), PveError> {
        let exit = lenient::text(&status["exitstatus"]).unwrap_or_else(|| "unexpected status".to_owned());
        if exit == "OK" || exit.starts_with("WARNINGS") {
            return Ok(());
        }
        let mut log = log_lines(client, path, 0).await;
        let tail = log.split_off(log.len().saturating_sub(TAIL));
        Err(PveError::Task {
            kind: upid.kind.clone(),
            id: upid.id.clone(),
            node: upid.node.clone(),
            message: exit.trim().to_owned(),
            log: tail,
        })
    }

    async fn tell(&self, client: &Client, path: &str, told: usize, step: &StepId, events: &Events) -> usize {
        let lines = log_lines(client, path, told).await;
        for text in &lines {
            events.send(Event::Progress { step: step.clone(), text: text.clone() });
        }
        lines.len()
    }
}

/// Returns the lines of a task's log from `start` on. A log that cannot be read is no reason to fail.
async fn log_lines(client: &Client, path: &str, start: usize) -> Vec<String> {
    let params = vec![("start".to_owned(), start.to_string()), ("limit".to_owned(), "5000".to_owned())];
    match client.get(&format!("{path}/log"), params).await {
        Ok(data) => lenient::items(&data)
            .iter()
            .filter_map(|line| lenient::word(&line["t"]))
            .filter(|line| line != "no content")
            .collect(),
        Err(error) => {
            tracing::debug!(%error, "no log");
            Vec::new()
        }
    }
}
