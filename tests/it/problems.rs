//! The table of what the predecessor suffered names tests that are there.

use std::{collections::BTreeSet, fs, path::Path};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Adds the names of the functions below a directory.
fn functions(dir: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            functions(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap_or_default();
            let named = text.split("fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next());
            names.extend(named.map(str::to_owned));
        }
    }
}

#[test]
fn every_problem_of_the_predecessor_names_tests_that_are_there() {
    let table = fs::read_to_string(format!("{ROOT}/docs/problems.md")).expect("the table");
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| ") && line.contains('`')).collect();
    assert_eq!(rows.len(), 22, "one row a problem");
    let mut known = BTreeSet::new();
    for entry in fs::read_dir(ROOT).expect("the workspace").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("phoenix-") || ["plugins", "tests"].contains(&&*name) {
            functions(&entry.path(), &mut known);
        }
    }
    for row in rows {
        let held = row.split('|').nth_back(1).expect("the last column");
        let is_name = |word: &&str| word.contains('_');
        let named: Vec<&str> = held.split('`').skip(1).step_by(2).filter(is_name).collect();
        let missing: Vec<&&str> = named.iter().filter(|name| !known.contains(**name)).collect();
        assert!(missing.is_empty(), "{missing:?} in {row}");
    }
}
