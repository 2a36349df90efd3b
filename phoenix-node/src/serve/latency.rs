//! How long answers take: at once, or as on a real node, whose daemons have three workers. The times are medians in
//! milliseconds, rounded, of a Proxmox VE 9.2 on a machine with two cores, measured by a client on the same machine.

use std::time::Duration;

use phoenix_pve::transport::Method;
use tokio::sync::{Semaphore, SemaphorePermit};

/// How long a served node takes to answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Latency {
    /// No longer than it takes.
    #[default]
    None,
    /// As long as a real one, which has three workers.
    Real,
}

const WORKERS: usize = 3;
/// A write, with the lock and the files that it takes.
const WRITE: f64 = 58.0;
/// A login: the password is hashed.
const LOGIN: f64 = 221.0;
/// A read that another process must be asked about, or the state of the machine.
const STATUS: f64 = 48.0;
/// A read of what stands in the cluster's files, which lie in memory.
const READ: f64 = 2.0;

/// Lets calls have their turn.
#[derive(Debug)]
pub(super) struct Turns {
    latency: Latency,
    workers: Semaphore,
}

impl Turns {
    pub(super) fn new(latency: Latency) -> Self {
        Self { latency, workers: Semaphore::new(WORKERS) }
    }

    /// Waits for a worker, and as long as it needs; the worker is taken until what is returned is dropped.
    pub(super) async fn take(&self, method: Method, path: &[&str]) -> Option<SemaphorePermit<'_>> {
        match self.latency {
            Latency::None => None,
            Latency::Real => {
                let worker = self.workers.acquire().await.ok();
                tokio::time::sleep(needs(method, path)).await;
                worker
            }
        }
    }
}

/// Returns how long a call takes.
fn needs(method: Method, path: &[&str]) -> Duration {
    let millis = match (method, path) {
        (_, ["access", "ticket"]) => LOGIN,
        (Method::Get, ["version"] | ["nodes"]) => 1.5,
        (Method::Get, ["access", "permissions"]) => 5.5,
        (Method::Get, ["cluster", "nextid"]) => 3.3,
        (Method::Get, ["cluster", "resources"]) => STATUS,
        (Method::Get, ["nodes", _, "lxc" | "qemu"]) => 50.0,
        (Method::Get, ["nodes", _, "lxc" | "qemu", _, "status", ..]) => 52.0,
        (Method::Get, ["nodes", _, "storage"]) => 81.0,
        (Method::Get, ["nodes", _, "storage", _, "content", ..]) => 273.0,
        (Method::Get, ["nodes", _, "tasks"]) => 60.0,
        (Method::Get, ["nodes", _, "qemu", _, "config"]) => 4.2,
        (Method::Get, ["nodes", _, "lxc", _, "config"]) => 2.3,
        (Method::Get, _) => READ,
        (Method::Post | Method::Put | Method::Delete, _) => WRITE,
    };
    Duration::from_secs_f64(millis / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn three_workers_answer_at_the_same_time_and_the_fourth_call_waits() {
        let turns = Turns::new(Latency::Real);
        let begun = tokio::time::Instant::now();
        let path = ["cluster", "resources"];
        let one = async || drop(turns.take(Method::Get, &path).await);
        tokio::join!(one(), one(), one(), one());
        assert_eq!(begun.elapsed().as_millis(), 96);
    }
}
