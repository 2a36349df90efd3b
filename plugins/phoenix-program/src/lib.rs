//! The feature `phoenix-program`: this very program on the host, with its completions, so that what is to be done there at
//! certain times or by hand can be.

pub mod config;
mod plan;

pub use config::Config;
pub use plan::feature;
