//! The configuration: three JSON files, compose stacks and a certificate manifest become `Desired`, a description of
//! the host, and every finding at once, each with its place in the file and what to do.
//!
//! [`load`] reads a directory, [`render`] shows what it found, [`schema`] describes the files.

mod cross;
mod error;
mod format;
mod host;
mod load;
mod lower;
mod migrate;

mod model;
mod plugin;
mod render;
mod schema;
mod secret;
mod shape;
mod source;

pub use error::ConfigError;
pub use format::certificate::Certificate;
pub use format::firewall::{Direction, Rule, Verdict};
pub use host::{Host, HostUser, NfsExport, NfsMount, PoolDecl, Route, Services, StorageDecl};
pub use load::{Files, Loaded, load};
pub use lower::read_artifacts;
pub use migrate::{Explained, migrate};
pub use plugin::PluginUse;
pub use render::{render, summary, to_json};
pub use schema::{Kind, schema};
pub use secret::Secret;
pub use source::{Document, Sources};
