//! Crates of one sort have the same files, so that whoever knows one knows them all.

use super::{
    Finding,
    tree::{Member, Tree},
};

const MANAGERS: [&str; 4] = ["phoenix-hypervisor", "phoenix-lxc", "phoenix-net", "phoenix-vm"];

/// Returns a finding for every file that a manager or plugin lacks.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in &tree.members {
        for module in modules(member) {
            let stem = format!("{}/src/{module}", member.folder);
            let has = |path: &String| *path == format!("{stem}.rs") || *path == format!("{stem}/mod.rs");
            if !tree.paths.iter().any(has) {
                let message = format!("add `src/{module}.rs`: every crate of this sort has it");
                findings.push(Finding::new(&member.manifest_path(), 1, "shape", message));
            }
        }
    }
    findings
}

fn modules(member: &Member) -> &'static [&'static str] {
    if member.folder.starts_with("plugins/") {
        &["config", "plan"]
    } else if MANAGERS.contains(&member.name.as_str()) {
        &["spec", "observed", "plan"]
    } else {
        &[]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn managers_and_plugins_have_their_files() {
        let member = |name: &str, folder: &str| Member {
            name: name.to_owned(),
            folder: folder.to_owned(),
            manifest: String::new(),
            dependencies: Vec::new(),
        };
        let members = vec![
            member("phoenix-lxc", "phoenix-lxc"),
            member("phoenix-gpu", "plugins/gpu"),
            member("xtask", "xtask"),
        ];
        let paths = ["phoenix-lxc/src/spec.rs", "phoenix-lxc/src/plan/mod.rs", "plugins/gpu/src/plan.rs"];
        let tree = Tree { members, paths: paths.map(str::to_owned).to_vec(), ..Tree::default() };
        let found: Vec<_> = check(&tree).into_iter().map(|finding| finding.message).collect();
        assert_eq!(found.len(), 2);
        assert!(found[0].contains("`src/observed.rs`") && found[1].contains("`src/config.rs`"));
    }
}
