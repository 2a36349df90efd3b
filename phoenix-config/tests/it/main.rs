//! Tests over whole config directories.

mod predecessor;
