//! Base worlds: what an OS template or cloud image brings. One for each family, made once and shared by all.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
};

use crate::sim::{
    gpu,
    world::{Body, Entry, Readers, Unit, User},
};

/// What an image brings.
#[derive(Debug, Default)]
pub(crate) struct Base {
    pub(crate) files: BTreeMap<String, Entry>,
    pub(crate) packages: BTreeMap<String, String>,
    pub(crate) units: BTreeMap<String, Unit>,
    pub(crate) users: BTreeMap<String, User>,
    /// Nothing: what an image brings was read long ago.
    pub(crate) unread: BTreeMap<String, Readers>,
    pub(crate) written: BTreeMap<String, u64>,
    /// What it takes on a disk, in bytes.
    pub(crate) bytes: u64,
    /// What the configuration key `ostype` says of it.
    pub(crate) ostype: &'static str,
}

/// The name of the host's own base.
pub(crate) const HOST: &str = "host";

const MIB: u64 = 1 << 20;

struct Family {
    name: &'static str,
    prefixes: &'static [&'static str],
    ostype: &'static str,
    pretty: &'static str,
    version: &'static str,
    codename: &'static str,
    mib: u64,
    extra: &'static [&'static str],
}

const FAMILIES: &[Family] = &[
    Family {
        name: "ubuntu-24.04",
        prefixes: &["ubuntu-24", "noble", "ubuntu"],
        ostype: "ubuntu",
        pretty: "Ubuntu 24.04.2 LTS",
        version: "24.04",
        codename: "noble",
        mib: 520,
        extra: &[],
    },
    Family {
        name: "ubuntu-22.04",
        prefixes: &["ubuntu-22", "jammy"],
        ostype: "ubuntu",
        pretty: "Ubuntu 22.04.5 LTS",
        version: "22.04",
        codename: "jammy",
        mib: 480,
        extra: &[],
    },
    Family {
        name: "debian-13",
        prefixes: &["debian-13", "trixie", "debian"],
        ostype: "debian",
        pretty: "Debian GNU/Linux 13 (trixie)",
        version: "13",
        codename: "trixie",
        mib: 460,
        extra: &[],
    },
    Family {
        name: "debian-12",
        prefixes: &["debian-12", "bookworm"],
        ostype: "debian",
        pretty: "Debian GNU/Linux 12 (bookworm)",
        version: "12",
        codename: "bookworm",
        mib: 430,
        extra: &[],
    },
    Family {
        name: "alpine",
        prefixes: &["alpine"],
        ostype: "alpine",
        pretty: "Alpine Linux v3.22",
        version: "3.22.0",
        codename: "",
        mib: 10,
        extra: &[],
    },
    Family {
        name: HOST,
        prefixes: &[],
        ostype: "debian",
        pretty: "Debian GNU/Linux 13 (trixie)",
        version: "13",
        codename: "trixie",
        mib: 3000,
        extra: &["pve-manager", "pve-container", "qemu-server", "zfsutils-linux", "lxc-pve", "chrony"],
    },
];

/// Returns the family that an image's file name belongs to; an unknown one counts as Debian.
pub(crate) fn family(image: &str) -> &'static str {
    let name = image.rsplit(['/', ':']).next().unwrap_or(image).to_lowercase();
    let longest = |family: &&Family| {
        family.prefixes.iter().filter(|prefix| name.starts_with(**prefix)).map(|prefix| prefix.len()).max()
    };
    FAMILIES
        .iter()
        .filter(|family| longest(family).is_some())
        .max_by_key(longest)
        .map_or("debian-13", |f| f.name)
}

/// Returns the base of a family; an empty one for an unknown name.
pub(crate) fn of(name: &str) -> &'static Base {
    static BASES: OnceLock<BTreeMap<&'static str, Base>> = OnceLock::new();
    static NONE: OnceLock<Base> = OnceLock::new();
    BASES
        .get_or_init(|| FAMILIES.iter().map(|family| (family.name, build(family))).collect())
        .get(name)
        .unwrap_or_else(|| NONE.get_or_init(Base::default))
}

fn build(family: &Family) -> Base {
    let mut base = Base { bytes: family.mib * MIB, ostype: family.ostype, ..Base::default() };
    for path in DIRECTORIES {
        base.files.insert((*path).to_owned(), Entry::root(0o755, Body::Directory));
    }
    for (path, mode) in [("/root", 0o700), ("/tmp", 0o1777), ("/var/tmp", 0o1777)] {
        base.files.insert(path.to_owned(), Entry::root(mode, Body::Directory));
    }
    let mut text = |path: &str, text: String| {
        base.files.insert(path.to_owned(), Entry::root(0o644, Body::Text(text)));
    };
    text("/etc/os-release", os_release(family));
    text("/etc/hosts", "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n".to_owned());
    text("/etc/resolv.conf", "# managed by the node\n".to_owned());
    text("/etc/machine-id", String::new());
    text("/proc/devices", gpu::devices(false));
    text("/etc/shells", "/bin/sh\n/bin/bash\n/usr/bin/bash\n".to_owned());
    if family.ostype == "alpine" {
        base.units.clear();
        base.packages.insert("alpine-base".to_owned(), "3.22.0-r0".to_owned());
    } else {
        debian_like(family, &mut base);
    }
    for (name, uid, shell, home) in [
        ("root", 0, "/bin/bash", "/root"),
        ("daemon", 1, "/usr/sbin/nologin", "/usr/sbin"),
        ("www-data", 33, "/usr/sbin/nologin", "/var/www"),
        ("nobody", 65534, "/usr/sbin/nologin", "/nonexistent"),
    ] {
        let user = User {
            uid,
            shell: if family.ostype == "alpine" && uid == 0 { "/bin/sh" } else { shell }.to_owned(),
            home: home.to_owned(),
            groups: BTreeSet::new(),
            password: false,
        };
        base.users.insert(name.to_owned(), user);
    }
    base
}

fn debian_like(family: &Family, base: &mut Base) {
    for name in PACKAGES.iter().chain(family.extra) {
        base.packages.insert((*name).to_owned(), crate::sim::catalog::version(name, family.name));
    }
    for (name, enabled) in UNITS {
        base.units.insert((*name).to_owned(), Unit { active: *enabled, enabled: *enabled });
    }
    if family.name == HOST {
        for name in ["pveproxy.service", "pvedaemon.service", "pve-firewall.service", "chrony.service"] {
            base.units.insert(name.to_owned(), Unit { active: true, enabled: true });
        }
    }
    let locales = "# This file lists locales that you wish to have built.\n# de_DE.UTF-8 UTF-8\n# en_GB.UTF-8 UTF-8\n# en_US.UTF-8 UTF-8\n# fr_FR.UTF-8 UTF-8\n";
    for (path, text) in [
        ("/etc/locale.gen", locales),
        ("/etc/default/locale", "LANG=C.UTF-8\n"),
        ("/etc/timezone", "Etc/UTC\n"),
        ("/etc/ssh/sshd_config", "Include /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\n"),
        ("/etc/ssl/certs/ca-certificates.crt", "# the bundle of the distribution\n"),
        ("/etc/ca-certificates.conf", "mozilla/ISRG_Root_X1.crt\n"),
    ] {
        base.files.insert(path.to_owned(), Entry::root(0o644, Body::Text(text.to_owned())));
    }
    for zone in ZONES {
        let path = format!("/usr/share/zoneinfo/{zone}");
        base.files.insert(path, Entry::root(0o644, Body::Text(format!("TZif {zone}\n"))));
    }
    let utc = Entry::root(0o777, Body::Link("/usr/share/zoneinfo/Etc/UTC".to_owned()));
    base.files.insert("/etc/localtime".to_owned(), utc);
}

fn os_release(family: &Family) -> String {
    let Family { ostype, pretty, version, codename, .. } = family;
    let name = pretty.split(' ').next().unwrap_or(pretty);
    format!(
        "PRETTY_NAME=\"{pretty}\"\nNAME=\"{name}\"\nVERSION_ID=\"{version}\"\nVERSION_CODENAME={codename}\nID={ostype}\n"
    )
}

const DIRECTORIES: &[&str] = &[
    "/",
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/etc/apt",
    "/etc/apt/sources.list.d",
    "/etc/default",
    "/etc/ssh",
    "/etc/ssh/sshd_config.d",
    "/etc/ssl",
    "/etc/ssl/certs",
    "/etc/sudoers.d",
    "/etc/systemd",
    "/etc/systemd/system",
    "/home",
    "/lib",
    "/mnt",
    "/opt",
    "/proc",
    "/run",
    "/sbin",
    "/srv",
    "/sys",
    "/usr",
    "/usr/bin",
    "/usr/lib",
    "/usr/lib/locale",
    "/usr/local",
    "/usr/local/bin",
    "/usr/local/share",
    "/usr/local/share/ca-certificates",
    "/usr/sbin",
    "/usr/share",
    "/usr/share/zoneinfo",
    "/usr/share/zoneinfo/Etc",
    "/usr/share/zoneinfo/Europe",
    "/usr/share/zoneinfo/America",
    "/usr/share/zoneinfo/Asia",
    "/usr/share/zoneinfo/Australia",
    "/var",
    "/var/cache",
    "/var/lib",
    "/var/log",
    "/var/www",
];

const PACKAGES: &[&str] = &[
    "adduser",
    "apt",
    "base-files",
    "bash",
    "ca-certificates",
    "coreutils",
    "cron",
    "dbus",
    "dpkg",
    "e2fsprogs",
    "grep",
    "gzip",
    "hostname",
    "ifupdown2",
    "iproute2",
    "libc-bin",
    "locales",
    "login",
    "netbase",
    "openssh-client",
    "openssh-server",
    "passwd",
    "perl-base",
    "procps",
    "sed",
    "systemd",
    "tar",
    "tzdata",
    "udev",
    "util-linux",
];

const UNITS: &[(&str, bool)] = &[
    ("cron.service", true),
    ("dbus.service", true),
    ("multi-user.target", true),
    ("networking.service", true),
    ("ssh.service", true),
    ("systemd-journald.service", true),
    ("systemd-logind.service", true),
    ("systemd-networkd.service", false),
    ("systemd-resolved.service", false),
    ("systemd-timesyncd.service", false),
];

/// Time zones that are known everywhere.
pub(crate) const ZONES: &[&str] = &[
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Asia/Shanghai",
    "Asia/Tokyo",
    "Australia/Sydney",
    "Etc/UTC",
    "Europe/Amsterdam",
    "Europe/Berlin",
    "Europe/London",
    "Europe/Madrid",
    "Europe/Paris",
    "Europe/Rome",
    "Europe/Vienna",
    "Europe/Zurich",
    "UTC",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_find_their_family() {
        assert_eq!(family("local:vztmpl/ubuntu-24.04-standard_24.04-2_amd64.tar.zst"), "ubuntu-24.04");
        assert_eq!(family("noble-server-cloudimg-amd64.img"), "ubuntu-24.04");
        assert_eq!(family("local:import/debian-12-genericcloud-amd64.qcow2"), "debian-12");
        assert_eq!(family("something-else.qcow2"), "debian-13");
    }
}
