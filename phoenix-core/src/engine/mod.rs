//! The engine: gathers, executes and converges. Its only effects are calls of the ports; the clock it reads only
//! measures, and decides nothing.

mod converge;
mod events;
mod execute;
mod gather;
mod schedule;

pub use converge::{Converged, Verdict, converge};
pub use events::{Event, Events};
pub use execute::{Cancel, Failure, Outcome, execute};
pub use gather::gather;
