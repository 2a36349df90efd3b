//! Dependencies point inward: the one table of which crate of Phoenix may know which.

use super::{
    Finding,
    tree::{Member, Tree},
};

const RULE: &str = "direction";
const CORE: &str = "phoenix-core";
const KIT: &str = "phoenix-tests";

enum May {
    Know(&'static [&'static str]),
    KnowAll,
    Unlisted,
}

/// Returns a finding for every dependency on a crate of Phoenix that the table does not allow.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let is_ours = |name: &str| tree.members.iter().any(|member| member.name == name);
    let mut findings = Vec::new();
    for member in &tree.members {
        let allowed = match may(member) {
            May::KnowAll => continue,
            May::Know(allowed) => allowed,
            May::Unlisted => {
                let message =
                    "no rule says what this crate may depend on: add it to xtask/src/lint/direction.rs";
                findings.push(Finding::new(&member.manifest_path(), 1, RULE, message));
                continue;
            }
        };
        for (name, is_dev) in member.dependencies.iter().filter(|(name, _)| is_ours(name)) {
            if allowed.contains(&name.as_str()) || (*is_dev && name == KIT) {
                continue;
            }
            let allowed = match allowed {
                [] => "no crate of Phoenix".to_owned(),
                names => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and "),
            };
            let message = format!(
                "`{}` may know {allowed}, not `{name}`: move what both need into `{CORE}`, or let `phoenix-cli` join them",
                member.name
            );
            findings.push(Finding::new(&member.manifest_path(), member.line_of(name), RULE, message));
        }
    }
    findings
}

fn may(member: &Member) -> May {
    if member.folder.starts_with("plugins/") {
        return May::Know(&[CORE]);
    }
    match member.name.as_str() {
        CORE | "xtask" => May::Know(&[]),
        "phoenix-config" | "phoenix-lxc" | "phoenix-vm" | "phoenix-hypervisor" | "phoenix-net"
        | "phoenix-plugin" | "phoenix-pve" => May::Know(&[CORE]),
        "phoenix-sandbox" => May::Know(&[]),
        "phoenix-node" => May::Know(&[CORE, "phoenix-pve", "phoenix-sandbox"]),
        "phoenix-cli" | KIT => May::KnowAll,
        _ => May::Unlisted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, folder: &str, dependencies: &[(&str, bool)]) -> Member {
        let manifest = dependencies.iter().map(|(name, _)| format!("{name}.workspace = true\n")).collect();
        let dependencies = dependencies.iter().map(|&(name, is_dev)| (name.to_owned(), is_dev)).collect();
        Member { name: name.to_owned(), folder: folder.to_owned(), manifest, dependencies }
    }

    fn findings(members: Vec<Member>) -> Vec<String> {
        let tree = Tree { members, ..Tree::default() };
        check(&tree).into_iter().map(|finding| format!("{}:{}", finding.file, finding.line)).collect()
    }

    #[test]
    fn dependencies_outward_and_sideways_are_findings() {
        let members = vec![
            member("phoenix-core", "phoenix-core", &[("serde", false), ("phoenix-pve", false)]),
            member("phoenix-pve", "phoenix-pve", &[("phoenix-core", false)]),
            member("phoenix-lxc", "phoenix-lxc", &[("phoenix-core", false), ("phoenix-vm", true)]),
            member("phoenix-vm", "phoenix-vm", &[("phoenix-tests", true)]),
            member("phoenix-gpu", "plugins/gpu", &[("phoenix-base-setup", false)]),
            member("phoenix-base-setup", "plugins/base-setup", &[]),
            member("phoenix-tests", "tests", &[("phoenix-lxc", false)]),
            member("phoenix-node", "phoenix-node", &[("phoenix-pve", false), ("phoenix-core", false)]),
            member("phoenix-cli", "phoenix-cli", &[("phoenix-lxc", false)]),
        ];
        assert_eq!(
            findings(members),
            ["phoenix-core/Cargo.toml:2", "phoenix-lxc/Cargo.toml:2", "plugins/gpu/Cargo.toml:1"]
        );
    }

    #[test]
    fn a_crate_without_a_place_in_the_table_is_a_finding() {
        assert_eq!(
            findings(vec![member("phoenix-extra", "phoenix-extra", &[])]),
            ["phoenix-extra/Cargo.toml:1"]
        );
    }
}
