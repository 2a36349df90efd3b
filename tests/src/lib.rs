//! The test kit: labs (what is desired, and who plans it), worlds (an embedded node in memory, reached in process or over HTTPS),
//! decorators that make a backend fail, repeat or dawdle, and the laws that every manager and feature keeps.

pub mod counted;
pub mod decorate;
pub mod faulty;
pub mod lab;
pub mod laws;
pub mod sandbox;
pub mod stores;
pub mod strategy;
pub mod way;
pub mod world;
