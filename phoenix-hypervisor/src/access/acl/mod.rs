//! The manager of the access control list: who has which role at which path.

mod observed;
mod plan;
mod spec;

pub use observed::Observed;
pub(crate) use observed::{record_probe, recorded};
pub use plan::Acl;
pub use spec::{AclSpec, Grant, Holder};
