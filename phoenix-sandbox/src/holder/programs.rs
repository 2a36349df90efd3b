//! The programs that a sandbox needs, and the packages that bring them.

use std::path::PathBuf;

use crate::error::SandboxError;

/// Where programs are sought besides `PATH`, which on Debian lacks `sbin` for users.
const PLACES: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// A program, and the package of Debian and Ubuntu that has it.
const NEEDED: [(&str, &str); 11] = [
    ("ip", "iproute2"),
    ("losetup", "mount"),
    ("lxc-attach", "lxc"),
    ("lxc-start", "lxc"),
    ("lxc-stop", "lxc"),
    ("mount", "mount"),
    ("newuidmap", "uidmap"),
    ("nsenter", "util-linux"),
    ("pivot_root", "util-linux"),
    ("setsid", "util-linux"),
    ("unshare", "util-linux"),
];

/// What only an uplink needs.
const UPLINK: [(&str, &str); 2] = [("nft", "nftables"), ("slirp4netns", "slirp4netns")];

/// Returns all that this machine lacks for real containers.
pub fn lacking() -> Vec<SandboxError> {
    let mut found = Vec::new();
    if !rustix::process::geteuid().is_root() {
        found.push(SandboxError::NotRoot);
    }
    found.extend(NEEDED.iter().filter_map(|need| find(need.0, need.1).err()));
    found
}

/// Returns all that this machine lacks for an uplink of a sandbox.
pub fn lacking_for_uplink() -> Vec<SandboxError> {
    UPLINK.iter().filter_map(|need| find(need.0, need.1).err()).collect()
}

/// Finds a program of this machine, as an absolute path.
pub(crate) fn find(program: &str, package: &str) -> Result<PathBuf, SandboxError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .filter(|place| place.is_absolute())
        .chain(PLACES.iter().map(PathBuf::from))
        .map(|place| place.join(program))
        .find(|file| file.is_file())
        .ok_or_else(|| SandboxError::Missing { program: program.to_owned(), package: package.to_owned() })
}

/// Returns the `PATH` of what runs for a sandbox.
pub(super) fn path() -> String {
    PLACES.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_without_a_path_and_one_that_is_missing_names_its_package() {
        assert!(find("sh", "dash").expect("is on every machine").is_absolute());
        let error = find("phoenix-has-no-such-program", "the-package").expect_err("is missing").to_string();
        assert!(error.contains("apt-get install the-package"), "{error}");
    }
}
