//! The manager of containers. What it shares with that of virtual machines is planned in `phoenix_core::guest`.

use phoenix_core::guest::manager::GuestManager;

use crate::Spec;

/// Plans containers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lxc;

impl GuestManager for Lxc {
    type Spec = Spec;
}
