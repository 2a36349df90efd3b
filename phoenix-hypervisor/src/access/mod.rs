//! The managers of who may do what: users, groups and roles ([`Access`]), API tokens, and the access control list.

pub mod acl;
mod observed;
mod plan;
mod spec;
pub mod token;

pub use observed::Observed;
pub(crate) use observed::is_recorded;
pub use plan::Access;
pub use spec::{AccessSpec, Group, Role, Sort, User};

/// The user who may do everything: never touched.
pub(crate) const ROOT: &str = "root@pam";

/// Tells whether a role came with Proxmox VE.
pub(crate) fn is_built_in(role: &str) -> bool {
    let starts = role.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("PVE"));
    starts || matches!(role, "Administrator" | "NoAccess")
}
