//! Processes of this machine, known by more than their number: a number comes back, a number with a start time and a
//! mark in the environment does not.

use std::{fs, path::Path, time::Duration};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

use crate::error::SandboxError;

/// How long the kernel may take to end a killed process with all that is below it.
const END: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(10);

/// A process that cannot be taken for another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Process {
    /// Its number in the machine's process namespace.
    pub(super) pid: i32,
    /// When it began, in the kernel's ticks since the machine did.
    pub(super) start: u64,
    /// A word `NAME=value` of the environment that it began with.
    pub(super) mark: String,
}

impl Process {
    /// Returns the process of a number as it is now, if it has the mark.
    pub(super) fn of(pid: i32, mark: &str) -> Option<Self> {
        let process = Self { pid, start: start(pid)?, mark: mark.to_owned() };
        process.is_alive().then_some(process)
    }

    /// Says whether it still runs.
    pub(super) fn is_alive(&self) -> bool {
        start(self.pid) == Some(self.start)
            && fs::read(format!("/proc/{}/environ", self.pid))
                .is_ok_and(|words| words.split(|byte| *byte == 0).any(|word| word == self.mark.as_bytes()))
    }

    /// Ends it at once, and waits until it is gone.
    pub(super) async fn kill(&self) -> Result<(), SandboxError> {
        let Some(pid) = Pid::from_raw(self.pid) else { return Ok(()) };
        // The descriptor first, the look second: what is signalled is then what was looked at.
        let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else { return Ok(()) };
        if self.is_alive() {
            let _ = pidfd_send_signal(&handle, Signal::KILL);
        }
        let whole = async {
            while self.is_there() {
                tokio::time::sleep(POLL).await;
            }
        };
        tokio::time::timeout(END, whole).await.map_err(|_| {
            SandboxError::Wrong(format!(
                "process {} was killed {} s ago and is still there",
                self.pid,
                END.as_secs()
            ))
        })
    }

    /// Says whether it or something below it still ends. The environment of a process that ends is gone first.
    fn is_there(&self) -> bool {
        start(self.pid) == Some(self.start)
    }
}

/// Ends those of the processes that stand in another process namespace than this one, and nothing else.
pub(super) fn kill_foreign(pids: impl IntoIterator<Item = i32>) {
    let own = fs::read_link("/proc/self/ns/pid").ok();
    for raw in pids {
        let Some(pid) = Pid::from_raw(raw) else { continue };
        let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else { continue };
        let space = fs::read_link(format!("/proc/{raw}/ns/pid")).ok();
        if own.is_some() && space.is_some() && space != own {
            let _ = pidfd_send_signal(&handle, Signal::KILL);
        }
    }
}

/// Reads when a process began. A dead one that nobody has waited for yet has not begun.
fn start(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold anything.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?;
    if matches!(state, "Z" | "X") { None } else { fields.nth(18)?.parse().ok() }
}

/// Counts the processes in the process namespace whose first is this one.
pub(super) fn below(pid: i32) -> usize {
    let space = |pid: &str| fs::read_link(Path::new("/proc").join(pid).join("ns/pid")).ok();
    let Some(own) = space(&pid.to_string()) else { return 0 };
    let Ok(entries) = fs::read_dir("/proc") else { return 0 };
    entries
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.bytes().all(|byte| byte.is_ascii_digit()) && space(&name).as_ref() == Some(&own)
        })
        .count()
}
