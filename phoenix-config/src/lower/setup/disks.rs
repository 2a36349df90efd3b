//! Disks and drivers of the host: pools, datasets, GPUs.

use super::Uses;

/// Adds the features that follow.
pub(super) fn add(_: &mut Uses<'_, '_>) {}
