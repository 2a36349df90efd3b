//! The test kit: labs (what is desired, and who plans it), worlds (an embedded node in memory with virtual time),
//! decorators that make a backend fail, repeat or dawdle, and the laws that every manager and feature keeps.

pub mod decorate;
pub mod lab;
pub mod laws;
pub mod strategy;
pub mod world;
