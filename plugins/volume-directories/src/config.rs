//! What the user writes for `volume-directories`.

use std::{collections::BTreeMap, path::Path};

use phoenix_core::{Problems, path};
use schemars::JsonSchema;
use serde::Deserialize;

/// What is the system's, with all below it.
const SYSTEM: [&str; 14] = [
    "/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/proc", "/root", "/run", "/sbin", "/sys",
    "/tmp", "/usr",
];

/// The configuration of `volume-directories`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The directories. What is in them is nobody's but the guests'.
    pub directories: Vec<Directory>,
}

/// A directory of the host.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Directory {
    /// The absolute path.
    pub path: String,
    /// The owner, as the host numbers him: `100000 + N` is the user N of an unprivileged container.
    #[serde(default)]
    pub uid: u32,
    /// The group, as the host numbers it.
    #[serde(default)]
    pub gid: u32,
    /// Permissions in octal.
    #[serde(default = "private")]
    pub mode: String,
    /// Owner and mode are given to it when it is made; from then on they are its guests' to change.
    #[serde(default)]
    pub once: bool,
    /// Everybody may write to it, and nobody remove what is another's: its mode is `1777`.
    #[serde(default)]
    pub world_writable: bool,
}

fn private() -> String {
    "0750".to_owned()
}

impl Directory {
    /// Returns the permission bits; none if they are none.
    pub fn bits(&self) -> Option<u32> {
        let is_octal =
            (3..=4).contains(&self.mode.len()) && self.mode.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
        u32::from_str_radix(&self.mode, 8).ok().filter(|_| is_octal)
    }
}

impl Config {
    /// Returns what is wrong with it as a whole.
    pub fn problems(&self) -> Problems {
        let mut problems = Problems::default();
        let mut paths: BTreeMap<&str, usize> = BTreeMap::new();
        for (at, directory) in self.directories.iter().enumerate() {
            let path = directory.path.as_str();
            let pointer = format!("/directories/{at}/path");
            if !path::is_plain(path) {
                problems.add(pointer, format!("`{path}` is no absolute path of plain letters"));
            } else if is_of_the_system(path) {
                let hint = "name a directory of its own, such as `/srv/NAME`";
                problems.refuse(pointer, format!("`{path}` is the system's"), hint);
            } else if paths.insert(path, at).is_some() {
                problems.add(pointer, format!("the directory `{path}` is there twice"));
            }
            mode(&mut problems, &format!("/directories/{at}/mode"), directory);
        }
        // Who owns the outer one could put a link in the inner one's place, and be given what it leads to.
        for (path, at) in &paths {
            let outer = paths.keys().find(|outer| *outer != path && Path::new(path).starts_with(outer));
            if let Some(outer) = outer {
                problems.refuse(
                    format!("/directories/{at}/path"),
                    format!("`{path}` is in `{outer}`, whose owner may be another"),
                    "put them side by side",
                );
            }
        }
        problems
    }
}

fn mode(problems: &mut Problems, pointer: &str, directory: &Directory) {
    let path = &directory.path;
    match directory.bits() {
        None => problems.add(pointer, format!("`{}` is no mode in octal, such as `0750`", directory.mode)),
        Some(bits) if bits & 0o002 != 0 && !directory.world_writable => problems.refuse(
            pointer,
            format!("everybody could write to `{path}`"),
            "give it an owner, and a mode such as `0750` or `0770`",
        ),
        Some(bits) if bits & 0o1002 == 0o002 => problems.refuse(
            pointer,
            format!("everybody could remove what others have in `{path}`"),
            "write `1777`, as `/tmp` has it",
        ),
        Some(_) => {}
    }
}

fn is_of_the_system(path: &str) -> bool {
    let is_below = SYSTEM.iter().any(|system| Path::new(path).starts_with(system));
    // `/srv` and `/var/lib` themselves are others' too.
    is_below
        || path.matches('/').count() < 2
        || matches!(path, "/var/lib" | "/var/log" | "/var/cache" | "/var/tmp" | "/mnt/pve")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(directories: &[(&str, &str, bool)]) -> Vec<String> {
        let directory = |(path, mode, world_writable): &(&str, &str, bool)| Directory {
            path: (*path).to_owned(),
            uid: 0,
            gid: 0,
            mode: (*mode).to_owned(),
            once: false,
            world_writable: *world_writable,
        };
        let config = Config { directories: directories.iter().map(directory).collect() };
        config.problems().into_iter().map(|problem| problem.message).collect()
    }

    #[test]
    fn no_directory_is_everybodys_unless_that_is_said_and_then_nobody_removes_what_is_anothers() {
        assert_eq!(
            said(&[("/srv/a", "0750", false), ("/srv/b", "770", false), ("/srv/c", "1777", true)]),
            [""; 0]
        );
        assert_eq!(said(&[("/srv/a", "0777", false)]), ["everybody could write to `/srv/a`"]);
        assert_eq!(
            said(&[("/srv/a", "0777", true)]),
            ["everybody could remove what others have in `/srv/a`"]
        );
        assert_eq!(said(&[("/srv/a", "rwx", false)]), ["`rwx` is no mode in octal, such as `0750`"]);
    }

    #[test]
    fn what_is_the_systems_or_anothers_is_refused() {
        for path in ["/etc/a", "/srv", "/usr/share/a", "/var/lib", "/proc/1"] {
            assert_eq!(said(&[(path, "0750", false)]), [format!("`{path}` is the system's")]);
        }
        for path in ["srv/a", "/srv/../etc", "/srv//a", "/srv/a b", "/srv/a/"] {
            assert_eq!(said(&[(path, "0750", false)]).len(), 1, "{path}");
        }
        let nested = [("/srv/a", "0750", false), ("/srv/a/b", "0750", false), ("/srv/ab", "0750", false)];
        assert_eq!(said(&nested), ["`/srv/a/b` is in `/srv/a`, whose owner may be another"]);
    }
}
