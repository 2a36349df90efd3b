//! A virtual machine's configuration keys: the wishes for processors, disks, PCI devices, network cards and
//! cloud-init.

use std::{borrow::Cow, collections::BTreeMap, fmt::Write};

use phoenix_core::guest::{
    machine::Machine,
    nic::drop_beyond,
    wish::{Fields, Wish, Wishes},
};

use crate::{CloudInit, Spec};

/// Adds what only virtual machines have.
pub(crate) fn add(spec: &Spec, have: &BTreeMap<String, String>, wishes: &mut Wishes) {
    let guest = &spec.guest;
    wishes.push(("cores".into(), Wish::number(guest.cores, "1")));
    wishes.push(("sockets".into(), Wish::number(spec.sockets, "1")));
    if let Some(cpu) = &spec.cpu {
        wishes.push(("cpu".into(), processor(cpu)));
    }
    // PVE does not take the other fields without this one, so it is written out even where it is off.
    let enabled = u8::from(spec.agent).to_string();
    wishes.push(("agent".into(), Wish::Fields(Fields::open().with("enabled", Some(enabled), "0"))));
    let boot = if spec.boot.is_empty() { "scsi0".to_owned() } else { spec.boot.join(";") };
    wishes.push(("boot".into(), Wish::text(format!("order={boot}"))));
    for (index, nic) in guest.networks.iter().enumerate() {
        wishes.push((format!("net{index}").into(), nic.vm_wish()));
        wishes.push((format!("ipconfig{index}").into(), nic.ipconfig_wish()));
    }
    let is_option = |key: &str| guest.options.contains_key(key);
    drop_beyond(wishes, have.keys(), "ipconfig", guest.networks.len(), is_option);
    for (index, device) in spec.pci.iter().enumerate() {
        wishes.push((format!("hostpci{index}").into(), pci(device)));
    }
    drop_beyond(wishes, have.keys(), "hostpci", spec.pci.len(), is_option);
    disks(spec, have, wishes);
    if let Some(cloud_init) = &spec.cloud_init {
        first_boot(cloud_init, have, wishes);
    }
}

/// A processor type may come with flags; then the whole value counts.
fn processor(cpu: &str) -> Wish {
    if cpu.contains([',', '=']) {
        return Wish::text(cpu);
    }
    Wish::Fields(Fields::open().with("cputype", Some(cpu.to_owned()), "kvm64"))
}

/// A mapping has a name, a device an address such as `0000:01:00.0` or `01:00`.
fn pci(device: &str) -> Wish {
    let is_address = device.contains(':');
    let given = |is_given: bool| is_given.then(|| device.to_owned());
    let fields = Fields::open().with("host", given(is_address), "").with("mapping", given(!is_address), "");
    Wish::Fields(fields)
}

fn disks(spec: &Spec, have: &BTreeMap<String, String>, wishes: &mut Wishes) {
    for (key, disk) in spec.disks.iter().filter(|(key, _)| !have.contains_key(*key)) {
        wishes.push((key.clone().into(), Wish::text(format!("{}:{}", disk.storage, disk.gib))));
    }
    let is_wanted =
        |key: &str| key == Spec::ROOT || spec.disks.contains_key(key) || spec.guest.options.contains_key(key);
    let gone = have
        .iter()
        .filter(|(key, value)| is_disk(key) && !value.contains("media=cdrom") && !value.contains("cloudinit"))
        .filter(|(key, _)| !is_wanted(key))
        .map(|(key, _)| (Cow::Owned(key.clone()), Wish::Absent));
    wishes.extend(gone);
}

fn is_disk(key: &str) -> bool {
    ["scsi", "virtio", "sata", "ide"]
        .iter()
        .any(|stem| key.strip_prefix(stem).is_some_and(|number| number.parse::<u8>().is_ok()))
}

fn first_boot(cloud_init: &CloudInit, have: &BTreeMap<String, String>, wishes: &mut Wishes) {
    wishes.push(("ciuser".into(), Wish::text(cloud_init.user.clone().unwrap_or_default())));
    let upgrade = Wish::Value { text: u8::from(cloud_init.upgrade).to_string(), absent: Some("1") };
    wishes.push(("ciupgrade".into(), upgrade));
    let stored = have.get("sshkeys").map_or("", String::as_str);
    let is_same = lines(&decode(stored)).eq(lines(&cloud_init.ssh_keys.join("\n")));
    if !is_same {
        let keys: Vec<_> = cloud_init.ssh_keys.iter().map(|key| key.trim()).collect();
        wishes.push(("sshkeys".into(), Wish::text(encode(&keys.join("\n")))));
    }
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

/// Writes a text as Proxmox VE wants `sshkeys`: everything but letters, digits and `-_.~` as `%XX`.
fn encode(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len() * 2), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let escaped = (byte == b'%')
            .then(|| tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok()))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        rest = if escaped.is_some() { &tail[2..] } else { tail };
        bytes.push(escaped.unwrap_or(byte));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_their_encoding() {
        let key = "ssh-ed25519 AAAA+/= ü@home";
        assert_eq!(encode(key), "ssh-ed25519%20AAAA%2B%2F%3D%20%C3%BC%40home");
        assert_eq!(decode(&encode(key)), key);
        assert_eq!(decode("100%"), "100%");
    }
}
