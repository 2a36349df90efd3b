//! Modules open with what they are.

use super::{Finding, tree::Tree};

/// Returns a finding for every file that does not begin with a module comment.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.sources
        .iter()
        .filter(|source| !source.text.trim_start().starts_with("//!"))
        .map(|source| {
            Finding::new(
                &source.path,
                1,
                "header",
                "open the module with one to five `//!` lines that say what it is",
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{super::tree::Source, *};

    #[test]
    fn a_file_must_begin_with_its_header() {
        let sources = vec![Source::new("a.rs", "\n//! A.\n"), Source::new("b.rs", "use x;\n//! B.\n")];
        let findings = check(&Tree { sources, ..Tree::default() });
        assert_eq!(findings.iter().map(|finding| finding.file.as_str()).collect::<Vec<_>>(), ["b.rs"]);
    }
}
