//! Virtual machines by QEMU: their images, their disks, their life, and the agent inside them. Where the processor has
//! no means for them, QEMU emulates one: slow, and the same.

mod agent;
mod arguments;
mod begun;
mod disks;
mod image;
mod life;
mod monitor;
mod spec;
mod wire;

pub use agent::{AgentError, AgentReply};
pub use image::machine_family;
pub use life::{Machines, Order};
pub(crate) use monitor::shut_down_all;
pub use spec::{Card, Drive, MachineSpec, Seed};

use crate::{SandboxError, holder::find};

/// A program, and the package of Debian and Ubuntu that has it.
const NEEDED: [(&str, &str); 3] =
    [("qemu-system-x86_64", "qemu-system-x86"), ("qemu-img", "qemu-utils"), ("mkfs.ext4", "e2fsprogs")];

/// Returns all that this machine lacks for virtual machines, beside what it lacks for containers.
pub fn lacking_for_machines() -> Vec<SandboxError> {
    NEEDED.iter().filter_map(|need| find(need.0, need.1).err()).collect()
}
