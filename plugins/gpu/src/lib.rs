//! The feature `gpu`: graphics cards of the node in a guest, with driver libraries that match the driver. A container
//! gets device nodes and shares the node's driver; a virtual machine gets the card itself and a driver of its own.

pub mod config;
mod plan;

pub use config::Config;
pub use plan::feature;
