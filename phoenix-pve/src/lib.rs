//! Placeholder while the workspace is laid out.

pub mod channel;
pub mod transport;
