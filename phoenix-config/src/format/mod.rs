//! The accepted format as types. The JSON Schemas, the check of a file's shape and its decoding all come from these,
//! so they cannot disagree. What a key means is its doc comment.

pub(crate) mod access;
pub(crate) mod artifact;
pub(crate) mod certificate;
pub(crate) mod feature;
pub(crate) mod firewall;
pub(crate) mod guest;
pub(crate) mod host;
pub(crate) mod hypervisor;
pub(crate) mod id;
pub(crate) mod interface;
pub(crate) mod lxc;
pub(crate) mod network;
pub(crate) mod plugin;
pub(crate) mod samba;
pub(crate) mod service;
pub(crate) mod stack;
pub(crate) mod storage;
pub(crate) mod vm;
pub(crate) mod volume;
pub(crate) mod zfs;
