//! Privileges: what Proxmox VE must have granted for each call that a step is made of, as its documentation says; what
//! it lets nobody do but `root@pam` with a ticket; and what of that somebody has.

mod action;
mod calls;
mod granted;
mod keys;
mod object;
mod role;

use std::collections::BTreeSet;

pub use action::{World, of_action};
pub use calls::{Call, Subject};
pub use granted::Granted;
pub use role::{Role, grant, least};

/// Privileges on a path, all of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// The path of the access control list.
    pub path: String,
    /// The privileges.
    pub privileges: BTreeSet<&'static str>,
}

/// Something that must be granted: any of these, the first being the least.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need(pub Vec<Grant>);

/// Something that only `root@pam` may do, and no token.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RootOnly {
    /// What, for a sentence: "the bind mount `mp0`".
    pub what: String,
    /// What to type on the host instead.
    pub instead: Option<String>,
}

/// What an action needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demanded {
    /// What must be granted.
    pub needs: BTreeSet<Need>,
    /// What cannot be granted.
    pub root: BTreeSet<RootOnly>,
}

impl Grant {
    /// Returns the grant of privileges on a path.
    pub fn new(path: impl Into<String>, privileges: &[&'static str]) -> Self {
        Self { path: path.into(), privileges: privileges.iter().copied().collect() }
    }
}

impl Need {
    /// Returns the need of all these privileges on a path.
    pub fn all(path: impl Into<String>, privileges: &[&'static str]) -> Self {
        Self(vec![Grant::new(path, privileges)])
    }

    /// Returns the need of one of these privileges on a path.
    pub fn any(path: &str, privileges: &[&'static str]) -> Self {
        Self(privileges.iter().map(|privilege| Grant::new(path, &[*privilege])).collect())
    }

    /// Returns it for a sentence: "`VM.Clone` on `/vms/900`".
    pub fn sentence(&self) -> String {
        let one = |grant: &Grant| {
            let names: Vec<_> = grant.privileges.iter().map(|name| format!("`{name}`")).collect();
            format!("{} on `{}`", names.join(" and "), grant.path)
        };
        self.0.iter().map(one).collect::<Vec<_>>().join(" or ")
    }
}

impl Demanded {
    /// Adds what something else needs.
    pub fn extend(&mut self, other: Self) {
        self.needs.extend(other.needs);
        self.root.extend(other.root);
    }
}
