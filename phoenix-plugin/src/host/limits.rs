//! Limits of a plugin's process. They keep a fault from hurting the machine, and where the kernel has Landlock, the
//! plugin from reading what is not its business; they are no wall against one who means harm.

use std::time::Duration;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, PathBeneath, PathFd, Ruleset,
    RulesetAttr as _, RulesetCreatedAttr as _, Scope,
};
use rustix::{
    process::{Resource, Rlimit, setrlimit},
    time::{ClockId, clock_gettime},
};

/// Address space, in bytes: Phoenix itself, the plugin, and what it works with.
const MEMORY: u64 = 2 << 30;
/// Open files.
const FILES: u64 = 64;
/// What may be read and executed: the system's libraries and their data, nothing of any user.
const SYSTEM: [&str; 7] =
    ["/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/ld.so.preload", "/dev/null", "/dev/urandom"];

/// Sets all that holds for the whole life of the process.
pub(super) fn set() {
    let fixed = |most| Rlimit { current: Some(most), maximum: Some(most) };
    // Where a limit is lower already, it cannot be raised and need not be.
    for (resource, most) in [
        (Resource::Core, 0),
        (Resource::Fsize, 0),
        (Resource::Nofile, FILES),
        (Resource::As, MEMORY),
        (Resource::Memlock, 0),
    ] {
        let _ = setrlimit(resource, fixed(most));
    }
    // An old kernel without it leaves the limits above.
    let _ = confine();
}

/// Lets the process have so much more time on the processor.
pub(super) fn allow_cpu(time: Duration) {
    let used = clock_gettime(ClockId::ProcessCPUTime).tv_sec.unsigned_abs();
    let most = used.saturating_add(time.as_secs()).saturating_add(2);
    let _ = setrlimit(Resource::Cpu, Rlimit { current: Some(most), maximum: None });
}

fn confine() -> Result<(), landlock::RulesetError> {
    let abi = ABI::V6;
    let read = AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::Execute;
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::from_all(abi))?
        .scope(Scope::from_all(abi))?
        .create()?;
    for path in SYSTEM {
        let Ok(file) = PathFd::new(path) else { continue };
        let is_directory = std::fs::metadata(path).is_ok_and(|meta| meta.is_dir());
        let access = if is_directory { read } else { read & AccessFs::from_file(abi) };
        rules = rules.add_rule(PathBeneath::new(file, access))?;
    }
    rules.restrict_self()?;
    Ok(())
}
