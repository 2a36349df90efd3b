//! Names that mean nothing are no names of modules.

use super::{Finding, tree::Tree};

const BANNED: [&str; 6] = ["common", "helper", "helpers", "misc", "util", "utils"];

/// Returns a finding for every module with a banned name, be it a file, a folder or inline.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in &tree.sources {
        let banned = |word: &str| BANNED.contains(&word);
        if source.path.trim_end_matches(".rs").split('/').any(banned) {
            findings.push(finding(&source.path, 1));
        }
        for (number, line) in source.code_lines() {
            let words: Vec<_> = line.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
            let is_inline = line.contains('{');
            if is_inline && words.windows(2).any(|pair| pair[0] == "mod" && banned(pair[1])) {
                findings.push(finding(&source.path, number));
            }
        }
    }
    findings
}

fn finding(path: &str, line: usize) -> Finding {
    Finding::new(path, line, "module-name", "name the module for the one thing that it holds")
}

#[cfg(test)]
mod tests {
    use super::{super::tree::Source, *};

    #[test]
    fn files_folders_and_inline_modules_need_names_that_mean_something() {
        let sources = vec![
            Source::new("a/src/util.rs", "//! A."),
            Source::new("a/src/misc/b.rs", "//! A."),
            Source::new("a/src/utility.rs", "//! A.\nmod helpers {\n}\n// mod util {\n"),
        ];
        let findings = check(&Tree { sources, ..Tree::default() });
        let found: Vec<_> = findings.iter().map(|finding| (finding.file.as_str(), finding.line)).collect();
        assert_eq!(found, [("a/src/util.rs", 1), ("a/src/misc/b.rs", 1), ("a/src/utility.rs", 2)]);
    }
}
