//! Work that is left has an issue.

use super::{Finding, tree::Tree};

/// Returns a finding for every comment that leaves work to nobody.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in &tree.sources {
        for (index, line) in source.comments.lines().enumerate() {
            let is_loose = ["FIXME", "XXX"].iter().any(|word| line.contains(word))
                || line.match_indices("TODO").any(|(at, _)| !has_issue(&line[at + 4..]));
            if is_loose {
                let message = "name the issue, `// TODO(#123): …`, or do it now";
                findings.push(Finding::new(&source.path, index + 1, "todo", message));
            }
        }
    }
    findings
}

fn has_issue(rest: &str) -> bool {
    let number = rest.strip_prefix("(#").and_then(|rest| rest.split_once("):")).map(|(number, _)| number);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::{super::tree::Source, *};

    #[test]
    fn left_work_names_its_issue() {
        let text = "// TODO(#12): a\n// TODO: b\n// TODO(me): c\n\"TODO: d\";\n// FIXME e\n// TODO(#): f\n";
        let findings = check(&Tree { sources: vec![Source::new("a.rs", text)], ..Tree::default() });
        assert_eq!(findings.iter().map(|finding| finding.line).collect::<Vec<_>>(), [2, 3, 5, 6]);
    }
}
