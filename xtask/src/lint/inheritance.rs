//! Members take versions, lints and package data from the workspace: each is written once.

use super::{
    Finding,
    tree::{Member, Tree},
};

const RULE: &str = "inheritance";

/// Returns a finding for everything that a member says itself and should take from the workspace.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.members.iter().flat_map(in_member).collect()
}

fn in_member(member: &Member) -> Vec<Finding> {
    let path = member.manifest_path();
    let mut findings = Vec::new();
    let mut section = String::new();
    let mut has_lints = false;
    // A dependency with a table of its own: its name, its line, and whether it was seen to inherit.
    let mut table: Option<(String, usize, bool)> = None;
    let mut depth = 0_i32;
    for (index, line) in member.manifest.lines().enumerate() {
        let (number, line) = (index + 1, line.split(" #").next().unwrap_or(line).trim());
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let is_continued = depth > 0;
        depth += line.matches(['[', '{']).count() as i32 - line.matches([']', '}']).count() as i32;
        if is_continued {
            continue;
        }
        if line.starts_with('[') {
            findings.extend(unless_inherited(&path, table.take()));
            section = line.trim_matches(['[', ']']).to_owned();
            if let Some((parent, name)) = section.rsplit_once('.')
                && is_dependencies(parent)
            {
                table = Some((name.to_owned(), number, false));
            }
            continue;
        }
        let is_inherited = line.replace(' ', "").contains("workspace=true");
        if let Some((_, _, seen)) = &mut table {
            *seen |= is_inherited;
        } else if section == "lints" {
            has_lints |= is_inherited;
        } else if is_dependencies(&section) && !is_inherited {
            let name = line.split(['.', '=', ' ']).next().unwrap_or(line).to_owned();
            findings.extend(unless_inherited(&path, Some((name, number, false))));
        }
    }
    findings.extend(unless_inherited(&path, table.take()));
    if !has_lints {
        findings.push(Finding::new(&path, 1, RULE, "add `[lints]` with `workspace = true`"));
    }
    findings
}

fn unless_inherited(path: &str, table: Option<(String, usize, bool)>) -> Option<Finding> {
    let (name, number, is_inherited) = table?;
    let message =
        format!("list `{name}` once in `[workspace.dependencies]` and write `{name}.workspace = true` here");
    (!is_inherited).then(|| Finding::new(path, number, RULE, message))
}

fn is_dependencies(section: &str) -> bool {
    ["dependencies", "dev-dependencies", "build-dependencies"].iter().any(|word| {
        section == *word || (section.starts_with("target.") && section.ends_with(&format!(".{word}")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(manifest: &str) -> Vec<usize> {
        let member = Member {
            name: "a".to_owned(),
            folder: "a".to_owned(),
            manifest: manifest.to_owned(),
            dependencies: Vec::new(),
        };
        in_member(&member).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn every_dependency_comes_from_the_workspace() {
        let manifest = "[package]\nname = \"a\"\n[lints]\nworkspace = true\n[dependencies]\na.workspace = true\n\
                        b = { workspace = true, features = [\n  \"x\",\n] }\nc = \"1\"\n[dev-dependencies.d]\n\
                        version = \"1\"\n[dependencies.e]\nworkspace = true\n[target.'cfg(unix)'.dependencies]\nf = \"1\"\n";
        assert_eq!(lines(manifest), [10, 11, 16]);
    }

    #[test]
    fn lints_come_from_the_workspace() {
        assert_eq!(lines("[package]\nname = \"a\"\n"), [1]);
    }
}
