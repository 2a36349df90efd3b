//! The network plane's tests.

mod laws;
mod lockout;
mod pve;
mod rules;
mod spec;
