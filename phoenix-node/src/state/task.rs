//! Tasks: a UPID, what the task does as data, and how it ended. A task that was running when its process died goes
//! on from this data.

use serde::{Deserialize, Serialize};

use crate::{
    state::{State, now, now_ms},
    work::Work,
};

/// A task.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) upid: String,
    pub(crate) pid: u32,
    pub(crate) pstart: u32,
    pub(crate) starttime: u64,
    pub(crate) kind: String,
    pub(crate) id: String,
    /// Who began it.
    #[serde(default = "root")]
    pub(crate) user: String,
    /// What it does; dropped when it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) work: Option<Work>,
    /// When it ends, in milliseconds of the wall clock; not known before it has its locks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ends_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) endtime: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) exitstatus: Option<String>,
    pub(crate) log: Vec<String>,
}

fn root() -> String {
    "root@pam".to_owned()
}

impl Task {
    /// Returns the node that carries it.
    pub(crate) fn node(&self) -> &str {
        self.upid.split(':').nth(1).unwrap_or_default()
    }

    /// Returns how it ended, in the words that lists can be asked for; nothing while it runs.
    pub(crate) fn outcome(&self) -> Option<&'static str> {
        let status = self.exitstatus.as_deref()?;
        Some(match status {
            "OK" => "ok",
            status if status.starts_with("WARNINGS: ") => "warning",
            _ => "error",
        })
    }
}

impl State {
    /// Files a new task of a user on a node that does this work.
    pub(crate) fn new_task(&mut self, node: &str, work: Work, user: &str) -> String {
        let mut task = self.task_of(node, work.task_type(), work.task_id(), user);
        task.work = Some(work);
        let upid = task.upid.clone();
        self.active.insert(upid.clone(), task);
        self.dirty.tasks.insert(upid.clone());
        self.waiting.push(upid.clone());
        upid
    }

    /// Files a task that is over already, and went well.
    pub(crate) fn file_done(&mut self, kind: &str, user: &str) {
        let node = self.name.clone();
        let mut task = self.task_of(&node, kind, String::new(), user);
        task.log.push("TASK OK".to_owned());
        task.exitstatus = Some("OK".to_owned());
        task.endtime = Some(task.starttime);
        self.archive(task);
    }

    fn task_of(&mut self, node: &str, kind: &str, id: String, user: &str) -> Task {
        self.next_pid = self.next_pid.wrapping_add(1).max(4096);
        let pid = self.next_pid;
        let starttime = now();
        let ticks = now_ms().saturating_sub(self.booted * 1000) / 10;
        let pstart = u32::try_from(ticks & 0xffff_ffff).unwrap_or(0);
        let upid = format!("UPID:{node}:{pid:08X}:{pstart:08X}:{starttime:08X}:{kind}:{id}:{user}:");
        Task {
            upid,
            pid,
            pstart,
            starttime,
            kind: kind.to_owned(),
            id,
            user: user.to_owned(),
            work: None,
            ends_ms: None,
            endtime: None,
            exitstatus: None,
            log: Vec::new(),
        }
    }

    /// Returns a task, running or finished.
    pub(crate) fn task(&self, upid: &str) -> Option<&Task> {
        self.active
            .get(upid)
            .or_else(|| self.archive.iter().rev().map(|task| &**task).find(|task| task.upid == upid))
    }

    /// Tells whether a running task holds the lock of a guest's configuration file.
    pub(crate) fn is_config_held(&self, vmid: u32, except: Option<&str>) -> bool {
        self.active.iter().any(|(upid, task)| {
            Some(upid.as_str()) != except
                && task.ends_ms.is_some()
                && task.work.as_ref().is_some_and(|work| work.holds_config() == Some(vmid))
        })
    }

    /// Ends a task.
    pub(crate) fn end_task(&mut self, upid: &str, result: Result<(), String>) {
        let Some(mut task) = self.active.remove(upid) else { return };
        let (line, status) = match result {
            Ok(()) => ("TASK OK".to_owned(), "OK".to_owned()),
            Err(text) => (format!("TASK ERROR: {text}"), text),
        };
        task.log.push(line);
        task.exitstatus = Some(status);
        task.endtime = Some(now().max(task.starttime));
        task.work = None;
        self.archive(task);
    }
}
