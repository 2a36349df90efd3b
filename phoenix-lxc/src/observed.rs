//! What is known of a container. Containers and virtual machines are observed alike.

pub use phoenix_core::guest::observed::Observed;
