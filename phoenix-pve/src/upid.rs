//! UPIDs: how Proxmox VE names a task, `UPID:node:pid:pstart:starttime:type:id:user:`.

use std::{fmt, str::FromStr};

use crate::error::PveError;

/// The name of a task.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Upid {
    text: String,
    /// The node that it runs on.
    pub node: String,
    /// Its type, for instance `vzcreate`.
    pub kind: String,
    /// What it works on; a vmid for most.
    pub id: String,
    /// Who started it.
    pub user: String,
    /// When it was started, in seconds since 1970.
    pub started: u64,
}

impl Upid {
    /// Returns the whole text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Upid {
    type Err = PveError;

    fn from_str(text: &str) -> Result<Self, PveError> {
        let bad = || PveError::BadName { text: text.to_owned(), wanted: "the name of a task (a UPID)" };
        let parts: Vec<&str> = text.trim().split(':').collect();
        let [word, node, pid, pstart, started, kind, id, user, ..] = parts[..] else { return Err(bad()) };
        let is_hex = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        if word != "UPID" || node.is_empty() || kind.is_empty() || !is_hex(pid) || !is_hex(pstart) {
            return Err(bad());
        }
        Ok(Self {
            text: text.trim().to_owned(),
            node: node.to_owned(),
            kind: kind.to_owned(),
            id: id.to_owned(),
            user: user.to_owned(),
            started: u64::from_str_radix(started, 16).map_err(|_| bad())?,
        })
    }
}

impl fmt::Display for Upid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}
