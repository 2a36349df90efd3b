//! `cargo xtask lint`: the rules of STYLE.md that no compiler knows, a file each. A rule reads the tree and returns
//! findings; it changes nothing.

mod direction;
mod header;
mod ignored;
mod inheritance;
mod lexer;
mod module_name;
mod printing;
mod shape;
mod size;
mod todo;
mod tree;
mod unsafety;

use std::path::Path;

use crate::ui;
use tree::Tree;

/// Something that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    file: String,
    line: usize,
    rule: &'static str,
    message: String,
}

type Rule = fn(&Tree) -> Vec<Finding>;

const RULES: [Rule; 10] = [
    direction::check,
    header::check,
    ignored::check,
    inheritance::check,
    module_name::check,
    printing::check,
    shape::check,
    size::check,
    todo::check,
    unsafety::check,
];

/// Prints every finding, and fails if there is one.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    let tree = Tree::read(root)?;
    let mut findings: Vec<Finding> = RULES.iter().flat_map(|rule| rule(&tree)).collect();
    findings.sort();
    for Finding { file, line, rule, message } in &findings {
        ui::line(&format!("{file}:{line}: {rule}: {message}"));
    }
    match findings.len() {
        0 => {
            ui::line(&format!("{} files, {} crates, no finding", tree.sources.len(), tree.members.len()));
            Ok(())
        }
        1 => Err("1 finding".to_owned()),
        count => Err(format!("{count} findings")),
    }
}

impl Finding {
    fn new(file: &str, line: usize, rule: &'static str, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, rule, message: message.into() }
    }
}
