//! The words that QEMU is started with.

use std::path::{Path, PathBuf};

use super::spec::{Drive, MachineSpec};

/// What an emulated processor can do: what distributions ask for today. Whatever is beyond that is emulated at the cost of
/// half as much time again.
const EMULATED: &str = "qemu64,+cx16,+lahf-lm,+popcnt,+sse4.1,+sse4.2,+ssse3";

/// How a machine is run here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accelerator {
    /// By the processor.
    Kvm,
    /// By emulation.
    Tcg,
}

impl Accelerator {
    /// Returns the one of this machine. A device `/dev/kvm` says nothing: what matters is what the processor can do.
    pub(super) fn of_this_machine() -> Self {
        let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let mut flags = text.lines().filter(|line| line.starts_with("flags")).flat_map(str::split_whitespace);
        match flags.any(|flag| matches!(flag, "vmx" | "svm")) && Path::new("/dev/kvm").exists() {
            true => Self::Kvm,
            false => Self::Tcg,
        }
    }
}

/// What a machine is started from, beside what it shall be.
#[derive(Debug)]
pub(super) struct Parts {
    /// The name of the directory with its sockets.
    pub(super) own: String,
    pub(super) accelerator: Accelerator,
    /// The files of its drives, in their order.
    pub(super) disks: Vec<PathBuf>,
    /// The directory with what cloud-init reads.
    pub(super) seed: Option<PathBuf>,
    pub(super) kernel: Option<(PathBuf, PathBuf)>,
    /// Whether cloud-init stays out of it, for whoever comes after to do its part.
    pub(super) is_ahead: bool,
    /// The packed memory that it begins with, if it begins in the middle of a life. Then it has one disk, and gets the
    /// rest when it is there.
    pub(super) memory: Option<PathBuf>,
}

/// Returns QEMU's words.
pub(super) fn words(spec: &MachineSpec, parts: &Parts) -> Vec<String> {
    let mut words = Vec::new();
    let mut add = |option: &str, value: String| words.extend([option.to_owned(), value]);
    let own = format!("/m/{}", parts.own);
    add("-name", option_text(&spec.name));
    // Cards and disks can be added to it while it runs, without ports that wait for them.
    add("-machine", "pc".to_owned());
    let (accelerator, processor) = match parts.accelerator {
        Accelerator::Kvm => ("kvm", "host"),
        Accelerator::Tcg => ("tcg,thread=multi", EMULATED),
    };
    add("-accel", accelerator.to_owned());
    add("-cpu", processor.to_owned());
    add("-smp", spec.cores.max(1).to_string());
    add("-m", format!("{}M", (spec.memory >> 20).max(64)));
    add("-display", "none".to_owned());
    add("-pidfile", format!("{own}/pid"));
    add("-qmp", format!("unix:{own}/qmp,server=on,wait=off"));
    add("-serial", format!("file:{own}/serial.log"));
    add("-device", "virtio-rng-pci".to_owned());
    add("-device", "virtio-serial-pci".to_owned());
    add("-chardev", format!("socket,id=qga0,path={own}/qga,server=on,wait=off"));
    add("-device", "virtserialport,chardev=qga0,name=org.qemu.guest_agent.0".to_owned());
    add("-device", "virtio-scsi-pci,id=scsihw0".to_owned());
    if spec.drives.iter().any(|drive| drive.slot.starts_with("sata")) {
        add("-device", "ahci,id=ahci0".to_owned());
    }
    for (at, (drive, path)) in spec.drives.iter().zip(&parts.disks).enumerate() {
        let node = node_of(drive);
        add(
            "-blockdev",
            format!(
                "driver=qcow2,node-name={node},discard=unmap,file.driver=file,file.filename={}",
                option_path(path)
            ),
        );
        add("-device", format!("{},drive={node},bootindex={}", device(drive), at + 1));
    }
    if let Some(seed) = &parts.seed {
        add(
            "-blockdev",
            format!("driver=vvfat,node-name=seed-files,read-only=on,label=CIDATA,dir={}", option_path(seed)),
        );
        add("-blockdev", "driver=raw,node-name=seed,read-only=on,file=seed-files".to_owned());
        add("-device", "scsi-hd,bus=scsihw0.0,channel=0,scsi-id=15,lun=0,drive=seed".to_owned());
    }
    for card in &spec.cards {
        let index = card.index;
        let mac = card.mac.as_ref().map(|mac| format!(",mac={mac}")).unwrap_or_default();
        let peer = match card.bridge {
            Some(_) => {
                add(
                    "-netdev",
                    format!("tap,id=net{index},ifname={},script=no,downscript=no", tap(spec.vmid, index)),
                );
                format!(",netdev=net{index}")
            }
            None => String::new(),
        };
        add("-device", format!("virtio-net-pci,id=card{index}{mac}{peer}"));
    }
    if let Some((kernel, initrd)) = &parts.kernel {
        add("-kernel", kernel.display().to_string());
        add("-initrd", initrd.display().to_string());
        let more = if parts.is_ahead { " cloud-init=disabled" } else { "" };
        add("-append", format!("root=LABEL=root ro console=ttyS0 net.ifnames=0 quiet{more}"));
    }
    if let Some(memory) = &parts.memory {
        add("-incoming", format!("exec:zstd -q -d -c {}", memory.display()));
    }
    words.extend(["-no-user-config", "-nodefaults", "-daemonize"].map(str::to_owned));
    words
}

/// Returns the name of a machine's end of a card on its bridge.
pub(super) fn tap(vmid: u32, index: u32) -> String {
    format!("tap{vmid}i{index}")
}

/// Returns QEMU's name of what is behind a drive.
pub(super) fn node_of(drive: &Drive) -> String {
    format!("drive-{}", drive.slot)
}

/// Returns QEMU's words for a drive.
pub(super) fn device(drive: &Drive) -> String {
    let digits = drive.slot.trim_start_matches(|c: char| !c.is_ascii_digit());
    let index: u32 = digits.parse().unwrap_or(0);
    match drive.slot.trim_end_matches(|c: char| c.is_ascii_digit()) {
        "virtio" => "virtio-blk-pci".to_owned(),
        "ide" => format!("ide-hd,bus=ide.{},unit={}", (index / 2).min(1), index % 2),
        "sata" => format!("ide-hd,bus=ahci0.{}", index % 6),
        // Beyond a number that a bus has there is none; 15 is the one with what cloud-init reads.
        _scsi => format!("scsi-hd,bus=scsihw0.0,channel=0,scsi-id=0,lun={index}"),
    }
}

/// Returns a text as a part of an option, where a comma ends the part.
fn option_text(text: &str) -> String {
    text.replace(',', ",,")
}

fn option_path(path: &Path) -> String {
    option_text(&path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machines::spec::Card;

    #[test]
    fn a_machine_has_its_disks_its_card_and_what_cloud_init_reads() {
        let spec = MachineSpec {
            vmid: 101,
            name: "one, two".to_owned(),
            memory: 512 << 20,
            cores: 2,
            drives: vec![Drive { slot: "scsi0".to_owned(), id: "a".to_owned(), size: 1 }],
            cards: vec![Card {
                index: 0,
                mac: Some("BC:24:11:00:00:01".to_owned()),
                bridge: Some("vmbr0".to_owned()),
            }],
            seed: None,
        };
        let parts = Parts {
            own: "101".to_owned(),
            is_ahead: false,
            accelerator: Accelerator::Tcg,
            disks: vec!["/d/a,b.qcow2".into()],
            seed: Some("/m/101/seed".into()),
            kernel: Some(("/k".into(), "/i".into())),
            memory: None,
        };
        let words = words(&spec, &parts);
        let has = |word: &str| assert!(words.iter().any(|one| one == word), "{word}: {words:?}");
        has("one,, two");
        has("driver=qcow2,node-name=drive-scsi0,discard=unmap,file.driver=file,file.filename=/d/a,,b.qcow2");
        has("tap,id=net0,ifname=tap101i0,script=no,downscript=no");
        has("virtio-net-pci,id=card0,mac=BC:24:11:00:00:01,netdev=net0");
        has("driver=vvfat,node-name=seed-files,read-only=on,label=CIDATA,dir=/m/101/seed");
        assert!(!words.iter().any(|word| word == "-incoming"));
    }
}
