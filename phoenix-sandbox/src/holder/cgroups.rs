//! Groups of processes that the kernel counts and limits: one of our own in each hierarchy of the machine, so that
//! whatever containers make stands below it and can be removed with it. Knows the layouts v1, v2 and both at once.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::error::SandboxError;

/// How often the removal of a group is tried whose processes have only just ended.
const TRIES: usize = 500;
const POLL: Duration = Duration::from_millis(10);

/// Where the holder stands below our group of v2: with processes in it, that group could give no controller to the
/// groups below. LXC knows this name and leaves it out of the path, as it does for systemd.
const LEAF: &str = "init.scope";

/// What limits of containers need.
const CONTROLLERS: [&str; 5] = ["cpu", "cpuset", "io", "memory", "pids"];

/// The groups of one sandbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Groups {
    /// One directory for each hierarchy; all below it is ours.
    pub(super) own: Vec<PathBuf>,
    /// Those that a process of the sandbox joins.
    pub(super) joined: Vec<PathBuf>,
}

/// A hierarchy, as this process sees it.
#[derive(Debug, PartialEq, Eq)]
struct Hierarchy {
    /// The directory below which our group goes.
    base: PathBuf,
    is_unified: bool,
}

impl Groups {
    /// Makes the groups of a name.
    pub(super) fn make(name: &str) -> Result<Self, SandboxError> {
        let mut groups = Self::default();
        let all = here()?;
        // With both at once the controllers that limits need are in v1, and the root of v2 is left as it is.
        let is_pure = all.iter().all(|hierarchy| hierarchy.is_unified);
        for hierarchy in all {
            let own = hierarchy.base.join(name);
            groups.own.push(own.clone());
            let joined = if hierarchy.is_unified { own.join(LEAF) } else { own.clone() };
            if let Err(error) = fs::create_dir_all(&joined) {
                remove_now(&groups.own);
                return Err(SandboxError::file("make", &joined)(error));
            }
            if hierarchy.is_unified && is_pure {
                enable(&hierarchy.base);
                enable(&own);
            } else if !hierarchy.is_unified {
                copy_cpuset(&hierarchy.base, &own);
            }
            groups.joined.push(joined);
        }
        Ok(groups)
    }
}

/// Returns where this process would make the groups of a name, whether they are there or not.
pub(super) fn places(name: &str) -> Result<Vec<PathBuf>, SandboxError> {
    Ok(here()?.into_iter().map(|hierarchy| hierarchy.base.join(name)).collect())
}

/// Lists the processes in groups and all below them.
pub(super) fn processes(own: &[PathBuf]) -> BTreeSet<i32> {
    let mut found = BTreeSet::new();
    let mut open = own.to_vec();
    while let Some(dir) = open.pop() {
        let text = fs::read_to_string(dir.join("cgroup.procs")).unwrap_or_default();
        found.extend(text.lines().filter_map(|line| line.parse::<i32>().ok()));
        let below = fs::read_dir(&dir).into_iter().flatten().flatten();
        open.extend(
            below.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()),
        );
    }
    found
}

/// Removes groups with all below them, as soon as the last processes in them have ended.
pub(super) async fn remove(own: &[PathBuf]) -> Result<(), SandboxError> {
    for _ in 0..TRIES {
        if remove_now(own) {
            return Ok(());
        }
        tokio::time::sleep(POLL).await;
    }
    let left: Vec<_> =
        own.iter().filter(|dir| dir.exists()).map(|dir| format!("`{}`", dir.display())).collect();
    Err(SandboxError::Wrong(format!(
        "processes are left in {}: end them, then run this again",
        left.join(", ")
    )))
}

/// Tries once to remove groups, and says whether they are gone.
fn remove_now(own: &[PathBuf]) -> bool {
    own.iter().filter(|dir| !remove_below(dir)).count() == 0
}

/// Removes a group, the deepest below it first.
fn remove_below(dir: &Path) -> bool {
    let Ok(entries) = fs::read_dir(dir) else { return !dir.exists() };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_below(&entry.path());
        }
    }
    match fs::remove_dir(dir) {
        Ok(()) => true,
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

/// Gives the controllers that limits need to the groups below one. Best effort: a container of its own, where processes
/// stand in the root, cannot; limits then do not hold there, all else does. What is given on in the root stays so: by
/// itself it changes nothing, and taken back it could be missing to a service that has begun to use it.
fn enable(dir: &Path) {
    let file = |name: &str| fs::read_to_string(dir.join(name)).unwrap_or_default();
    let (there, given) = (file("cgroup.controllers"), file("cgroup.subtree_control"));
    let has = |list: &str, controller: &str| list.split_whitespace().any(|word| word == controller);
    let missing = CONTROLLERS.iter().filter(|controller| has(&there, controller) && !has(&given, controller));
    for controller in missing {
        if let Err(error) = fs::write(dir.join("cgroup.subtree_control"), format!("+{controller}")) {
            tracing::debug!(%error, controller, dir = %dir.display(), "controller is not given on");
        }
    }
}

/// A group of `cpuset` of v1 begins with no processor and takes no process.
fn copy_cpuset(from: &Path, to: &Path) {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        if let Ok(value) = fs::read(from.join(file))
            && let Err(error) = fs::write(to.join(file), value)
        {
            tracing::debug!(%error, file, "processors are not handed on");
        }
    }
    if to.join("cpuset.cpus").exists() {
        let _ = fs::write(to.join("cgroup.clone_children"), "1");
    }
}

fn here() -> Result<Vec<Hierarchy>, SandboxError> {
    let read = |path: &str| fs::read_to_string(path).map_err(SandboxError::file("read", Path::new(path)));
    Ok(hierarchies(&read("/proc/self/mountinfo")?, &read("/proc/self/cgroup")?))
}

/// Reads the hierarchies out of `/proc/self/mountinfo` and `/proc/self/cgroup`. In v1 we stay below our own group, so
/// that its limits hold. In v2 we stand in the root: the own group, a session of a user, has processes in it and could
/// give no controller on.
fn hierarchies(mounts: &str, own: &str) -> Vec<Hierarchy> {
    let path_of = |matches: &dyn Fn(&str) -> bool| {
        own.lines().find_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            let (controllers, path) = (fields.next()?, fields.next()?);
            matches(controllers).then(|| path.to_owned())
        })
    };
    let mut found: Vec<Hierarchy> = Vec::new();
    for line in mounts.lines() {
        let Some((left, right)) = line.split_once(" - ") else { continue };
        let mut left = left.split(' ').skip(3);
        let (Some(root), Some(point)) = (left.next(), left.next()) else { continue };
        let mut right = right.split(' ');
        let hierarchy = match right.next() {
            Some("cgroup2") => Hierarchy { base: point.into(), is_unified: true },
            Some("cgroup") => {
                let options: Vec<&str> = right.nth(1).unwrap_or_default().split(',').collect();
                let path = path_of(&|controllers| {
                    !controllers.is_empty() && controllers.split(',').all(|word| options.contains(&word))
                });
                let Some(path) = path else { continue };
                let below = path.strip_prefix(root.trim_end_matches('/')).unwrap_or(&path);
                Hierarchy { base: Path::new(point).join(below.trim_start_matches('/')), is_unified: false }
            }
            Some(_) | None => continue,
        };
        if !found.iter().any(|other| other.base == hierarchy.base) {
            found.push(hierarchy);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw";

    fn bases(mounts: &str, own: &str) -> Vec<String> {
        hierarchies(mounts, own)
            .iter()
            .map(|one| format!("{} {}", one.base.display(), one.is_unified))
            .collect()
    }

    #[test]
    fn groups_of_v1_stand_below_the_own_one_and_those_of_v2_in_the_root() {
        let own = "4:memory:/process_api/1\n2:cpu,cpuacct:/\n1:name=systemd:/user.slice\n0::/user.slice/session-1.scope\n";
        assert_eq!(
            bases(HYBRID, own),
            [
                "/sys/fs/cgroup/cpu,cpuacct/ false",
                "/sys/fs/cgroup/memory/process_api/1 false",
                "/sys/fs/cgroup/systemd/user.slice false",
                "/sys/fs/cgroup/unified true",
            ]
        );
    }

    #[test]
    fn a_mount_of_a_part_of_a_hierarchy_holds_what_is_below_that_part() {
        let mounts = "35 31 0:32 /docker/ab /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";
        assert_eq!(bases(mounts, "4:memory:/docker/ab/c\n"), ["/sys/fs/cgroup/memory/c false"]);
    }

    #[test]
    fn a_hierarchy_that_this_process_is_not_in_is_left_out() {
        assert_eq!(bases(HYBRID, "4:freezer:/\n"), ["/sys/fs/cgroup/unified true"]);
    }
}
