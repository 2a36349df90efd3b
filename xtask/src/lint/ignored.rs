//! A test that is not run says why.

use super::{Finding, tree::Tree};

/// Returns a finding for every ignored test without a reason.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in &tree.sources {
        for ((number, code), text) in source.code_lines().zip(source.text.lines()) {
            let Some(start) = code.find("#[ignore") else { continue };
            let reason = text.split('"').nth(1).unwrap_or("").trim();
            if code[start..].starts_with("#[ignore]") || reason.is_empty() {
                let message = "say why the test is not run: `#[ignore = \"needs …\"]`";
                findings.push(Finding::new(&source.path, number, "ignored", message));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{super::tree::Source, *};

    #[test]
    fn an_ignored_test_needs_a_reason() {
        let text =
            "#[ignore]\n#[ignore = \"needs a host\"]\n#[ignore = \"\"]\n// #[ignore]\n\"#[ignore]\";\n";
        let findings = check(&Tree { sources: vec![Source::new("a.rs", text)], ..Tree::default() });
        assert_eq!(findings.iter().map(|finding| finding.line).collect::<Vec<_>>(), [1, 3]);
    }
}
