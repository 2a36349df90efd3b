//! What was at a path of a simulated host before Phoenix first wrote there.

use phoenix_core::earlier;

use crate::sim::world::World;

/// Keeps what was at a path of a host before it was first written to, or writes down that nothing was there.
pub(crate) fn keep(world: &mut World, path: &str) {
    let (kept, nothing) = (earlier::kept(path), earlier::nothing(path));
    if world.file(&kept).is_some() || world.file(&nothing).is_some() {
        return;
    }
    match world.file(path).cloned() {
        Some(entry) => world.place(&kept, entry),
        None => world.write(&nothing, ""),
    }
}
