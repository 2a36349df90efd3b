//! Which crates have code in their documentation that is run as a test.

use std::{fs, path::Path};

use serde_json::Value;

use crate::command::{cargo, output};

/// Returns the names of the members whose documentation has code that is run.
pub(crate) fn crates(root: &Path) -> Result<Vec<String>, String> {
    let metadata =
        output(&mut cargo(root, &["metadata", "--format-version", "1", "--no-deps", "--offline"]))?;
    let metadata: Value = serde_json::from_str(&metadata)
        .map_err(|error| format!("could not read cargo's metadata: {error}"))?;
    let mut names = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let mut targets = package["targets"].as_array().into_iter().flatten();
        let Some(library) = targets.find(|target| target["doctest"] == true) else { continue };
        let source = library["src_path"].as_str().unwrap_or_default();
        let folder = Path::new(source).parent().ok_or("a source without a folder")?;
        if has_code(folder).map_err(|error| format!("could not read `{}`: {error}", folder.display()))? {
            names.extend(package["name"].as_str().map(str::to_owned));
        }
    }
    Ok(names)
}

fn has_code(folder: &Path) -> std::io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_folder = entry.file_type()?.is_dir();
        let path = entry.path();
        let is_source = path.extension().is_some_and(|ending| ending == "rs");
        if is_folder && has_code(&path)? || is_source && is_run(&fs::read_to_string(&path)?) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Tells whether a source has a block of code in its documentation that rustdoc runs.
fn is_run(source: &str) -> bool {
    let mut is_inside = false;
    for line in source.lines().map(str::trim_start) {
        let Some(text) = line.strip_prefix("///").or_else(|| line.strip_prefix("//!")) else { continue };
        let Some(marks) = text.trim().strip_prefix("```") else { continue };
        if is_inside {
            is_inside = false;
            continue;
        }
        is_inside = true;
        if matches!(marks, "" | "rust" | "should_panic" | "no_run") {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_that_is_run_counts() {
        assert!(is_run("/// Adds.\n/// ```\n/// assert!(true);\n/// ```\nfn f() {}"));
        assert!(!is_run("//! ```text\n//! a ──▶ b\n//! ```\n"));
        assert!(!is_run("/// ```ignore\n/// x\n/// ```\n"));
        assert!(is_run("/// ```text\n/// x\n/// ```\n/// ```rust\n/// ```\n"));
    }
}
