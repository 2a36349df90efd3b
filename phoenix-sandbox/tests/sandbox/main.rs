//! Real sandboxes on this machine. Without root or the packages they say so and do nothing.

mod containers;
mod holder;
mod images;
mod machine;
mod uplink;
