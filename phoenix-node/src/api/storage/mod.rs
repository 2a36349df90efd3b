//! The calls on storages: their definitions, their state on a node, and what lies on them.

pub(super) mod content;
pub(super) mod definitions;
pub(super) mod files;
pub(super) mod prune;
pub(super) mod state;
pub(super) mod upload;
