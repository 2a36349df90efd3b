//! A graph: nodes in groups and labelled edges between them, drawn from what is desired. It knows four pictures (the
//! hierarchy of templates, the requirements, the lifecycle, the network plane) and three ways to write one (Mermaid, DOT, SVG).

mod dependencies;
mod dot;
mod layout;
mod lifecycle;
mod mermaid;
mod name;
mod network;
mod svg;
mod templates;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{guest::GuestSpec, id::ResourceId, network::Network, planner::Resolved};

/// A picture, before it is written in some format.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Graph {
    /// What it shows.
    pub title: String,
    /// The names of the groups, in the order in which they are shown.
    pub groups: Vec<String>,
    /// The nodes, in the order in which they are shown.
    pub nodes: Vec<Node>,
    /// The edges, in the order in which they are shown.
    pub edges: Vec<Edge>,
}

/// A thing in a picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Node {
    /// Unique among the nodes.
    pub id: String,
    /// What is written in it.
    pub label: String,
    /// Its group, as an index of [`Graph::groups`].
    pub group: Option<usize>,
}

/// An arrow between two nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Edge {
    /// The id of the node that it leaves.
    pub from: String,
    /// The id of the node that it points to.
    pub to: String,
    /// What is written at it.
    pub label: String,
    /// How it is drawn.
    pub stroke: Stroke,
}

/// How an edge is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stroke {
    /// One line.
    #[default]
    Solid,
    /// A broken line.
    Dashed,
}

impl Graph {
    /// Returns the hierarchy of templates: what every guest is made from. Linked clones have broken edges.
    pub fn templates(resolved: &Resolved) -> Self {
        templates::draw(&guests(resolved))
    }

    /// Returns the requirements: an edge leads from what must be there to what waits for it, and says to which end.
    pub fn dependencies(resolved: &Resolved) -> Self {
        let requirements = resolved.ids().map(|id| (id, resolved.requirements(id)));
        dependencies::draw(requirements, &guests(resolved))
    }

    /// Returns the lifecycle of a guest: its states, and what leads from one to another.
    pub fn lifecycle() -> Self {
        lifecycle::draw()
    }

    /// Returns the network plane: how requests come to services, and who has names, certificates and volumes from whom.
    pub fn network(network: &Network) -> Self {
        network::draw(network)
    }

    /// Returns the part of the picture that leads to some of its nodes: these, and whatever an arrow comes from.
    #[must_use]
    pub fn leading_to(mut self, ids: &BTreeSet<String>) -> Self {
        let mut kept: BTreeSet<String> = ids.clone();
        let mut left: Vec<String> = ids.iter().cloned().collect();
        while let Some(id) = left.pop() {
            let sources = self.edges.iter().filter(|edge| edge.to == id).map(|edge| edge.from.clone());
            left.extend(sources.filter(|source| kept.insert(source.clone())).collect::<Vec<_>>());
        }
        self.nodes.retain(|node| kept.contains(&node.id));
        self.edges.retain(|edge| kept.contains(&edge.from) && kept.contains(&edge.to));
        self.without_empty_groups()
    }

    /// Returns the picture as a Mermaid flowchart.
    pub fn mermaid(&self) -> String {
        mermaid::render(self)
    }

    /// Returns the picture in Graphviz' DOT language.
    pub fn dot(&self) -> String {
        dot::render(self)
    }

    /// Returns the picture as a self-contained SVG document.
    pub fn svg(&self) -> String {
        svg::render(self)
    }

    fn new(title: &str, groups: &[&str]) -> Self {
        let groups = groups.iter().map(|&group| group.to_owned()).collect();
        Self { title: title.to_owned(), groups, ..Self::default() }
    }

    fn node(&mut self, id: impl Into<String>, label: impl Into<String>, group: Option<usize>) {
        self.nodes.push(Node { id: id.into(), label: label.into(), group });
    }

    fn edge(&mut self, from: impl Into<String>, to: impl Into<String>, label: &str, stroke: Stroke) {
        self.edges.push(Edge { from: from.into(), to: to.into(), label: label.to_owned(), stroke });
    }

    /// Takes out the groups that have no node.
    fn without_empty_groups(mut self) -> Self {
        let mut kept = BTreeMap::new();
        let mut groups = Vec::new();
        for (index, group) in self.groups.into_iter().enumerate() {
            if self.nodes.iter().any(|node| node.group == Some(index)) {
                kept.insert(index, groups.len());
                groups.push(group);
            }
        }
        for node in &mut self.nodes {
            node.group = node.group.and_then(|group| kept.get(&group).copied());
        }
        self.groups = groups;
        self
    }

    /// Returns the place of every node by its id.
    fn places(&self) -> BTreeMap<&str, usize> {
        self.nodes.iter().enumerate().map(|(index, node)| (node.id.as_str(), index)).collect()
    }
}

/// Returns the shared part of every guest's spec. Resources of other kinds have none and are left out.
fn guests(resolved: &Resolved) -> BTreeMap<ResourceId, GuestSpec> {
    let shared = |id: &ResourceId| {
        let mut spec = resolved.spec(id)?;
        Some((id.clone(), serde_json::from_value(spec.get_mut("guest")?.take()).ok()?))
    };
    resolved.ids().filter_map(shared).collect()
}

/// Returns what is written in the node of a guest.
fn label(spec: &GuestSpec) -> String {
    format!("{}: {}", spec.vmid, spec.name)
}
