//! What Proxmox VE keeps by its API: storages, users, their rights, network interfaces.

use phoenix_core::Desired;

use crate::lower::Context;

/// Adds the resources that follow.
pub(super) fn add(_: &mut Context<'_>, _: &mut Desired) {}
