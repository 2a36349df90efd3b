//! Proxmox VE as Phoenix's backend: calls of its API over a [`Transport`], ways into guests through a
//! [`GuestChannel`], and [`PveBackend`], which answers probes and performs actions with the two.
//!
//! Nothing here decides what should be: that is the planner's.

pub mod backend;
pub mod channel;
pub mod client;
pub mod error;
pub mod host;
pub mod https;
pub mod lenient;
pub mod privileges;
pub mod secret;
pub mod task;
pub mod transport;
pub mod typed;
pub mod upid;

pub use backend::{Limits, PveBackend};
pub use channel::{
    Address, ChannelError, ChannelLimits, Entry, Far, Guard, Guarded, GuestChannel, LiveChannel, Nodes,
    SshOptions,
};
pub use client::Client;
pub use error::{Cut, PveError};
pub use host::{HostFiles, LocalHost};
pub use https::{Credentials, Https, Trust};
pub use task::TaskWaiter;
pub use transport::{Caller, Method, Request, Response, Transport, TransportError};
pub use upid::Upid;
