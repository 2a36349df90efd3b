//! The lifecycle: the states of a guest as nodes, its transitions as edges.

use super::{Graph, Stroke};
use crate::lifecycle::Lifecycle;

/// Returns the picture.
pub(super) fn draw() -> Graph {
    let mut graph = Graph::new("Lifecycle of a guest", &[]);
    for state in Lifecycle::ALL {
        graph.node(state.as_str(), state.as_str(), None);
    }
    for way in Lifecycle::TRANSITIONS {
        graph.edge(way.from.as_str(), way.to.as_str(), way.by, Stroke::Solid);
    }
    graph
}
