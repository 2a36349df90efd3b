//! The tree that the rules look at: the files that git knows or would take, and the crates that cargo sees.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

use super::lexer;
use crate::command::{cargo, output};

/// Everything that a rule may look at.
#[derive(Default)]
pub(super) struct Tree {
    /// Every Rust file.
    pub(super) sources: Vec<Source>,
    /// Every member of the workspace.
    pub(super) members: Vec<Member>,
    /// Every path, relative to the root.
    pub(super) paths: Vec<String>,
}

/// A Rust file.
pub(super) struct Source {
    /// Its path, relative to the root.
    pub(super) path: String,
    /// Its text.
    pub(super) text: String,
    /// Its text without comments and without what is in quotes; lines stay where they are.
    pub(super) code: String,
    /// Its comments alone; lines stay where they are.
    pub(super) comments: String,
}

/// A member of the workspace.
pub(super) struct Member {
    /// Its name.
    pub(super) name: String,
    /// Its folder, relative to the root.
    pub(super) folder: String,
    /// Its manifest.
    pub(super) manifest: String,
    /// The crates that it depends on, with whether only its tests do.
    pub(super) dependencies: Vec<(String, bool)>,
}

impl Tree {
    /// Reads the tree.
    pub(super) fn read(root: &Path) -> Result<Self, String> {
        let mut git = Command::new("git");
        git.current_dir(root).stdin(Stdio::null());
        let listing = output(git.args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
            "--deduplicate",
        ]))?;
        // A file that was deleted and not yet committed is still in the index.
        let mut paths: Vec<String> = listing
            .split('\0')
            .filter(|path| !path.is_empty() && root.join(path).exists())
            .map(str::to_owned)
            .collect();
        paths.sort();
        let sources = paths
            .iter()
            .filter(|path| path.ends_with(".rs"))
            .map(|path| Ok(Source::new(path, &read(root, path)?)))
            .collect::<Result<_, String>>()?;
        let metadata =
            output(&mut cargo(root, &["metadata", "--format-version", "1", "--no-deps", "--offline"]))?;
        let metadata: Value = serde_json::from_str(&metadata)
            .map_err(|error| format!("could not read cargo's metadata: {error}"))?;
        let members = list(&metadata, "packages")
            .map(|package| Member::read(root, package))
            .collect::<Result<_, _>>()?;
        Ok(Self { sources, members, paths })
    }
}

impl Source {
    /// Returns a file with its comments told from its code.
    pub(super) fn new(path: &str, text: &str) -> Self {
        let (code, comments) = lexer::split(text);
        Self { path: path.to_owned(), text: text.to_owned(), code, comments }
    }

    /// Goes through the lines of code, numbered from 1.
    pub(super) fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// Returns the line from which on there are only tests.
    pub(super) fn first_test_line(&self) -> usize {
        let is_test_file = self.path.starts_with("tests/")
            || self.path.contains("/tests/")
            || self.path.ends_with("/tests.rs");
        if is_test_file {
            return 1;
        }
        let lines: Vec<_> = self.code.lines().map(str::trim).collect();
        let begins = |pair: &[&str]| {
            pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{')
        };
        lines.windows(2).position(begins).map_or(usize::MAX, |index| index + 1)
    }
}

impl Member {
    fn read(root: &Path, package: &Value) -> Result<Self, String> {
        let path = Path::new(text(package, "manifest_path"));
        let relative = path.strip_prefix(root).unwrap_or(path);
        let folder = relative.parent().unwrap_or(relative).to_string_lossy().into_owned();
        let dependencies = list(package, "dependencies")
            .map(|dependency| (text(dependency, "name").to_owned(), text(dependency, "kind") == "dev"))
            .collect();
        let manifest = read(root, &relative.to_string_lossy())?;
        Ok(Self { name: text(package, "name").to_owned(), folder, manifest, dependencies })
    }

    /// Returns the path of its manifest.
    pub(super) fn manifest_path(&self) -> String {
        format!("{}/Cargo.toml", self.folder)
    }

    /// Returns the first line of its manifest that begins so.
    pub(super) fn line_of(&self, start: &str) -> usize {
        self.manifest
            .lines()
            .position(|line| line.trim_start().starts_with(start))
            .map_or(1, |index| index + 1)
    }
}

fn read(root: &Path, path: &str) -> Result<String, String> {
    fs::read_to_string(root.join(path)).map_err(|error| format!("could not read `{path}`: {error}"))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or("")
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_begin_at_their_module_or_fill_the_file() {
        assert_eq!(
            Source::new("a/src/b.rs", "fn a() {}\n\n#[cfg(test)]\nmod tests {\n}\n").first_test_line(),
            3
        );
        assert_eq!(
            Source::new("a/src/b.rs", "#[cfg(test)]\nmod tests;\nfn a() {}\n").first_test_line(),
            usize::MAX
        );
        assert_eq!(Source::new("a/tests/it/main.rs", "fn a() {}\n").first_test_line(), 1);
    }
}
