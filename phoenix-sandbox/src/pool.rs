//! Disks in the pool of a sandbox: subvolumes of a btrfs, each with a limit of its own. Copies and snapshots share what is
//! there, also while somebody writes to it. All work is one script that runs in the sandbox, where alone the pool is
//! mounted.

use std::{path::PathBuf, time::Duration};

use crate::{Sandbox, SandboxError};

const SCRIPT: &str = include_str!("scripts/pool.sh");
/// How long copying a large disk may take.
const LIMIT: Duration = Duration::from_secs(1800);

/// The pool of a sandbox that runs.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    sandbox: Sandbox,
}

impl Pool {
    /// Returns the pool of a sandbox, if it has one.
    pub(crate) fn of(sandbox: &Sandbox) -> Option<Self> {
        let pool = Self { sandbox: sandbox.clone() };
        pool.reach("disks").is_dir().then_some(pool)
    }

    /// Returns how something in the pool is reached from outside of the sandbox.
    pub(crate) fn reach(&self, below: &str) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.sandbox.status().pid));
        root.join(self.inside(below).strip_prefix("/").unwrap_or(&self.inside(below)))
    }

    /// Returns where something in the pool is, in the sandbox.
    pub(crate) fn inside(&self, below: &str) -> PathBuf {
        self.sandbox.dir().join("pool").join(below)
    }

    /// Does something, with what it needs.
    pub(crate) async fn does(&self, verb: &str, words: &[&str]) -> Result<(), SandboxError> {
        let dir = self.sandbox.dir().display().to_string();
        // Mounts of its own: what it mounts for a copy goes with it.
        let all = ["unshare", "--mount", "/bin/sh", "-c", SCRIPT, "pool", &dir, verb];
        let all: Vec<&str> = all.into_iter().chain(words.iter().copied()).collect();
        self.sandbox.run(&all, b"", LIMIT).await.map(drop).map_err(|error| match error {
            SandboxError::Command { said, .. } => {
                let what = words.first().copied().unwrap_or_default();
                let said = said.lines().map(str::trim).collect::<Vec<_>>().join("; ");
                SandboxError::Wrong(format!("the disk `{what}`: {verb} failed: {said}"))
            }
            SandboxError::Late { .. }
            | SandboxError::Missing { .. }
            | SandboxError::NotRoot
            | SandboxError::File { .. }
            | SandboxError::Build { .. }
            | SandboxError::Wrong(_) => error,
        })
    }
}
