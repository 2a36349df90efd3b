//! The feature `certificate`: certificates of one's own authority, asked for, renewed and shown to who serves by them; and
//! `cert-renewal`, which has the host do that in time.

pub mod config;
mod fault;
mod plan;
pub mod renewal;
mod revoke;
mod shown;

pub use config::{Certificate, Config};
pub use fault::{Fault, look};
pub use plan::{FEATURE, feature};
pub use revoke::revocation;
pub use shown::Shown;
