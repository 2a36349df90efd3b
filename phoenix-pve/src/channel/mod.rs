//! Ways into guests and onto nodes, for what PVE's API has no call for. [`GuestChannel`] is the port; [`LiveChannel`]
//! goes through it with one errand a batch: a constant script that a shell at the site runs, which is given all that it
//! works on by standard input, and which answers in a form that only this module reads.

mod address;
mod agent;
mod answer;
mod block;
mod error;
mod far;
mod guard;
mod live;
mod nodes;
mod places;
mod port;
mod process;
mod raw;
mod request;
mod ssh;

pub use address::Address;
pub use error::ChannelError;
pub use far::Far;
pub use guard::reverted;
pub use live::{ChannelLimits, LiveChannel};
pub use nodes::{Entry, Nodes};
pub use port::{Guard, Guarded, GuestChannel};
pub use ssh::SshOptions;
