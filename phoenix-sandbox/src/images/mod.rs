//! Images of operating systems: the families that are known, the tarballs in a cache, and the trees that are unpacked
//! from them for containers to stand on.

mod build;
mod family;
mod keyring;
mod lock;
mod mirror;
mod store;
mod tree;

pub(crate) use build::machine_settings as apt_settings;
pub use family::{Family, families, family};
pub(crate) use lock::lock;
pub use store::Images;
