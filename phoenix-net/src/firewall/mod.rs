//! The manager of firewalls: what one shall hold ([`FirewallSpec`]), whose rules are Phoenix's, and the plan from what is
//! there to what shall be.

mod judge;
mod lockout;
mod manager;
mod matching;
mod names;
mod observed;
mod options;
mod order;
mod plan;
mod rules;
mod spec;
mod verify;

pub use manager::Firewall;
pub use observed::Observed;
pub use spec::{Direction, FirewallSpec, Management, RuleSpec};
