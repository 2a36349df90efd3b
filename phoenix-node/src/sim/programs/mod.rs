//! The programs that a simulated site has: the one table. Anything else ends with status 127, as a missing program
//! does.

mod accounts;
mod apt;
mod disks;
mod docker;
mod files;
pub(crate) mod kernel;
mod locale;
mod names;
mod nvidia;
mod openssl;
mod packages;
mod portainer;
mod step;
mod text;
mod time;
mod units;
mod web;
mod zfs;

use crate::sim::world::World;

/// How a program ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A program at work.
pub(crate) struct Run<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) args: &'a [String],
    pub(crate) stdin: Option<&'a [u8]>,
}

type Program = fn(Run<'_>) -> Ran;

const PROGRAMS: &[(&str, Program)] = &[
    ("[", text::test),
    ("apt-cache", apt::apt_cache),
    ("apt-get", apt::apt_get),
    ("blkid", disks::blkid),
    ("cat", text::cat),
    ("chmod", files::chmod),
    ("chown", files::chown),
    ("chpasswd", accounts::chpasswd),
    ("curl", web::curl),
    ("docker", docker::docker),
    ("dpkg-query", packages::dpkg_query),
    ("echo", text::echo),
    ("env", step::env),
    ("false", text::fail),
    ("find", files::find),
    ("findmnt", disks::findmnt),
    ("getent", accounts::getent),
    ("grep", text::grep),
    ("hostname", text::hostname),
    ("id", accounts::id),
    ("install", files::install),
    ("locale", locale::locale),
    ("locale-gen", locale::locale_gen),
    ("ls", text::ls),
    ("lsblk", disks::lsblk),
    ("lspci", kernel::lspci),
    ("make-authority", step::make_authority),
    ("modinfo", kernel::modinfo),
    ("modprobe", nvidia::modprobe),
    ("mv", files::mv),
    ("nvidia-ctk", nvidia::ctk),
    ("nvidia-smi", nvidia::smi),
    ("openssl", openssl::openssl),
    ("revoke-certificate", step::revoke_certificate),
    ("phoenix-dns-ask", names::ask),
    ("portainer-api", portainer::api),
    ("phoenix-nfs-ask", names::ask_nfs),
    ("proxmox-boot-tool", kernel::boot_tool),
    ("readlink", disks::readlink),
    ("runuser", step::runuser),
    ("phoenix-samba-ask", names::ask_samba),
    ("ssh-keygen", packages::ssh_keygen),
    ("sign-certificate", step::sign_certificate),
    ("stat", files::stat),
    ("step", step::step),
    ("systemctl", units::systemctl),
    ("tee", kernel::tee),
    ("test", text::test),
    ("timedatectl", time::timedatectl),
    ("touch", files::touch),
    ("true", text::succeed),
    ("uname", kernel::uname),
    ("update-ca-certificates", packages::update_ca_certificates),
    ("update-grub", kernel::update_grub),
    ("update-initramfs", kernel::update_initramfs),
    ("update-locale", locale::update_locale),
    ("usermod", accounts::usermod),
    ("wipefs", disks::wipefs),
    ("zfs", zfs::zfs),
    ("zpool", zfs::zpool),
];

/// Runs a program in a world.
pub(crate) fn run(world: &mut World, argv: &[String], stdin: Option<&[u8]>) -> Ran {
    let Some((name, args)) = argv.split_first() else { return Ran::failed(127, "no command") };
    match find(name) {
        Some(program) => program(Run { world, args, stdin }),
        None if leads_on(world, argv) => {
            let inner = inner(world, argv).to_vec();
            run(world, &inner, stdin)
        }
        None if world.said(&argv.join("\0")).is_some() => {
            Ran::said(world.said(&argv.join("\0")).map(|said| said.0.clone()).unwrap_or_default())
        }
        None => Ran::failed(127, format!("{name}: command not found")),
    }
}

/// Returns the command that others only lead to: what is behind `env` and its variables, behind the options of
/// `runuser`, and behind the words of a script that becomes the program that they end with.
pub(crate) fn inner<'a>(world: &World, argv: &'a [String]) -> &'a [String] {
    let Some((name, args)) = argv.split_first() else { return argv };
    let at = match base_name(name) {
        "env" => args.iter().position(|word| !word.contains('=')),
        "runuser" => args.iter().position(|word| word == "--").map(|at| at + 1),
        _ if leads_on(world, argv) => args.iter().position(|word| word == "--").map(|at| at + 1),
        _ => None,
    };
    at.filter(|at| *at < args.len()).map_or(argv, |at| inner(world, &args[at..]))
}

/// Tells whether a command is a script that becomes the program behind its `--`.
fn leads_on(world: &World, argv: &[String]) -> bool {
    let text = argv.first().filter(|name| name.starts_with('/')).and_then(|name| world.text(name));
    text.is_some_and(|text| text.starts_with("#!") && text.trim_end().ends_with("exec \"$@\""))
        && argv.iter().any(|word| word == "--")
}

/// Tells whether a site has a program of that name by nature.
pub(crate) fn is_known(name: &str) -> bool {
    find(name).is_some()
}

/// Tells whether a command takes a while.
pub(crate) fn is_slow(argv: &[String]) -> bool {
    let name = argv.first().map_or("", |name| base_name(name));
    matches!(name, "locale-gen" | "update-ca-certificates" | "ssh-keygen")
}

fn find(name: &str) -> Option<Program> {
    PROGRAMS.iter().find(|(known, _)| *known == base_name(name)).map(|(_, program)| *program)
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

impl Ran {
    /// Returns success with this output.
    pub(crate) fn said(stdout: impl Into<String>) -> Self {
        Self { stdout: stdout.into(), ..Self::default() }
    }

    /// Returns a failure with this complaint.
    pub(crate) fn failed(status: i32, stderr: impl Into<String>) -> Self {
        let mut stderr = stderr.into();
        if !stderr.is_empty() && !stderr.ends_with('\n') {
            stderr.push('\n');
        }
        Self { status, stdout: String::new(), stderr }
    }
}

impl<'a> Run<'a> {
    /// Returns the arguments as plain texts.
    pub(crate) fn words(&self) -> Vec<&'a str> {
        self.args.iter().map(String::as_str).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Runs a command line in a world.
    pub(crate) fn say(world: &mut World, line: &str) -> Ran {
        let argv: Vec<String> = line.split(' ').map(str::to_owned).collect();
        run(world, &argv, None)
    }

    #[test]
    fn an_unknown_program_is_missing() {
        assert_eq!(say(&mut World::of_image("ubuntu"), "frobnicate --all").status, 127);
    }

    #[test]
    fn a_program_is_found_by_its_path_too() {
        assert_eq!(say(&mut World::of_image("ubuntu"), "/usr/bin/true").status, 0);
    }
}
