//! Mermaid: writes a graph as a flowchart, as in the diagrams of the predecessor.

use std::fmt::Write;

use super::{Graph, Stroke, name::names};

/// Returns the flowchart.
pub(super) fn render(graph: &Graph) -> String {
    let names = names(graph);
    let places = graph.places();
    let mut out = String::new();
    let title = graph.title.replace(['\n', '\r'], " ").replace('\\', "\\\\").replace('"', "\\\"");
    let _ = write!(out, "---\ntitle: \"{title}\"\n---\ngraph TD\n");
    for (index, group) in graph.groups.iter().enumerate() {
        let _ = writeln!(out, "    subgraph g{index} [\"{}\"]", escape(group));
        for (place, node) in graph.nodes.iter().enumerate().filter(|(_, node)| node.group == Some(index)) {
            let _ = writeln!(out, "        {}[\"{}\"]", names[place], escape(&node.label));
        }
        out.push_str("    end\n");
    }
    for (place, node) in graph.nodes.iter().enumerate().filter(|(_, node)| node.group.is_none()) {
        let _ = writeln!(out, "    {}[\"{}\"]", names[place], escape(&node.label));
    }
    for edge in &graph.edges {
        let (Some(&from), Some(&to)) = (places.get(edge.from.as_str()), places.get(edge.to.as_str())) else {
            continue;
        };
        let arrow = match edge.stroke {
            Stroke::Solid => "-->",
            Stroke::Dashed => "-.->",
        };
        let label =
            if edge.label.is_empty() { String::new() } else { format!("|\"{}\"|", escape(&edge.label)) };
        let _ = writeln!(out, "    {} {arrow}{label} {}", names[from], names[to]);
    }
    out
}

/// Mermaid has no backslash escapes: signs that it would read become entities of its own form, `#35;`.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => out.push_str("#quot;"),
            '&' => out.push_str("#amp;"),
            '<' => out.push_str("#lt;"),
            '>' => out.push_str("#gt;"),
            '#' | '`' | ';' | '\\' | '|' | '[' | ']' | '{' | '}' | '*' => {
                let _ = write!(out, "#{};", u32::from(c));
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_of_the_language_in_labels_are_entities() {
        assert_eq!(
            escape("a \"b\" <c> #1; `d`\n[e]"),
            "a #quot;b#quot; #lt;c#gt; #35;1#59; #96;d#96; #91;e#93;"
        );
    }

    #[test]
    fn names_that_end_a_group_cannot_end_it() {
        let mut graph = Graph::new("T \"x\"", &["end"]);
        graph.node("end", "end", Some(0));
        graph.node("b", "B", None);
        graph.edge("end", "b", "", Stroke::Dashed);
        graph.edge("b", "nowhere", "lost", Stroke::Solid);
        let expected = "---\ntitle: \"T \\\"x\\\"\"\n---\ngraph TD\n    subgraph g0 [\"end\"]\n        n_end[\"end\"]\n    \
                        end\n    n_b[\"B\"]\n    n_end -.-> n_b\n";
        assert_eq!(render(&graph), expected);
    }
}
