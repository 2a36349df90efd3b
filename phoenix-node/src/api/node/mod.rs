//! The calls on a node as a host: what it is set to, its network, what it has and does, and its guests all at once.

pub(super) mod all;
pub(super) mod hardware;
pub(super) mod indexes;
pub(super) mod logs;
pub(super) mod network;
pub(super) mod packages;
pub(super) mod services;
pub(super) mod settings;
pub(super) mod status;

pub(crate) use hardware::has_device;
