//! Configurations as PVE stores them: which keys are disks, the normal form of each value, JSON types, digests.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use phoenix_core::GuestKind;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    api::schema::{self, Kind, dict},
    state::{guest::Guest, now_ms},
};

/// Splits `net0` into `net` and `0`.
pub(crate) fn split_index(key: &str) -> (&str, Option<u32>) {
    let stem = key.trim_end_matches(|c: char| c.is_ascii_digit());
    (stem, key[stem.len()..].parse().ok())
}

/// Tells whether a key holds a volume.
pub(crate) fn is_disk(kind: GuestKind, key: &str) -> bool {
    let (stem, index) = split_index(key);
    match kind {
        GuestKind::Lxc => key == "rootfs" || (index.is_some() && matches!(stem, "mp" | "unused")),
        GuestKind::Vm => {
            index.is_some()
                && matches!(stem, "scsi" | "virtio" | "sata" | "ide" | "efidisk" | "tpmstate" | "unused")
        }
    }
}

/// Splits a property string into pairs; a part without `=` has the default key `""`.
pub(crate) fn pairs(value: &str) -> Vec<(&str, &str)> {
    value
        .split(',')
        .filter(|part| !part.is_empty())
        .map(|part| part.split_once('=').unwrap_or(("", part)))
        .collect()
}

/// Returns the volume that a disk's property string names.
pub(crate) fn volume_of(value: &str) -> &str {
    pairs(value)
        .into_iter()
        .find(|(key, _)| matches!(*key, "" | "file" | "volume"))
        .map_or("", |(_, volume)| volume)
}

/// Returns a property of a property string.
pub(crate) fn property<'a>(value: &'a str, key: &str) -> Option<&'a str> {
    pairs(value).into_iter().find(|(name, _)| *name == key).map(|(_, text)| text)
}

/// Returns a disk's property string with another volume, size and without what only its making needed.
pub(crate) fn with_volume(value: &str, volid: &str, size: Option<&str>) -> String {
    let mut parts: BTreeMap<&str, &str> = pairs(value)
        .into_iter()
        .filter(|(key, _)| !matches!(*key, "" | "file" | "volume" | "format" | "import-from"))
        .collect();
    if let Some(size) = size {
        parts.insert("size", size);
    }
    let mut text = volid.to_owned();
    // A mount point's path comes right after its volume; everything else is sorted.
    if let Some(path) = parts.remove("mp") {
        text.push_str(",mp=");
        text.push_str(path);
    }
    for (key, value) in parts {
        text.push(',');
        text.push_str(key);
        text.push('=');
        text.push_str(value);
    }
    text
}

/// Returns the set of a kind's options.
pub(crate) fn options(kind: GuestKind) -> &'static str {
    match kind {
        GuestKind::Lxc => "lxc-options",
        GuestKind::Vm => "qemu-options",
    }
}

/// Returns the normal form of a net, with an address if it has none.
fn net(kind: GuestKind, value: &str) -> String {
    let (form, address) = match kind {
        GuestKind::Lxc => ("lxc-net", "hwaddr"),
        GuestKind::Vm => ("qemu-net", "macaddr"),
    };
    let mut parts = dict::parts(form, value);
    parts.entry(address.to_owned()).or_insert_with(generate_mac);
    if kind == GuestKind::Lxc {
        parts.insert("type".to_owned(), "veth".to_owned());
    }
    dict::print(form, &parts)
}

/// Returns a net's property string with another address.
pub(crate) fn with_address(kind: GuestKind, value: &str, mac: &str) -> String {
    let (form, address) = match kind {
        GuestKind::Lxc => ("lxc-net", "hwaddr"),
        GuestKind::Vm => ("qemu-net", "macaddr"),
    };
    let mut parts = dict::parts(form, value);
    parts.insert(address.to_owned(), mac.to_owned());
    dict::print(form, &parts)
}

/// Returns the address of a net.
pub(crate) fn address_of(kind: GuestKind, value: &str) -> Option<String> {
    match kind {
        GuestKind::Lxc => dict::parts("lxc-net", value).remove("hwaddr"),
        GuestKind::Vm => dict::parts("qemu-net", value).remove("macaddr"),
    }
}

/// Returns the normal form of tags: lower-case, sorted, once each.
pub(crate) fn tags(value: &str) -> String {
    let mut tags: Vec<String> =
        value.split([';', ',', ' ']).filter(|tag| !tag.is_empty()).map(str::to_lowercase).collect();
    tags.sort();
    tags.dedup();
    if tags.is_empty() { " ".to_owned() } else { tags.join(";") }
}

/// Returns the normal form of a value that needs nothing but its text.
pub(crate) fn normal(kind: GuestKind, key: &str, value: &str) -> String {
    let (stem, index) = split_index(key);
    match (kind, stem, index) {
        (_, "net", Some(_)) => net(kind, value),
        (_, "tags", None) => tags(value),
        (GuestKind::Lxc, "description", None) if !value.is_empty() && !value.ends_with('\n') => {
            format!("{value}\n")
        }
        (_, "nameserver", None) if value.contains(',') => value.replace(',', " "),
        (GuestKind::Vm, "vmgenid", None) if value == "1" => uuid(),
        // A line of the file cannot end after its colon.
        (_, key, _) if value.is_empty() && key != "description" => " ".to_owned(),
        (_, _, None) if is_integer(kind, key) => value
            .trim_start_matches('+')
            .parse::<i64>()
            .map_or_else(|_| value.to_owned(), |number| number.to_string()),
        _ => value.to_owned(),
    }
}

/// Returns the property string of a disk or mount point with its truth values as numbers and its parts in order.
pub(crate) fn disk_form(kind: GuestKind, key: &str, value: &str) -> String {
    match schema::form_of(options(kind), key) {
        Some(form) => dict::normal(form, value),
        None => value.to_owned(),
    }
}

/// Returns a value with the JSON type that PVE gives it.
pub(crate) fn json(kind: GuestKind, key: &str, value: &str) -> Value {
    if key == "cipassword" { Value::from("**********") } else { open_json(kind, key, value) }
}

/// Returns a value with its JSON type, be it secret or not.
pub(crate) fn open_json(kind: GuestKind, key: &str, value: &str) -> Value {
    match value.parse::<i64>() {
        Ok(number) if is_integer(kind, key) => Value::from(number),
        Ok(_) | Err(_) => Value::from(value),
    }
}

fn is_integer(kind: GuestKind, key: &str) -> bool {
    match schema::kind_of(options(kind), key) {
        Some(Kind::Bool | Kind::Int) => true,
        Some(Kind::Num | Kind::Text) | None => false,
    }
}

/// Tells whether PVE takes a text within a property string for true.
pub(crate) fn is_true(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "1" | "yes" | "true" | "on")
}

/// Returns the digest of everything that PVE keeps in a guest's file: 40 hex digits, as its SHA-1 has.
pub(crate) fn digest(guest: &Guest) -> String {
    let mut hash = Sha256::new();
    let mut feed = |section: &str, config: &BTreeMap<String, String>| {
        hash.update(format!("[{section}]\n"));
        for (key, value) in config {
            hash.update(format!("{key}: {value}\n"));
        }
    };
    feed("", &guest.config);
    let pending = guest
        .pending
        .iter()
        .map(|(key, value)| (key.clone(), value.clone().unwrap_or_else(|| "(deleted)".to_owned())))
        .collect();
    feed("pve:pending", &pending);
    for (name, snapshot) in &guest.snapshots {
        feed(name, &snapshot.config);
        feed(&snapshot.description, &BTreeMap::new());
    }
    for (key, value) in &guest.raw {
        hash.update(format!("{key}: {value}\n"));
    }
    let mut text = hex(&hash.finalize());
    text.truncate(40);
    text
}

/// Returns bytes in lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns bytes that were not seen before: the clock and a counter, hashed.
fn fresh() -> [u8; 32] {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let nanos = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos());
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    Sha256::digest(format!("{nanos}:{count}:{}", now_ms())).into()
}

/// Returns a new MAC address under Proxmox's own prefix.
pub(crate) fn generate_mac() -> String {
    let bytes = fresh();
    format!("BC:24:11:{:02X}:{:02X}:{:02X}", bytes[0], bytes[1], bytes[2])
}

/// Returns a new UUID.
pub(crate) fn uuid() -> String {
    let text = hex(&fresh());
    format!("{}-{}-4{}-a{}-{}", &text[..8], &text[8..12], &text[13..16], &text[17..20], &text[20..32])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn container_nets_are_printed_again_with_sorted_keys() {
        assert_eq!(
            net(GuestKind::Lxc, "ip=dhcp,hwaddr=02:00:00:aa:bb:cc,name=eth2,bridge=vmbr0,firewall=yes"),
            "name=eth2,bridge=vmbr0,firewall=1,hwaddr=02:00:00:aa:bb:cc,ip=dhcp,type=veth"
        );
        assert!(net(GuestKind::Lxc, "name=eth0,bridge=vmbr0").contains("hwaddr=BC:24:11:"));
    }

    #[test]
    fn machine_nets_have_their_address_behind_the_model() {
        assert_eq!(
            net(GuestKind::Vm, "bridge=vmbr0,virtio=02:00:00:00:00:ab,firewall=1"),
            "virtio=02:00:00:00:00:ab,bridge=vmbr0,firewall=1"
        );
        assert!(net(GuestKind::Vm, "model=e1000,bridge=vmbr1").starts_with("e1000=BC:24:11:"));
    }

    #[test]
    fn tags_are_sorted_and_lower_case() {
        assert_eq!(tags("b,A c;a"), "a;b;c");
        assert_eq!(tags(""), " ");
    }

    #[test]
    fn disks_are_printed_with_their_volume_first() {
        assert_eq!(
            with_volume("local:1,mp=/data,backup=1", "local:600/x.raw", Some("1G")),
            "local:600/x.raw,mp=/data,backup=1,size=1G"
        );
    }
}
