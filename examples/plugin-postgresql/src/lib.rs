//! The feature `postgresql`: a PostgreSQL server from the guest's distribution, its settings, roles, databases, and the
//! rules of who may reach them.
//!
//! It is an example of a plugin that does something real. `config` is what the user writes, `sql` the words for the
//! server, `server` and `content` what a guest shall have. `plugin.json` is the manifest.

pub mod config;
mod content;
mod server;
mod sql;

use phoenix_plugin::{
    Manifest,
    core::{Draft, Feature, Recipe},
};

pub use config::Config;

/// The manifest, which is part of the library.
pub const MANIFEST: &str = include_str!("../plugin.json");

phoenix_plugin::export! {
    manifest: MANIFEST,
    features: [feature()],
}

/// Returns the feature.
pub fn feature() -> Box<dyn Feature> {
    let manifest = Manifest::from_json(MANIFEST).expect("the tests of this crate read it");
    let descriptor = manifest.descriptor("postgresql").expect("the manifest has the feature");
    Box::new(Recipe::new(descriptor, draft))
}

fn draft(draft: &mut Draft<'_>, config: &Config) {
    let ready = server::draft(draft, config);
    // What is in a server that does not answer is not known: it is looked at in the round after it was started.
    if !server::is_down(draft, config) {
        content::draft(draft, config, ready);
    }
}
