//! `unsafe` stands in one crate and one module, each block under the reason why it is sound.

use super::{
    Finding,
    tree::{Source, Tree},
};

const RULE: &str = "unsafe";
const PLACES: [&str; 2] = ["phoenix-plugin/src/", "phoenix-node/src/syscall.rs"];

/// Returns a finding for every use elsewhere, and for every one without its reason.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.sources.iter().flat_map(in_source).collect()
}

fn in_source(source: &Source) -> Vec<Finding> {
    let is_allowed = PLACES.iter().any(|place| source.path.starts_with(place));
    let comments: Vec<_> = source.comments.lines().collect();
    let mut findings = Vec::new();
    for (number, line) in source.code_lines() {
        let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
        if !words.any(|word| word == "unsafe") {
            continue;
        }
        if !is_allowed {
            let message =
                "no `unsafe` here: find a safe wrapper, or move the call to phoenix-node/src/syscall.rs";
            findings.push(Finding::new(&source.path, number, RULE, message));
        } else if !has_reason(&comments[..number]) {
            let message = "say above it, after `// SAFETY:`, why it is sound";
            findings.push(Finding::new(&source.path, number, RULE, message));
        }
    }
    findings
}

/// Tells whether the comment that ends on the line above the last, or on it, gives the reason.
fn has_reason(comments: &[&str]) -> bool {
    let is_comment = |line: &&&str| !line.trim().is_empty();
    let (last, above) = comments.split_last().expect("the line itself is there");
    last.contains("// SAFETY:")
        || above.iter().rev().take_while(is_comment).any(|line| line.contains("// SAFETY:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        in_source(&Source::new(path, text)).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn it_stands_only_where_it_may() {
        let text = "// SAFETY: a\nunsafe { a() }\nlet unsafely = \"unsafe\";\n";
        assert_eq!(lines("phoenix-core/src/a.rs", text), [2]);
        assert_eq!(lines("phoenix-plugin/src/a.rs", text), Vec::<usize>::new());
    }

    #[test]
    fn it_stands_under_its_reason() {
        let text = "// SAFETY: a\n// and b\nunsafe { a() }\n\nunsafe { b() }\n";
        assert_eq!(lines("phoenix-plugin/src/a.rs", text), [5]);
    }
}
