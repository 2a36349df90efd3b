//! What a container shall be, and the file that tells LXC so.

use std::{fmt::Write as _, path::PathBuf};

use crate::{disks::SHIFT, exports, limits::limits};

/// Where root file systems are mounted inside the sandbox.
pub(crate) const ROOTS: &str = "/run/phoenix/roots";
/// Where programs that containers are given lie in it.
pub(crate) const HELPERS: &str = "/run/phoenix/helpers";
/// How many ids an unprivileged container has.
const IDS: u32 = 65_536;

/// What a container shall be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerSpec {
    /// Its number, which is also its name.
    pub vmid: u32,
    /// Its host name.
    pub hostname: String,
    /// Whether its root is nobody on the host.
    pub unprivileged: bool,
    /// The disk that is its root file system.
    pub root: String,
    /// What else is mounted.
    pub mounts: Vec<Mount>,
    /// Its network cards.
    pub nets: Vec<Net>,
    /// Memory in bytes.
    pub memory: u64,
    /// Swap in bytes, beside the memory.
    pub swap: u64,
    /// How many CPUs it sees; all if not given.
    pub cores: Option<u32>,
    /// How much of a CPU's time it may take, in hundredths.
    pub cpu_percent: Option<u32>,
    /// Its weight against other containers, in the units of cgroup version 1 (1024 by default).
    pub cpu_shares: Option<u32>,
    /// Whether containers run in it.
    pub nesting: bool,
    /// Whether it may mount by NFS. The kernel need not be able to: what the host exports to it is given to it.
    pub nfs: bool,
    /// Devices of the host, by path.
    pub devices: Vec<String>,
    /// Lines for LXC, as they are.
    pub raw: Vec<(String, String)>,
    /// Name servers.
    pub nameservers: Vec<String>,
    /// Where short names are looked for.
    pub search_domain: Option<String>,
    /// Its time zone, such as `Europe/Berlin`.
    pub timezone: Option<String>,
}

/// Something that is mounted in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Where.
    pub target: String,
    /// What.
    pub source: MountSource,
    /// Whether nobody may write to it.
    pub read_only: bool,
}

/// What is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MountSource {
    /// A disk of the sandbox, with what it may hold.
    Volume {
        /// Its name.
        id: String,
        /// Bytes; without a limit if it is none.
        size: u64,
    },
    /// A directory of the sandbox's host.
    Path(String),
    /// One that the host exports to the container: its owners are the same numbers inside.
    Export(String),
}

/// A network card.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Net {
    /// Its place, `0` for `net0`.
    pub index: u32,
    /// Its name in the container.
    pub name: String,
    /// The bridge that it hangs on.
    pub bridge: Option<String>,
    /// Its hardware address.
    pub mac: Option<String>,
    /// Its addresses with the lengths of their prefixes.
    pub addresses: Vec<String>,
    /// Where everything else goes.
    pub gateways: Vec<String>,
    /// The largest packet.
    pub mtu: Option<u32>,
}

/// What of the machine the file depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Machine {
    /// How many CPUs it has.
    pub(crate) cpus: u32,
    /// Where the disks of mounts are, in the order of the mounts.
    pub(crate) sources: Vec<PathBuf>,
    /// Whether its kernel can limit swap: LXC refuses to start what it cannot limit.
    pub(crate) counts_swap: bool,
}

/// Returns how many CPUs this machine has.
pub(crate) fn cpus() -> u32 {
    std::thread::available_parallelism().map_or(1, |count| u32::try_from(count.get()).unwrap_or(1))
}

/// Returns LXC's file for a container.
pub(crate) fn render(spec: &ContainerSpec, machine: &Machine) -> String {
    let mut file = Lines::default();
    file.put("lxc.include", "/usr/share/lxc/config/common.conf");
    if spec.unprivileged {
        file.put("lxc.include", "/usr/share/lxc/config/userns.conf");
        for kind in ["u", "g"] {
            file.put("lxc.idmap", format!("{kind} 0 {SHIFT} {IDS}"));
        }
    }
    file.put("lxc.arch", std::env::consts::ARCH);
    file.put("lxc.uts.name", &spec.hostname);
    if spec.hostname.chars().all(|letter| letter.is_ascii_alphanumeric() || ".-".contains(letter)) {
        // Before its init, which would take the name of what it was cloned from.
        // LXC parts the words at spaces, whatever is around them; the shell puts them back.
        let script = format!("/bin/sh -c echo${{IFS}}{}>/etc/hostname;exec${{IFS}}/sbin/init", spec.hostname);
        file.put("lxc.init.cmd", script);
    }
    file.put("lxc.rootfs.path", format!("dir:{ROOTS}/{}", spec.vmid));
    file.put("lxc.apparmor.profile", "unconfined");
    // systemd powers off at this; the default of LXC is for other programs.
    file.put("lxc.signal.halt", "SIGRTMIN+4");
    file.put("lxc.console.path", "none");
    file.put("lxc.tty.max", "0");
    file.put(
        "lxc.mount.auto",
        if spec.nesting { "proc:rw sys:rw cgroup:rw" } else { "proc:mixed sys:mixed cgroup:mixed" },
    );
    // Mounted before its init looks: under load systemd misses that its own mount has come, and is degraded.
    file.put("lxc.mount.entry", "mqueue dev/mqueue mqueue rw,nosuid,nodev,noexec,create=dir,optional 0 0");
    if spec.nesting {
        file.put("lxc.mount.entry", "proc dev/.lxc/proc proc create=dir,optional 0 0");
        file.put("lxc.mount.entry", "sys dev/.lxc/sys sysfs create=dir,optional 0 0");
        file.put("lxc.mount.entry", "/dev/fuse dev/fuse none bind,create=file,optional 0 0");
        if !spec.unprivileged {
            // What runs in it makes containers of its own, with devices of its own.
            file.put("lxc.cap.drop", "");
            for key in ["lxc.cgroup.devices.allow", "lxc.cgroup2.devices.allow"] {
                file.put(key, "a");
            }
        }
    }
    for limit in limits(spec, machine.cpus) {
        if let Some(value) = limit.value.clone().filter(|_| machine.counts_swap || !limit.is_of_swap()) {
            file.put(&limit.key(), value);
        }
    }
    for (mount, source) in spec.mounts.iter().zip(&machine.sources) {
        let access = if mount.read_only { "bind,ro" } else { "bind" };
        let owners = match mount.source {
            MountSource::Export(_) if spec.unprivileged => ",idmap=container",
            MountSource::Export(_) | MountSource::Path(_) | MountSource::Volume { .. } => "",
        };
        let target = mount.target.trim_start_matches('/');
        let entry = format!(
            "{} {} none {access}{owners},create=dir 0 0",
            escaped(&source.display().to_string()),
            escaped(target)
        );
        file.put("lxc.mount.entry", entry);
    }
    if spec.nfs {
        file.put(
            "lxc.mount.entry",
            format!("{HELPERS}/{} usr/sbin/mount.nfs none bind,ro,create=file,optional 0 0", exports::HELPER),
        );
    }
    for device in &spec.devices {
        let target = device.trim_start_matches('/');
        file.put(
            "lxc.mount.entry",
            format!("{} {} none bind,create=file 0 0", escaped(device), escaped(target)),
        );
    }
    for net in &spec.nets {
        network(spec.vmid, net, &mut file);
    }
    for (key, value) in &spec.raw {
        file.put(key, value);
    }
    file.0
}

fn network(vmid: u32, net: &Net, file: &mut Lines) {
    let key = |name: &str| format!("lxc.net.{}.{name}", net.index);
    file.put(&key("type"), "veth");
    if let Some(bridge) = &net.bridge {
        file.put(&key("link"), bridge);
    }
    file.put(&key("veth.pair"), format!("veth{vmid}i{}", net.index));
    file.put(&key("flags"), "up");
    file.put(&key("name"), &net.name);
    if let Some(mac) = &net.mac {
        file.put(&key("hwaddr"), mac);
    }
    if let Some(mtu) = net.mtu {
        file.put(&key("mtu"), mtu);
    }
    let family = |address: &str| if address.contains(':') { "ipv6" } else { "ipv4" };
    for address in &net.addresses {
        file.put(&key(&format!("{}.address", family(address))), address);
    }
    for gateway in &net.gateways {
        file.put(&key(&format!("{}.gateway", family(gateway))), gateway);
    }
}

/// Returns a path as mount tables write it.
fn escaped(path: &str) -> String {
    path.replace('\\', "\\134").replace(' ', "\\040").replace('\t', "\\011").replace('\n', "\\012")
}

#[derive(Default)]
struct Lines(String);

impl Lines {
    /// Writes a line. A value with a line end would be two; what comes behind it is no value of ours.
    fn put(&mut self, key: &str, value: impl ToString) {
        let value = value.to_string();
        let value = value.lines().next().unwrap_or_default();
        let _ = writeln!(self.0, "{key} = {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> ContainerSpec {
        ContainerSpec {
            vmid: 101,
            hostname: "gw".to_owned(),
            root: "local_101-disk-0".to_owned(),
            memory: 128 << 20,
            swap: 64 << 20,
            ..ContainerSpec::default()
        }
    }

    fn machine(sources: &[&str]) -> Machine {
        Machine { cpus: 4, sources: sources.iter().map(PathBuf::from).collect(), counts_swap: false }
    }

    #[test]
    fn a_card_has_the_name_of_its_guest_and_its_addresses_by_family() {
        let net = Net {
            name: "eth0".to_owned(),
            bridge: Some("vmbr0".to_owned()),
            addresses: vec!["10.0.0.153/24".to_owned(), "fd00::2/64".to_owned()],
            gateways: vec!["10.0.0.1".to_owned()],
            ..Net::default()
        };
        let file = render(&ContainerSpec { nets: vec![net], ..spec() }, &machine(&[]));
        for line in [
            "lxc.net.0.veth.pair = veth101i0",
            "lxc.net.0.ipv4.address = 10.0.0.153/24",
            "lxc.net.0.ipv6.address = fd00::2/64",
            "lxc.net.0.ipv4.gateway = 10.0.0.1",
            "lxc.cgroup.memory.limit_in_bytes = 134217728",
            "lxc.cgroup2.memory.max = 134217728",
            "lxc.mount.entry = mqueue dev/mqueue mqueue rw,nosuid,nodev,noexec,create=dir,optional 0 0",
        ] {
            assert!(file.lines().any(|found| found == line), "`{line}` in\n{file}");
        }
        assert!(!file.contains("lxc.idmap") && !file.contains("swap") && !file.contains("memsw"));
        let file = render(&spec(), &Machine { counts_swap: true, ..machine(&[]) });
        assert!(file.contains("lxc.cgroup.memory.memsw.limit_in_bytes = 201326592\n"));
        assert!(file.contains("lxc.cgroup2.memory.swap.max = 67108864\n"));
    }

    #[test]
    fn an_unprivileged_container_has_ids_of_its_own_and_no_devices() {
        let file = render(&ContainerSpec { unprivileged: true, nesting: true, ..spec() }, &machine(&[]));
        assert!(file.contains("lxc.idmap = u 0 100000 65536\n"));
        assert!(!file.contains("devices.allow = a"));
    }

    #[test]
    fn values_stay_on_their_line_and_paths_are_one_word() {
        let mount = Mount {
            target: "/my data".to_owned(),
            source: MountSource::Path("/srv/a".to_owned()),
            read_only: true,
        };
        let hostile =
            ContainerSpec { hostname: "a\nlxc.cap.drop =".to_owned(), mounts: vec![mount], ..spec() };
        let file = render(&hostile, &machine(&["/srv/a"]));
        assert!(file.contains("lxc.uts.name = a\n") && !file.contains("lxc.cap.drop"));
        assert!(file.contains("/srv/a my\\040data none bind,ro,create=dir 0 0"));
    }
}
