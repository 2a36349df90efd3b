//! What the calls know: tables of parameters, the option tables of both kinds of guest among them.

/// What a parameter may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// A list of words.
    List,
    /// `0` or `1`.
    Bool,
    /// A whole number between these.
    Int(i64, i64),
    /// A number of at least this.
    Number(f64),
    /// A guest's number.
    Vmid,
    /// One of these words.
    Enum(&'static [&'static str]),
    /// A digest.
    Digest,
    /// A size, with a plus sign for growth.
    Size,
    /// A host name.
    DnsName,
    /// Tags.
    Tags,
    /// The name of a snapshot.
    ConfigId,
    /// A container's network interface.
    NetLxc,
    /// A virtual machine's network interface.
    NetVm,
    /// A container's volume or mount.
    MountPoint,
}

/// A parameter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spec {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
}

/// Returns a parameter that may be left out.
pub(crate) const fn may(name: &'static str, kind: Kind) -> Spec {
    Spec { name, kind, required: false }
}

/// Returns a parameter that must be given.
pub(crate) const fn must(name: &'static str, kind: Kind) -> Spec {
    Spec { name, kind, required: true }
}

const MAX: i64 = i64::MAX;

/// The options of a container.
pub(crate) const LXC: &[Spec] = &[
    may("arch", Kind::Enum(&["amd64", "i386", "arm64", "armhf", "riscv32", "riscv64"])),
    may("cmode", Kind::Enum(&["shell", "console", "tty"])),
    may("console", Kind::Bool),
    may("cores", Kind::Int(1, 8192)),
    may("cpulimit", Kind::Number(0.0)),
    may("cpuunits", Kind::Int(0, 500_000)),
    may("debug", Kind::Bool),
    may("description", Kind::Text),
    may("dev[n]", Kind::Text),
    may("entrypoint", Kind::Text),
    may("env", Kind::Text),
    may("features", Kind::Text),
    may("hookscript", Kind::Text),
    may("hostname", Kind::DnsName),
    may("lock", Kind::Enum(LXC_LOCKS)),
    may("memory", Kind::Int(16, MAX)),
    may("mp[n]", Kind::MountPoint),
    may("nameserver", Kind::Text),
    may("net[n]", Kind::NetLxc),
    may("onboot", Kind::Bool),
    may("ostype", Kind::Text),
    may("protection", Kind::Bool),
    may("rootfs", Kind::MountPoint),
    may("searchdomain", Kind::Text),
    may("startup", Kind::Text),
    may("swap", Kind::Int(0, MAX)),
    may("tags", Kind::Tags),
    may("template", Kind::Bool),
    may("timezone", Kind::Text),
    may("tty", Kind::Int(0, 6)),
    may("unprivileged", Kind::Bool),
    may("unused[n]", Kind::Text),
];

const LXC_LOCKS: &[&str] = &[
    "backup",
    "create",
    "destroyed",
    "disk",
    "fstrim",
    "migrate",
    "mounted",
    "rollback",
    "snapshot",
    "snapshot-delete",
];

/// The options of a virtual machine.
pub(crate) const VM: &[Spec] = &[
    may("acpi", Kind::Bool),
    may("affinity", Kind::Text),
    may("agent", Kind::Text),
    may("arch", Kind::Enum(&["x86_64", "aarch64"])),
    may("args", Kind::Text),
    may("audio0", Kind::Text),
    may("autostart", Kind::Bool),
    may("balloon", Kind::Int(0, MAX)),
    may("bios", Kind::Enum(&["seabios", "ovmf"])),
    may("boot", Kind::Text),
    may("bootdisk", Kind::Text),
    may("cicustom", Kind::Text),
    may("cipassword", Kind::Text),
    may("citype", Kind::Enum(&["configdrive2", "nocloud", "opennebula"])),
    may("ciupgrade", Kind::Bool),
    may("ciuser", Kind::Text),
    may("cores", Kind::Int(1, MAX)),
    may("cpu", Kind::Text),
    may("cpulimit", Kind::Number(0.0)),
    may("cpuunits", Kind::Int(1, 262_144)),
    may("description", Kind::Text),
    may("efidisk0", Kind::Text),
    may("freeze", Kind::Bool),
    may("hookscript", Kind::Text),
    may("hostpci[n]", Kind::Text),
    may("hotplug", Kind::Text),
    may("hugepages", Kind::Enum(&["any", "2", "1024"])),
    may("ide[n]", Kind::Text),
    may("ipconfig[n]", Kind::Text),
    may("kvm", Kind::Bool),
    may("localtime", Kind::Bool),
    may("lock", Kind::Enum(VM_LOCKS)),
    may("machine", Kind::Text),
    may("memory", Kind::Text),
    may("name", Kind::DnsName),
    may("nameserver", Kind::Text),
    may("net[n]", Kind::NetVm),
    may("numa", Kind::Bool),
    may("numa[n]", Kind::Text),
    may("onboot", Kind::Bool),
    may("ostype", Kind::Enum(OSTYPES)),
    may("parallel[n]", Kind::Text),
    may("protection", Kind::Bool),
    may("reboot", Kind::Bool),
    may("rng0", Kind::Text),
    may("sata[n]", Kind::Text),
    may("scsi[n]", Kind::Text),
    may("scsihw", Kind::Enum(SCSIHW)),
    may("searchdomain", Kind::Text),
    may("serial[n]", Kind::Text),
    may("shares", Kind::Int(0, 50_000)),
    may("smbios1", Kind::Text),
    may("sockets", Kind::Int(1, MAX)),
    may("sshkeys", Kind::Text),
    may("startup", Kind::Text),
    may("tablet", Kind::Bool),
    may("tags", Kind::Tags),
    may("template", Kind::Bool),
    may("tpmstate0", Kind::Text),
    may("unused[n]", Kind::Text),
    may("usb[n]", Kind::Text),
    may("vcpus", Kind::Int(1, MAX)),
    may("vga", Kind::Text),
    may("virtio[n]", Kind::Text),
    may("vmgenid", Kind::Text),
    may("vmstatestorage", Kind::Text),
    may("watchdog", Kind::Text),
];

const VM_LOCKS: &[&str] = &[
    "backup",
    "clone",
    "create",
    "migrate",
    "rollback",
    "snapshot",
    "snapshot-delete",
    "suspending",
    "suspended",
];
const OSTYPES: &[&str] = &[
    "other", "wxp", "w2k", "w2k3", "w2k8", "wvista", "win7", "win8", "win10", "win11", "l24", "l26",
    "solaris",
];
const SCSIHW: &[&str] = &["lsi", "lsi53c810", "virtio-scsi-pci", "virtio-scsi-single", "megasas", "pvscsi"];

/// What a change of options takes beside them.
pub(crate) const CHANGE: &[Spec] = &[
    may("background_delay", Kind::Int(1, 30)),
    may("delete", Kind::List),
    may("digest", Kind::Digest),
    may("force", Kind::Bool),
    may("import-working-storage", Kind::Text),
    may("revert", Kind::List),
    may("skiplock", Kind::Bool),
];

/// What creating a container takes beside its options.
pub(crate) const CREATE_LXC: &[Spec] = &[
    must("ostemplate", Kind::Text),
    must("vmid", Kind::Vmid),
    may("bwlimit", Kind::Number(0.0)),
    may("force", Kind::Bool),
    may("ha-managed", Kind::Bool),
    may("ignore-unpack-errors", Kind::Bool),
    may("password", Kind::Text),
    may("pool", Kind::Text),
    may("restore", Kind::Bool),
    may("ssh-public-keys", Kind::Text),
    may("start", Kind::Bool),
    may("storage", Kind::Text),
    may("unique", Kind::Bool),
];

/// What creating a virtual machine takes beside its options.
pub(crate) const CREATE_VM: &[Spec] = &[
    must("vmid", Kind::Vmid),
    may("archive", Kind::Text),
    may("bwlimit", Kind::Int(0, MAX)),
    may("force", Kind::Bool),
    may("ha-managed", Kind::Bool),
    may("import-working-storage", Kind::Text),
    may("live-restore", Kind::Bool),
    may("pool", Kind::Text),
    may("start", Kind::Bool),
    may("storage", Kind::Text),
    may("unique", Kind::Bool),
];
