//! The manager of what is there and not declared: told of, and, where that is asked for, removed if it is proven to be
//! Phoenix's and empty.

mod observed;
mod plan;
mod spec;

pub use observed::Observed;
pub use plan::Inventory;
pub use spec::InventorySpec;
