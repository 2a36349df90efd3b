//! Names: words for nodes that every format takes without quotes, readable and the same for the same graph.

use std::collections::BTreeSet;

use super::Graph;

/// Returns a word for every node, in their order.
pub(super) fn names(graph: &Graph) -> Vec<String> {
    let mut taken = BTreeSet::new();
    graph
        .nodes
        .iter()
        .map(|node| {
            let word = word(&node.id);
            let mut name = word.clone();
            let mut number = 2;
            while !taken.insert(name.clone()) {
                name = format!("{word}_{number}");
                number += 1;
            }
            name
        })
        .collect()
}

/// The prefix keeps a node's name from being a keyword (`end`, `graph`) or from beginning with a digit.
fn word(id: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    format!("n_{}", id.chars().map(plain).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_differ_in_signs_only_get_different_names() {
        let mut graph = Graph::default();
        for id in ["lxc/1", "lxc_1", "end", "lxc/1_2", "lxc-1"] {
            graph.node(id, id, None);
        }
        assert_eq!(names(&graph), ["n_lxc_1", "n_lxc_1_2", "n_end", "n_lxc_1_2_2", "n_lxc_1_3"]);
    }
}
