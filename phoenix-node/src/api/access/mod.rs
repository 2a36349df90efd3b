//! The calls about access: users, groups, roles, permissions, tokens, realms and passwords. Only tickets are
//! elsewhere: they are signed where the node is served.

mod acl;
mod domains;
mod groups;
mod index;
mod password;
mod permissions;
mod roles;
mod tfa;
mod tokens;
mod users;

pub(crate) use acl::ROUTES as ACL;
pub(crate) use domains::ROUTES as DOMAINS;
pub(crate) use groups::ROUTES as GROUPS;
pub(crate) use index::ROUTES as INDEX;
pub(crate) use password::ROUTES as PASSWORD;
pub(crate) use permissions::{ROUTES as PERMISSIONS, capabilities};
pub(crate) use roles::ROUTES as ROLES;
pub(crate) use tfa::ROUTES as TFA;
pub(crate) use tokens::ROUTES as TOKENS;
pub(crate) use users::ROUTES as USERS;
