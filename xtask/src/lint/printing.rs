//! Only the `ui` modules print. Clippy sees the macros; this sees the streams too, and whoever allowed the macros.

use super::{Finding, tree::Tree};

const MACROS: [&str; 4] = ["print!", "println!", "eprint!", "eprintln!"];
const STREAMS: [&str; 4] = ["io::stdout(", "io::stderr(", "anstream::stdout(", "anstream::stderr("];
const PLACES: [&str; 4] = ["phoenix-cli/src/ui", "xtask/src/ui.rs", "tests/", "examples/"];

/// Returns a finding for every line of product code that prints elsewhere.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in
        tree.sources.iter().filter(|source| !PLACES.iter().any(|place| source.path.starts_with(place)))
    {
        let tests = source.first_test_line();
        for (number, line) in source.code_lines().take_while(|(number, _)| *number < tests) {
            let prints = MACROS.iter().any(|word| has_word(line, word))
                || STREAMS.iter().any(|word| line.contains(word));
            if prints {
                let message =
                    "print through phoenix-cli/src/ui; elsewhere return a value, an event or a diagnostic";
                findings.push(Finding::new(&source.path, number, "printing", message));
            }
        }
    }
    findings
}

fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

#[cfg(test)]
mod tests {
    use super::{super::tree::Source, *};

    #[test]
    fn printing_is_found_outside_of_ui_and_tests() {
        let text = "//! A.\nprintln!();\n// println!()\n\"println!()\";\nstd::io::stderr().lock();\n\
                    child.stdout(Stdio::null());\n#[cfg(test)]\nmod tests {\nprintln!();\n}\n";
        let paths = ["a/src/b.rs", "phoenix-cli/src/ui.rs", "phoenix-cli/src/ui/bar.rs", "a/tests/it.rs"];
        let sources = paths.iter().map(|path| Source::new(path, text)).collect();
        let findings = check(&Tree { sources, ..Tree::default() });
        let found: Vec<_> = findings.iter().map(|finding| (finding.file.as_str(), finding.line)).collect();
        assert_eq!(found, [("a/src/b.rs", 2), ("a/src/b.rs", 5)]);
    }
}
