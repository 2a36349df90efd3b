//! A condition: a probe, and the answer that is wanted of it. Proofs of commands and waits are conditions.

use serde::{Deserialize, Serialize};

use crate::{evidence::Evidence, id::GuestId, probe::Probe};

/// Something that can be asked and held against a wish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// The question.
    pub probe: Probe,
    /// The answer that is wanted.
    pub expect: Expect,
}

/// The answer that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "expect", rename_all = "kebab-case")]
pub enum Expect {
    /// It is there.
    Present,
    /// It is not there.
    Absent,
    /// The guest of the listing is there and nothing locks it.
    Unlocked {
        /// The guest.
        guest: GuestId,
    },
    /// The guest of the listing runs.
    Running {
        /// The guest.
        guest: GuestId,
    },
    /// The unit runs.
    Active,
    /// The command ended with status 0.
    Succeeds,
    /// The command ended with this status.
    Ends {
        /// The status.
        status: i32,
    },
    /// The command ended with status 0 and this is a line of its output.
    SaysLine {
        /// The line, without white space around it.
        line: String,
    },
    /// The file holds content of this SHA-256.
    Sha256 {
        /// In lower-case hex.
        sha256: String,
    },
    /// The symbolic link points there.
    LinksTo {
        /// The target.
        target: String,
    },
}

impl Condition {
    /// Returns a condition.
    pub fn new(probe: Probe, expect: Expect) -> Self {
        Self { probe, expect }
    }

    /// Tells whether an answer to the probe is the one wanted.
    pub fn holds(&self, evidence: &Evidence) -> bool {
        match &self.expect {
            Expect::Present => !matches!(evidence, Evidence::Absent | Evidence::Unreachable { .. }),
            Expect::Absent => matches!(evidence, Evidence::Absent),
            Expect::Unlocked { guest } => matches!(evidence, Evidence::Guests { rows }
                if rows.get(&guest.vmid).is_some_and(|row| row.guest == *guest && row.lock.is_none() && row.task.is_none())),
            Expect::Running { guest } => matches!(evidence, Evidence::Guests { rows }
                if rows.get(&guest.vmid).is_some_and(|row| row.guest == *guest && row.running)),
            Expect::Active => matches!(evidence, Evidence::Unit { active: true, .. }),
            Expect::Succeeds => matches!(evidence, Evidence::Output { status: 0, .. }),
            Expect::Ends { status } => {
                matches!(evidence, Evidence::Output { status: found, .. } if found == status)
            }
            Expect::SaysLine { line } => matches!(evidence, Evidence::Output { status: 0, stdout, .. }
                if stdout.lines().any(|said| said.trim() == line)),
            Expect::Sha256 { sha256 } => matches!(evidence, Evidence::File(file) if file.sha256 == *sha256),
            Expect::LinksTo { target } => {
                matches!(evidence, Evidence::File(file) if file.link.as_ref() == Some(target))
            }
        }
    }
}
