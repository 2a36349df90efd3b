//! Plugins of others: what such a plugin links, which is the contract and the macro [`export!`], and behind the cargo
//! feature `host` what loads it.
//!
//! A plugin is a shared library. Its [`Manifest`] stands in a section of its own, so that it is read before anything of
//! the library runs; one exported [`Table`] has the two functions through which JSON goes in ([`Call`]) and out
//! ([`Answer`]). Its features are recipes ([`core::Recipe`]) as those of Phoenix itself are.

mod call;
pub mod export;
#[cfg(feature = "host")]
pub mod host;
pub mod manifest;
mod table;
#[cfg(feature = "trial")]
pub mod trial;

pub use call::{Answer, Call, Question};
pub use manifest::{FeatureManifest, MAGIC, Manifest, ManifestError, SECTION, is_name};
pub use phoenix_core as core;
pub use table::{CallFn, FreeFn, PROTOCOL, TABLE, Table};
