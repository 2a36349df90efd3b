//! The manager of virtual machines. What it shares with that of containers is planned in `phoenix_core::guest`.

use phoenix_core::guest::manager::GuestManager;

use crate::Spec;

/// Plans virtual machines.
#[derive(Clone, Copy, Debug, Default)]
pub struct Vm;

impl GuestManager for Vm {
    type Spec = Spec;
}
