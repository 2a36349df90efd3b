//! Objects: what storages, users, groups, roles and tokens have in common: the difference between what is wanted and what
//! is there, whose it is, and the steps from one to the other.

mod difference;
mod plan;
mod record;

pub(crate) use difference::{Difference, difference, is_same};
pub(crate) use plan::{Owner, Wish, plan};
pub(crate) use record::{lines_of, record, remove_record, write_record};
