//! The engine: gathers, executes and converges. Its only effects are calls of the ports.

mod events;

pub use events::{Event, Events};
