//! What a container has in the sandbox beside its disks, whether its monitor still lives or was killed.

use std::{fs, path::PathBuf};

use crate::{Sandbox, config::ROOTS, trees::names};

/// Returns the sandbox's groups as one word of a script. There are no spaces in them.
pub(crate) fn groups(sandbox: &Sandbox) -> String {
    let groups: Vec<String> = sandbox.groups().iter().map(|group| group.display().to_string()).collect();
    groups.join(" ")
}

/// Returns the groups of a container. LXC counts up the name where one is left of a container that was killed.
pub(crate) fn of(sandbox: &Sandbox, vmid: u32) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for own in sandbox.groups() {
        let below = names(own).unwrap_or_default();
        found.extend(below.iter().filter(|name| is_of(name, vmid)).map(|name| own.join(name)));
    }
    found
}

/// Says whether anything is left of a container: groups, or its root file system.
pub(crate) fn are_there(sandbox: &Sandbox, vmid: u32) -> bool {
    let mounts = fs::read_to_string(format!("/proc/{}/mountinfo", sandbox.status().pid)).unwrap_or_default();
    let root = format!("{ROOTS}/{vmid}");
    !of(sandbox, vmid).is_empty() || mounts.lines().any(|line| line.split(' ').nth(4) == Some(&root))
}

fn is_of(name: &str, vmid: u32) -> bool {
    let rest = name.strip_prefix("lxc.payload.").and_then(|name| name.strip_prefix(&vmid.to_string()));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_of_the_container_of_its_whole_number() {
        assert!(is_of("lxc.payload.101", 101) && is_of("lxc.payload.101-1", 101));
        assert!(
            !is_of("lxc.payload.1011", 101) && !is_of("lxc.monitor.101", 101) && !is_of("lxc.payload.1", 101)
        );
    }
}
