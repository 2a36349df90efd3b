//! Objects: what storages, users, groups, roles and tokens have in common: the difference between what is wanted and what
//! is there, whose it is, and the steps from one to the other.

mod difference;
mod plan;
mod record;

pub(crate) use difference::{Difference, difference, is_same};
pub(crate) use plan::{Owner, Wish, plan};
pub(crate) use record::{lines_of, record, remove_record, write_record};

use phoenix_core::{Claim, Diagnostic, ResourceId};

/// Returns the finding that an object gives nothing to features.
pub(crate) fn refuse(id: &ResourceId, claim: &Claim, by: &str) -> Diagnostic {
    let message = format!("the feature `{by}` wants {claim:?} of `{id}`, which has no features");
    Diagnostic::error("claim-refused", message)
        .with_hint("give the feature to a container or a virtual machine")
}
