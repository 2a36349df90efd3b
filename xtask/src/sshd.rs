//! An ssh server for the tests that log in to one: it is installed where it is missing and can be installed, and started
//! by nobody but the tests.

use std::{path::Path, process::Command};

use crate::{command::run, ui};

/// Tells why no ssh server need or can be installed here.
pub(crate) fn obstacle() -> Option<&'static str> {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    match (Path::new("/usr/sbin/sshd").exists(), is_root, Path::new("/usr/bin/apt-get").exists()) {
        (true, ..) => Some("there is one already"),
        (false, true, true) => None,
        (false, false, _) => Some("only root can install one, and the tests that need it skip themselves"),
        (false, true, false) => Some("this is no Debian, and the tests that need one skip themselves"),
    }
}

/// Installs an ssh server. Without one, and without a way to one, tests skip themselves: that is told and is no failure.
pub(crate) fn install() -> Result<(), String> {
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        // In run level 1 Debian starts no service that it installs.
        run(command
            .args(["-q", "-y"])
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("RUNLEVEL", "1"))
    };
    let package = ["install", "--no-install-recommends", "openssh-server"];
    let installed = apt(&package).or_else(|_| apt(&["update"]).and_then(|()| apt(&package)));
    if let Err(why) = installed {
        ui::skipped("ssh-server", &why);
    }
    Ok(())
}
