//! Forms: how Proxmox VE writes the values of a guest's configuration, and when two texts mean the same.

use std::{collections::BTreeSet, net::IpAddr};

use crate::{id::GuestKind, property::PropertyString};

/// The models of network card that may stand in place of the key `model`, with the MAC address as value.
const MODELS: [&str; 13] = [
    "e1000",
    "e1000-82540em",
    "e1000-82544gc",
    "e1000-82545em",
    "e1000e",
    "i82551",
    "i82557b",
    "i82559er",
    "ne2k_isa",
    "ne2k_pci",
    "rtl8139",
    "virtio",
    "vmxnet3",
];

/// The syntax of one configuration value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One word or text.
    Text,
    /// Words in any order and case, `;` between them.
    Tags,
    /// Words in their order, with blanks, commas or semicolons between them.
    Words,
    /// `key=value,…`; a part without `=` belongs to this key.
    Property(&'static str),
    /// As [`Form::Property`]; names a volume under this key.
    Volume(&'static str),
    /// The network card of a VM: the model is a key, and its value the MAC address.
    Card,
}

/// Returns the form of the value of a key.
pub fn of(kind: GuestKind, key: &str) -> Form {
    let stem = key.trim_end_matches(|c: char| c.is_ascii_digit());
    match (kind, stem) {
        (_, "tags") => Form::Tags,
        (_, "nameserver" | "searchdomain") => Form::Words,
        (_, "startup") => Form::Property("order"),
        (GuestKind::Lxc, "net" | "features") => Form::Property(""),
        (GuestKind::Lxc, "rootfs" | "mp") => Form::Volume("volume"),
        (GuestKind::Lxc, "dev") => Form::Property("path"),
        (GuestKind::Vm, "net") => Form::Card,
        (GuestKind::Vm, "scsi" | "virtio" | "sata" | "ide" | "efidisk" | "tpmstate") => Form::Volume("file"),
        (GuestKind::Vm, "agent") => Form::Property("enabled"),
        (GuestKind::Vm, "vga" | "amd-sev") => Form::Property("type"),
        (GuestKind::Vm, "cpu") => Form::Property("cputype"),
        (GuestKind::Vm, "memory") => Form::Property("current"),
        (GuestKind::Vm, "hostpci" | "usb") => Form::Property("host"),
        (GuestKind::Vm, "rng") => Form::Property("source"),
        (GuestKind::Vm, "watchdog") => Form::Property("model"),
        (GuestKind::Vm, "boot") => Form::Property("legacy"),
        (GuestKind::Vm, "ipconfig" | "numa" | "smbios" | "audio" | "cicustom" | "spice_enhancements") => {
            Form::Property("")
        }
        _ => Form::Text,
    }
}

impl Form {
    /// Parses a value that has keys; other forms give an empty one.
    pub fn parse(self, text: &str) -> PropertyString {
        match self {
            Self::Property(default) => PropertyString::parse(text, default),
            Self::Volume(default) => PropertyString::parse(text, default).printed_first(&[default]),
            Self::Card => {
                let mut card = PropertyString::parse(text, "model");
                if let Some(model) = MODELS.into_iter().find(|model| card.get(model).is_some()) {
                    let mac = card.take(model).unwrap_or_default();
                    card.set("model", model);
                    card.set("macaddr", mac);
                }
                card.printed_first(&["model"])
            }
            Self::Text | Self::Tags | Self::Words => PropertyString::default(),
        }
    }

    /// Tells whether a value that Proxmox VE stores is what the user meant by `want`. What Proxmox VE fills in by
    /// itself (addresses, volume names, sizes) counts as meant.
    pub fn is_met(self, want: &str, have: &str) -> bool {
        let (want, have) = (want.trim(), have.trim());
        if want == have {
            return true;
        }
        match self {
            Self::Text => {
                is_same_word(want, have)
                    // Written once, never shown again.
                    || (!have.is_empty() && have.bytes().all(|byte| byte == b'*'))
                    // `1` asks for a fresh identifier.
                    || (want == "1" && is_uuid(have))
            }
            Self::Tags => tags(want) == tags(have),
            Self::Words => words(want).eq(words(have)),
            Self::Property(_) | Self::Volume(_) | Self::Card => self.is_property_met(want, have),
        }
    }

    fn is_property_met(self, want: &str, have: &str) -> bool {
        let (want, have) = (self.parse(want), self.parse(have));
        let is_allocation = self.is_allocation(&want);
        let wanted = want.iter().all(|(key, value)| match have.get(key) {
            Some(_) if is_allocation && key == "size" => true,
            // Wherever it lies now: a volume that was moved must not be made a second time.
            Some(found) if is_allocation && matches!(key, "volume" | "file") => found.contains(':'),
            Some(found) => is_same_word(value, found),
            None => is_allocation && matches!(key, "format" | "size" | "import-from"),
        });
        let filled_in = |key: &str, value: &str| match key {
            "hwaddr" | "macaddr" => true,
            "size" => matches!(self, Self::Volume(_)),
            "media" => value == "cdrom" && matches!(self, Self::Volume("file")),
            "type" => value == "veth",
            _ => false,
        };
        wanted && have.iter().all(|(key, value)| want.get(key).is_some() || filled_in(key, value))
    }

    /// Tells whether the value asks for a new volume (`storage:8`, `storage:cloudinit`).
    fn is_allocation(self, value: &PropertyString) -> bool {
        let Self::Volume(key) = self else { return false };
        value
            .get(key)
            .and_then(|volume| volume.split_once(':'))
            .is_some_and(|(_, rest)| rest == "cloudinit" || rest.parse::<f64>().is_ok())
    }
}

/// Tells whether two single values mean the same: equal texts, numbers, booleans, MAC or IP addresses.
pub fn is_same_word(one: &str, other: &str) -> bool {
    let (one, other) = (one.trim(), other.trim());
    if one == other {
        return true;
    }
    if one.is_empty() || other.is_empty() {
        return false;
    }
    let is_true = |text: &str| ["1", "yes", "true", "on"].iter().any(|word| word.eq_ignore_ascii_case(text));
    let is_false =
        |text: &str| ["0", "no", "false", "off"].iter().any(|word| word.eq_ignore_ascii_case(text));
    (is_true(one) && is_true(other))
        || (is_false(one) && is_false(other))
        || matches!((one.parse::<f64>(), other.parse::<f64>()), (Ok(a), Ok(b)) if a == b)
        || (is_mac(one) && one.eq_ignore_ascii_case(other))
        || matches!((address(one), address(other)), (Some(a), Some(b)) if a == b)
}

/// Returns the tags in a text, in lower case.
pub fn tags(text: &str) -> BTreeSet<String> {
    words(text).map(str::to_lowercase).collect()
}

/// Goes through the words of a text.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', ',', ';', '\t', '\n']).filter(|word| !word.is_empty())
}

fn is_mac(text: &str) -> bool {
    text.len() == 17 && text.split(':').filter(|part| part.len() == 2).count() == 6
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

fn address(text: &str) -> Option<(IpAddr, Option<&str>)> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    Some((address.parse().ok()?, prefix))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn text(json: &str) -> Option<String> {
        match serde_json::from_str(json).unwrap() {
            serde_json::Value::Null => None,
            serde_json::Value::String(text) => Some(text),
            other => Some(other.to_string()),
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the recorded values lie beside the project")]
    fn every_recorded_value_is_what_its_input_meant() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/pve-truth/normal-forms.tsv");
        let Ok(table) = std::fs::read_to_string(path) else {
            println!("skipped: no {path}");
            return;
        };
        let mut stored_before: BTreeMap<(String, String), Option<String>> = BTreeMap::new();
        let mut checked = 0;
        for line in table.lines().skip(1) {
            let cells: Vec<_> = line.split('\t').collect();
            let [kind, key, input, stored, id] = cells[..] else { panic!("{line}") };
            let (input, stored) = (text(input).unwrap(), text(stored));
            let before = stored_before.insert((kind.into(), key.into()), stored.clone());
            // A refused write leaves what was there.
            let (Some(stored), true) = (stored.clone(), before != Some(stored)) else { continue };
            let kind = if kind == "lxc" { GuestKind::Lxc } else { GuestKind::Vm };
            assert!(of(kind, key).is_met(&input, &stored), "{id}: {key}: {input:?} was stored as {stored:?}");
            checked += 1;
        }
        assert!(checked > 120, "only {checked} rows were checked");
    }

    #[test]
    fn other_values_are_told_apart() {
        for (kind, key, want, have) in [
            (GuestKind::Lxc, "net0", "name=eth0,bridge=vmbr0", "name=eth0,bridge=vmbr1,type=veth"),
            (GuestKind::Lxc, "net0", "name=eth0,bridge=vmbr0", "name=eth0,bridge=vmbr0,tag=7"),
            (GuestKind::Vm, "net0", "virtio=02:00:00:00:00:01", "virtio=02:00:00:00:00:02"),
            (GuestKind::Vm, "scsi1", "fast:8", "none,media=cdrom"),
            (GuestKind::Lxc, "mp0", "fast:8,mp=/a", "/srv,mp=/a"),
            (GuestKind::Lxc, "tags", "a;b", "a"),
            (GuestKind::Lxc, "nameserver", "1.1.1.1 8.8.8.8", "8.8.8.8 1.1.1.1"),
            (GuestKind::Vm, "agent", "1", "0"),
            (GuestKind::Vm, "boot", "order=scsi0;net0", "order=net0;scsi0"),
        ] {
            assert!(!of(kind, key).is_met(want, have), "{key}: {want} {have}");
        }
    }

    #[test]
    fn a_volume_that_was_moved_is_still_the_one_asked_for() {
        let moved = "slow:vm-100-disk-1,size=8G";
        assert!(of(GuestKind::Vm, "scsi1").is_met("fast:8", moved));
    }

    #[test]
    fn addresses_compare_by_value() {
        assert!(is_same_word("FD00::1/64", "fd00:0:0::1/64"));
        assert!(!is_same_word("10.0.0.1/24", "10.0.0.1/25"));
        assert!(is_same_word("aa:bb:cc:dd:ee:ff", "AA:BB:CC:DD:EE:FF"));
    }
}
