//! Limits of a container in the words of both versions of cgroups, for LXC's file and for one that runs: `lxc-cgroup`
//! cannot take a limit away.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use crate::{ContainerSpec, Sandbox, SandboxError, config::cpus};

/// The stretch of time, in millionths of a second, that a share of a CPU's time is counted over.
const PERIOD: u64 = 100_000;

/// A file of a group, and what it shall say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    /// In which version of cgroups there is such a file.
    version: Version,
    file: &'static str,
    /// The value; none where there is no limit.
    pub(crate) value: Option<String>,
    /// What takes a limit away.
    free: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

impl Limit {
    /// Returns LXC's key for it.
    pub(crate) fn key(&self) -> String {
        let prefix = match self.version {
            Version::One => "lxc.cgroup",
            Version::Two => "lxc.cgroup2",
        };
        format!("{prefix}.{}", self.file)
    }

    /// Says whether only kernels know it that count swap.
    pub(crate) fn is_of_swap(&self) -> bool {
        matches!(self.file, "memory.memsw.limit_in_bytes" | "memory.swap.max")
    }
}

/// Returns the limits of a container, in the order in which they are to be set.
pub(crate) fn limits(spec: &ContainerSpec, cpus: u32) -> Vec<Limit> {
    let one = |file, value, free| Limit { version: Version::One, file, value, free };
    let two = |file, value, free| Limit { version: Version::Two, file, value, free };
    let quota = spec.cpu_percent.map(|percent| PERIOD * u64::from(percent) / 100);
    // The other version's weight is 100 where this one's is 1024.
    let weight = |shares: u32| (shares.saturating_mul(100) / 1024).clamp(1, 10_000).to_string();
    let set = spec.cores.filter(|cores| *cores < cpus).map(|cores| chosen(spec.vmid, cores, cpus));
    vec![
        one("memory.limit_in_bytes", Some(spec.memory.to_string()), "-1"),
        one("memory.memsw.limit_in_bytes", Some(spec.memory.saturating_add(spec.swap).to_string()), "-1"),
        two("memory.max", Some(spec.memory.to_string()), "max"),
        two("memory.swap.max", Some(spec.swap.to_string()), "max"),
        one("cpu.cfs_period_us", quota.map(|_| PERIOD.to_string()), "100000"),
        one("cpu.cfs_quota_us", quota.map(|quota| quota.to_string()), "-1"),
        two("cpu.max", quota.map(|quota| format!("{quota} {PERIOD}")), "max 100000"),
        one("cpu.shares", spec.cpu_shares.map(|shares| shares.to_string()), "1024"),
        two("cpu.weight", spec.cpu_shares.map(weight), "100"),
        one("cpuset.cpus", set.clone(), ""),
        two("cpuset.cpus", set, ""),
    ]
}

/// Says whether the kernel of a sandbox can limit swap.
pub(crate) fn counts_swap(sandbox: &Sandbox) -> bool {
    let files = ["memory.memsw.limit_in_bytes", "memory.swap.max"];
    sandbox.groups().iter().any(|group| files.iter().any(|file| group.join(file).exists()))
}

/// Brings the groups of a container that runs in line. What a line for LXC sets stays as it set it.
pub(crate) fn apply(spec: &ContainerSpec, groups: &[PathBuf]) -> Result<(), SandboxError> {
    let mut wanted = limits(spec, cpus());
    wanted.retain(|limit| !spec.raw.iter().any(|(key, _)| *key == limit.key()));
    for group in groups {
        let version = if group.join("cgroup.controllers").exists() { Version::Two } else { Version::One };
        let own: Vec<&Limit> = wanted.iter().filter(|limit| limit.version == version).collect();
        // Memory must never be more than memory with swap: that one goes first where both grow.
        if let Some(limit) = own.iter().find(|limit| limit.file == "memory.memsw.limit_in_bytes") {
            let _ = set(group, limit);
        }
        for limit in own {
            set(group, limit)?;
        }
    }
    Ok(())
}

/// Writes a limit into a group that has such a file, if it says something else.
fn set(group: &Path, limit: &Limit) -> Result<(), SandboxError> {
    let path = group.join(limit.file);
    let Ok(now) = fs::read_to_string(&path) else { return Ok(()) };
    let value = match (&limit.value, limit.version, limit.file) {
        (Some(value), ..) => value.clone(),
        // A set of the first version is never empty: all that the group above has.
        (None, Version::One, "cpuset.cpus") => {
            let above = group.parent().unwrap_or(group).join(limit.file);
            fs::read_to_string(&above).map_err(SandboxError::file("read", &above))?.trim().to_owned()
        }
        (None, ..) => limit.free.to_owned(),
    };
    if now.trim() == value {
        return Ok(());
    }
    let done = if limit.file == "cpuset.cpus" && limit.version == Version::One {
        set_cpus(group, &value)
    } else {
        // An empty value is a line of its own: a file takes no write of nothing.
        fs::write(&path, format!("{value}\n"))
    };
    done.map_err(SandboxError::file("write", &path))
}

/// Groups of the first version below one have no more than it has, and get nothing of what it gets.
fn set_cpus(group: &Path, value: &str) -> io::Result<()> {
    let mut all = vec![group.to_owned()];
    let mut at = 0;
    while let Some(dir) = all.get(at).cloned() {
        let below = fs::read_dir(dir)?.flatten();
        all.extend(
            below.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()),
        );
        at += 1;
    }
    if fs::write(group.join("cpuset.cpus"), value).is_err() {
        for dir in all.iter().skip(1).rev() {
            fs::write(dir.join("cpuset.cpus"), value)?;
        }
    }
    all.iter().try_for_each(|dir| fs::write(dir.join("cpuset.cpus"), value))
}

/// Returns which CPUs a container sees: each begins at another one, so that they spread.
fn chosen(vmid: u32, cores: u32, cpus: u32) -> String {
    let set: BTreeSet<u32> = (0..cores).map(|at| (vmid + at) % cpus.max(1)).collect();
    set.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_spread_over_the_processors() {
        assert_eq!(chosen(100, 2, 4), "0,1");
        assert_eq!(chosen(103, 2, 4), "0,3");
    }

    #[test]
    fn a_group_gets_the_limits_of_its_version_and_loses_those_that_are_gone() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str| dir.path().join(name);
        for (name, text) in [("cgroup.controllers", ""), ("memory.max", "max"), ("cpu.max", "20000 100000")] {
            fs::write(file(name), text).unwrap();
        }
        let raw = vec![("lxc.cgroup2.cpu.weight".to_owned(), "7".to_owned())];
        fs::write(file("cpu.weight"), "7").unwrap();
        let spec = ContainerSpec { memory: 4096, raw, cpu_shares: Some(1024), ..ContainerSpec::default() };
        apply(&spec, &[dir.path().to_owned()]).unwrap();
        let read = |name: &str| fs::read_to_string(file(name)).unwrap();
        assert_eq!((read("memory.max").trim(), read("cpu.max").trim()), ("4096", "max 100000"));
        assert_eq!(read("cpu.weight"), "7", "a line for LXC holds");
        assert!(!file("memory.swap.max").exists() && !file("memory.limit_in_bytes").exists());
    }
}
