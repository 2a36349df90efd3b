//! What tests find on the machine: an ssh server to log in to, LXC and QEMU, and what builds images for real guests. It is
//! installed where it is missing and can be installed; nothing of it is started by anybody but the tests.

use std::{path::Path, process::Command};

use crate::{command::run, ui};

/// Programs, and the packages of Debian that have them.
const PROGRAMS: [(&str, &str); 19] = [
    ("/usr/sbin/sshd", "openssh-server"),
    ("/usr/bin/lxc-start", "lxc"),
    ("/usr/bin/newuidmap", "uidmap"),
    ("/usr/bin/mmdebstrap", "mmdebstrap"),
    ("/usr/bin/zstd", "zstd"),
    ("/usr/bin/btrfs", "btrfs-progs"),
    ("/usr/bin/curl", "curl"),
    ("/usr/sbin/nft", "nftables"),
    ("/usr/bin/slirp4netns", "slirp4netns"),
    ("/usr/bin/ping", "iputils-ping"),
    ("/usr/bin/qemu-system-x86_64", "qemu-system-x86"),
    ("/usr/bin/qemu-img", "qemu-utils"),
    ("/usr/sbin/mkfs.ext4", "e2fsprogs"),
    ("/usr/sbin/dnsmasq", "dnsmasq-base"),
    ("/usr/bin/ganesha.nfsd", "nfs-ganesha"),
    ("/usr/share/doc/nfs-ganesha-vfs/copyright", "nfs-ganesha-vfs"),
    ("/usr/bin/nfs-cat", "libnfs-utils"),
    ("/usr/sbin/smbd", "samba"),
    ("/usr/bin/smbclient", "smbclient"),
];

fn missing() -> Vec<&'static str> {
    PROGRAMS.iter().filter(|(program, _)| !Path::new(program).exists()).map(|(_, package)| *package).collect()
}

/// Tells why nothing need or can be installed here.
pub(crate) fn obstacle() -> Option<String> {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    let wanted = missing();
    match (wanted.is_empty(), is_root, Path::new("/usr/bin/apt-get").exists()) {
        (true, ..) => Some("everything is there already".to_owned()),
        (false, true, true) => None,
        (false, false, _) => Some(format!(
            "only root can install {}; the tests that need them skip themselves",
            wanted.join(", ")
        )),
        (false, true, false) => Some(format!(
            "this is no Debian and lacks {}; the tests that need them skip themselves",
            wanted.join(", ")
        )),
    }
}

/// Installs what is missing. Where there is no way to it, tests skip themselves: that is told and is no failure.
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
    // What comes may drive out what was there: QEMU of another release takes the tools of the old one with it. So it is
    // looked a second time what is missing.
    for _ in 0..2 {
        let wanted = missing();
        if wanted.is_empty() {
            break;
        }
        let mut arguments = vec!["install", "--no-install-recommends"];
        arguments.extend(wanted);
        let installed = apt(&arguments).or_else(|_| apt(&["update"]).and_then(|()| apt(&arguments)));
        if let Err(why) = installed {
            ui::skipped("packages", &why);
            break;
        }
    }
    Ok(())
}
