//! What is known of a virtual machine. Containers and virtual machines are observed alike.

pub use phoenix_core::guest::observed::Observed;
