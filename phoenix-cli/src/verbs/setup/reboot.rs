//! `setup --reboot`: whether the host may be rebooted where something needs it.

use clap::Args;
use phoenix_core::planner::Reboots;

/// What may be done about a reboot.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Reboot {
    /// Reboot the host if something needs it, once all else is done, and go on when it is back. Without it, what waits for a
    /// reboot is shown and left. On the host itself (`--host local`) the same command goes on after the reboot.
    #[arg(long)]
    reboot: bool,
}

impl Reboot {
    /// Returns what shall become of reboots.
    pub(crate) fn reboots(self) -> Reboots {
        if self.reboot { Reboots::Perform } else { Reboots::Hold }
    }
}
