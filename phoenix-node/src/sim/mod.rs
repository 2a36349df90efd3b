//! The inner worlds: what is inside guests and on the host, and the way in.

pub(crate) mod accounts;
pub(crate) mod answer;
pub(crate) mod archive;
pub(crate) mod base;
pub(crate) mod boot;
pub(crate) mod catalog;
pub(crate) mod channel;
pub(crate) mod disks;
mod earlier;
pub(crate) mod gpu;
pub(crate) mod install;
pub(crate) mod loader;
pub(crate) mod modules;
pub(crate) mod programs;
pub(crate) mod proof;
mod reading;
pub(crate) mod world;
