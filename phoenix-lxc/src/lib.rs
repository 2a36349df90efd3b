//! The manager of containers: what one shall be ([`Spec`]), what it is ([`Observed`]), and the plan from the one to
//! the other. Pure functions of values.

mod keys;
mod observed;
mod plan;
mod resource;
mod spec;

pub use observed::Observed;
pub use plan::Lxc;
pub use spec::{Device, Mount, MountSource, Spec};
