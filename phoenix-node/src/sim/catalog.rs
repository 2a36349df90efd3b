//! What the simulated package archive knows: versions, units and groups that packages bring, names that do not
//! exist, and the appliance index of OS templates.

/// Packages with what they bring beside themselves: units.
const UNITS_OF: &[(&str, &[&str])] = &[
    ("chrony", &["chrony.service"]),
    ("containerd", &["containerd.service"]),
    ("docker-ce", &["docker.service", "docker.socket"]),
    ("docker.io", &["docker.service", "docker.socket", "containerd.service"]),
    ("fail2ban", &["fail2ban.service"]),
    ("nfs-ganesha", &["nfs-ganesha.service"]),
    ("nfs-kernel-server", &["nfs-server.service"]),
    ("nginx", &["nginx.service"]),
    ("openssh-server", &["ssh.service"]),
    ("postgresql", &["postgresql.service"]),
    ("postgresql-15", &["postgresql.service", "postgresql@15-main.service"]),
    ("postgresql-16", &["postgresql.service", "postgresql@16-main.service"]),
    ("qemu-guest-agent", &["qemu-guest-agent.service"]),
    ("redis-server", &["redis-server.service"]),
    ("rsyslog", &["rsyslog.service"]),
    ("samba", &["nmbd.service", "smbd.service"]),
    ("systemd-resolved", &["systemd-resolved.service"]),
    ("systemd-timesyncd", &["systemd-timesyncd.service"]),
    ("unattended-upgrades", &["unattended-upgrades.service"]),
];

/// Versions of well-known packages.
const VERSIONS: &[(&str, &str)] = &[
    ("bash", "5.2.21-2"),
    ("ca-certificates", "20240203"),
    ("curl", "8.5.0-2"),
    ("docker.io", "26.1.3-0"),
    ("git", "1:2.43.0-1"),
    ("locales", "2.39-0"),
    ("nginx", "1.24.0-2"),
    ("openssh-server", "1:9.6p1-3"),
    ("sudo", "1.9.15p5-3"),
    ("systemd", "255.4-1"),
    ("tzdata", "2025b-0"),
    ("vim", "2:9.1.0016-1"),
];

/// Names that no archive has: for tests of failure.
const MISSING: &[&str] = &["does-not-exist", "no-such-package", "nonexistent-package"];

/// OS templates of the appliance index: file, section, size in bytes, headline.
pub(crate) const APPLIANCES: &[(&str, &str, u64, &str)] = &[
    ("alpine-3.22-default_20250617_amd64.tar.xz", "system", 3_360_000, "LXC default image for alpine 3.22"),
    ("debian-12-standard_12.12-1_amd64.tar.zst", "system", 126_000_000, "Debian 12 Bookworm (standard)"),
    ("debian-13-standard_13.1-2_amd64.tar.zst", "system", 129_000_000, "Debian 13 Trixie (standard)"),
    ("ubuntu-22.04-standard_22.04-1_amd64.tar.zst", "system", 129_700_000, "Ubuntu 22.04 Jammy (standard)"),
    ("ubuntu-24.04-standard_24.04-2_amd64.tar.zst", "system", 142_000_000, "Ubuntu 24.04 Noble (standard)"),
];

/// Returns the version in which a package is installed.
pub(crate) fn version(package: &str, family: &str) -> String {
    let plain = VERSIONS.iter().find(|(name, _)| *name == package).map_or("1.0-1", |(_, version)| *version);
    if family.starts_with("ubuntu") { format!("{plain}ubuntu1") } else { plain.to_owned() }
}

/// Returns the units that a package brings.
pub(crate) fn units(package: &str) -> &'static [&'static str] {
    UNITS_OF.iter().find(|(name, _)| *name == package).map_or(&[], |(_, units)| units)
}

/// Tells whether the archive has a package of that name.
pub(crate) fn exists(package: &str) -> bool {
    package.len() >= 2
        && package.chars().next().is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        && package.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "+.-".contains(c))
        && !MISSING.contains(&package)
}
