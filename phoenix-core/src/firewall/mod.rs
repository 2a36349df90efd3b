//! Firewalls of Proxmox VE: whose one it is ([`FirewallScope`]), what one holds, what can be changed of it, and what
//! becomes of a connection to a node. The words of rules and options are PVE's own, so a rule is a map of texts.

mod change;
pub mod mark;
mod scope;
mod state;
pub mod traffic;
pub mod walk;

pub use change::{FirewallChange, Found};
pub use scope::FirewallScope;
pub use state::{AddressSet, Alias, FirewallNames, FirewallState, Rule};
