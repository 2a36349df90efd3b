//! The host's side: reads and checks a library without opening it, opens it in a child process or in this one, and
//! keeps its features within what was granted.

mod child;
mod error;
mod feature;
mod frame;
mod grant;
mod library;
mod limits;
mod need;
mod open;
mod plugin;
mod serve;

pub use child::Launcher;
pub use error::PluginError;
pub use feature::PluginFeature;
pub use grant::Grant;
pub use library::{Library, phoenix_version};
pub use need::{Need, Refusal};
pub use plugin::{Mode, Options, Plugin};
pub use serve::serve;
