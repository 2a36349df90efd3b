//! Real sandboxes on this machine. Without root or the packages they say so and do nothing.

mod containers;
mod crash;
mod disks;
mod holder;
mod images;
mod isolation;
mod limits;
mod live;
mod machine;
mod machines;
mod outside;
mod quota;
mod services;
mod uplink;
