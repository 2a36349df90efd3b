//! DOT: writes a graph in the language of Graphviz.

use std::fmt::Write;

use super::{Graph, Stroke, name::names};

/// Returns the digraph.
pub(super) fn render(graph: &Graph) -> String {
    let names = names(graph);
    let places = graph.places();
    let mut out = String::new();
    let _ = writeln!(out, "digraph {} {{", quote(&graph.title));
    let _ = writeln!(out, "    label={};", quote(&graph.title));
    out.push_str("    labelloc=t;\n    rankdir=TB;\n    fontname=\"sans-serif\";\n");
    out.push_str("    node [shape=box, style=rounded, fontname=\"sans-serif\"];\n");
    out.push_str("    edge [fontname=\"sans-serif\", fontsize=10];\n");
    for (index, group) in graph.groups.iter().enumerate() {
        let _ = writeln!(out, "    subgraph cluster_{index} {{\n        label={};", quote(group));
        for (place, node) in graph.nodes.iter().enumerate().filter(|(_, node)| node.group == Some(index)) {
            let _ = writeln!(out, "        {} [label={}];", names[place], quote(&node.label));
        }
        out.push_str("    }\n");
    }
    for (place, node) in graph.nodes.iter().enumerate().filter(|(_, node)| node.group.is_none()) {
        let _ = writeln!(out, "    {} [label={}];", names[place], quote(&node.label));
    }
    for edge in &graph.edges {
        let (Some(&from), Some(&to)) = (places.get(edge.from.as_str()), places.get(edge.to.as_str())) else {
            continue;
        };
        let style = match edge.stroke {
            Stroke::Solid => "",
            Stroke::Dashed => ", style=dashed",
        };
        let _ = writeln!(out, "    {} -> {} [label={}{style}];", names[from], names[to], quote(&edge.label));
    }
    out.push_str("}\n");
    out
}

/// Backslashes must be doubled: Graphviz would take `\N` in a label for the node's name.
fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_backslashes_cannot_leave_a_label() {
        assert_eq!(quote("a\"]; b\\N\nc"), r#""a\"]; b\\N c""#);
    }

    #[test]
    fn a_broken_edge_is_dashed() {
        let mut graph = Graph::new("T", &["G"]);
        graph.node("lxc/900", "900: a", Some(0));
        graph.node("lxc/901", "901: b", None);
        graph.edge("lxc/900", "lxc/901", "Cloned", Stroke::Dashed);
        let text = render(&graph);
        assert!(text.contains("    n_lxc_900 -> n_lxc_901 [label=\"Cloned\", style=dashed];\n"), "{text}");
        assert!(
            text.contains("    subgraph cluster_0 {\n        label=\"G\";\n        n_lxc_900 [label"),
            "{text}"
        );
    }
}
