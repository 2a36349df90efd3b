//! A file is small enough to be read in one go.

use super::{Finding, tree::Tree};

const LIMIT: usize = 400;

/// Returns a finding for every file that is too long.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.sources
        .iter()
        .map(|source| (source, source.text.lines().count()))
        .filter(|(_, lines)| *lines > LIMIT)
        .map(|(source, lines)| {
            let message =
                format!("{lines} lines are more than {LIMIT}: move one concept into a file of its own");
            Finding::new(&source.path, LIMIT + 1, "size", message)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{super::tree::Source, *};

    #[test]
    fn a_file_may_have_four_hundred_lines_and_no_more() {
        let sources = vec![Source::new("a.rs", &"x\n".repeat(400)), Source::new("b.rs", &"x\n".repeat(401))];
        let findings = check(&Tree { sources, ..Tree::default() });
        assert_eq!(findings.iter().map(|finding| finding.file.as_str()).collect::<Vec<_>>(), ["b.rs"]);
    }
}
