//! Waiting for tasks: a UPID is asked at growing intervals until its task has ended.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

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
/// How often in a row a task may not be seen before it is given up.
const BLIND: u32 = 10;

/// Waits for tasks.
#[derive(Clone, Debug)]
pub struct TaskWaiter {
    /// The shortest interval between two questions.
    pub floor: Duration,
    /// The longest interval between two questions.
    pub ceiling: Duration,
    /// How long a task may take.
    pub limit: Duration,
    /// How long tasks of each kind took lately: what decides when to ask, and nothing else.
    usual: Arc<Mutex<BTreeMap<String, Duration>>>,
}

impl TaskWaiter {
    /// Returns a waiter that asks no more often than this.
    pub fn new(floor: Duration) -> Self {
        Self {
            floor,
            ceiling: Duration::from_secs(1).max(floor),
            limit: Duration::from_secs(3600),
            usual: Arc::default(),
        }
    }

    /// Returns the pause before the next question: a twentieth of what was waited so far, so that a task is never
    /// noticed more than a twentieth late, and a long one is not asked often.
    pub fn pause(&self, waited: Duration) -> Duration {
        (waited / 20).clamp(self.floor, self.ceiling)
    }

    /// Returns the pause before the next question about a task of a kind: none is worth asking long before such tasks
    /// usually end, and around that time it is worth asking often.
    fn pause_for(&self, waited: Duration, usual: Option<Duration>) -> Duration {
        let pause = match usual {
            Some(usual) if waited < usual * 9 / 10 => usual * 9 / 10 - waited,
            Some(usual) if waited < usual * 6 / 5 => usual / 50,
            Some(_) | None => waited / 20,
        };
        pause.clamp(self.floor, self.ceiling)
    }

    fn usual(&self, kind: &str) -> Option<Duration> {
        self.usual.lock().unwrap_or_else(PoisonError::into_inner).get(kind).copied()
    }

    fn learn(&self, kind: &str, took: Duration) {
        let mut usual = self.usual.lock().unwrap_or_else(PoisonError::into_inner);
        usual.entry(kind.to_owned()).and_modify(|usual| *usual = (*usual * 3 + took) / 4).or_insert(took);
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
        let usual = self.usual(&upid.kind);
        if usual.is_some() {
            tokio::time::sleep(self.pause_for(Duration::ZERO, usual)).await;
        }
        let mut unanswered = 0;
        loop {
            let status = match client.get(&format!("{path}/status"), Vec::new()).await {
                Ok(status) => status,
                // The task goes on whether it is seen or not.
                Err(error) if error.is_lost() && unanswered < BLIND => {
                    unanswered += 1;
                    tracing::debug!(%upid, %error, "the task cannot be seen now");
                    tokio::time::sleep(self.ceiling).await;
                    continue;
                }
                Err(error) => return Err(error),
            };
            unanswered = 0;
            if status["status"] != "running" {
                let judged = self.judge(client, upid, &path, &status).await;
                if judged.is_ok() {
                    self.learn(&upid.kind, begin.elapsed());
                }
                return judged;
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
            tokio::time::sleep(self.pause_for(waited, usual)).await;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_asked_about_when_tasks_of_its_kind_usually_end() {
        let waiter = TaskWaiter::new(Duration::from_millis(5));
        let pause = |waited, usual: Option<u64>| {
            waiter.pause_for(Duration::from_millis(waited), usual.map(Duration::from_millis)).as_millis()
        };
        assert_eq!(pause(0, Some(600)), 540);
        assert_eq!(pause(540, Some(600)), 12);
        assert_eq!(pause(800, Some(600)), 40, "slower than usual: as if nothing were known");
        assert_eq!(pause(0, Some(60_000)), 1000, "never silent for longer than the ceiling");
        assert_eq!((pause(0, None), pause(1000, None)), (5, 50));
        waiter.learn("vzclone", Duration::from_millis(400));
        waiter.learn("vzclone", Duration::from_millis(800));
        assert_eq!(waiter.usual("vzclone"), Some(Duration::from_millis(500)));
    }
}
