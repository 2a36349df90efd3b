//! The forms of texts: each is a `format` of the schema, checked here once.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Why a text has not the form that it should have. The message goes on after the key's name.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

/// Checks a text against a form; a form that is not known here is checked by nobody.
pub(crate) fn check_text(format: &str, text: &str) -> Option<Problem> {
    if let Some(problem) = injection(format, text) {
        return Some(problem);
    }
    let holds = match format {
        "hostname" => return hostname(text),
        "vmid" => text.trim().parse().ok().and_then(phoenix_core::Vmid::new).is_some(),
        "domain" => !text.is_empty() && text.len() < 254 && text.split('.').all(is_label),
        "ip" => text.parse::<IpAddr>().is_ok(),
        "ipv4" => text.parse::<Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<Ipv6Addr>().is_ok(),
        "cidr" => text.contains('/') && text.parse::<IpNet>().is_ok(),
        "ip-config" => return ip_config(text),
        "ip6-config" => {
            ["auto", "dhcp", "manual"].contains(&text)
                || text.contains('/') && matches!(text.parse::<IpNet>(), Ok(IpNet::V6(_)))
        }
        "ip-list" => text
            .split([' ', ',', ';'])
            .filter(|part| !part.is_empty())
            .all(|part| part.parse::<IpAddr>().is_ok()),
        "mac" => return mac(text),
        "interface" => {
            let mut bytes = text.bytes();
            bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic())
                && text.len() < 16
                && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        }
        "storage-id" | "config-id" => {
            text.len() > 1
                && text.starts_with(|first: char| first.is_ascii_alphabetic())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        }
        "tag" => {
            text.starts_with(|first: char| {
                first.is_ascii_lowercase() || first.is_ascii_digit() || first == '_'
            }) && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-+.".contains(&byte))
        }
        "user" => {
            text.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
        }
        "absolute-path" => text.starts_with('/') && !text.split('/').any(|part| part == ".."),
        "device-path" => text.starts_with("/dev/") && !text.split('/').any(|part| part == ".."),
        "file-name" => !text.is_empty() && !text.contains('/'),
        "url" => {
            let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
            rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace))
        }
        "octal" => (3..5).contains(&text.len()) && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte)),
        "sha256" => text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "owner" => text.split_once(':').is_some_and(|(user, group)| !user.is_empty() && !group.is_empty()),
        "gpus" => text == "none" || text.split(',').all(|gpu| gpu.trim().parse::<u8>().is_ok()),
        "label" => text.split_once('=').is_some_and(|(key, _)| key.starts_with("traefik.")),
        "container-option" => text.split_once('=').is_some_and(|(key, value)| {
            ["nesting", "keyctl", "fuse", "mknod", "mount", "force_rw_sys"].contains(&key)
                && !value.is_empty()
        }),
        "raw-line" => raw_line(text).is_some(),
        "protocol" => PROTOCOLS.contains(&text),
        "ports" => ports(text).is_some(),
        "firewall-address" => text.split(',').all(|part| {
            let part = part.trim();
            part.parse::<IpAddr>().is_ok()
                || part.parse::<IpNet>().is_ok()
                || part
                    .split_once('-')
                    .is_some_and(|(from, to)| from.parse::<IpAddr>().is_ok() && to.parse::<IpAddr>().is_ok())
                || part
                    .strip_prefix(['+', '@'])
                    .unwrap_or(part)
                    .starts_with(|first: char| first.is_ascii_alphabetic())
        }),
        "content" => text.split(',').all(|part| CONTENTS.contains(&part.trim())),
        "disk-key" => {
            ["scsi", "virtio", "sata", "ide"].iter().any(|bus| {
                text.strip_prefix(bus)
                    .is_some_and(|number| number.parse::<u8>().is_ok_and(|number| number < 31))
            }) && !["scsi0", "ide2"].contains(&text)
        }
        "timezone" => {
            text == "UTC"
                || text == "host"
                || text.contains('/')
                    && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_+-".contains(&byte))
        }
        _ => true,
    };
    (!holds).then(|| {
        let (wanted, example) = wanted(format);
        Problem {
            code: code(format),
            message: format!("is `{text}`, which is not {wanted}"),
            hint: Some(example),
        }
    })
}

const PROTOCOLS: [&str; 12] =
    ["tcp", "udp", "icmp", "icmpv6", "ipv6-icmp", "igmp", "esp", "ah", "gre", "sctp", "ospf", "vrrp"];

const CONTENTS: [&str; 8] = ["images", "rootdir", "vztmpl", "iso", "backup", "snippets", "import", "none"];

/// Splits a raw container line, `lxc.key=value` or `lxc.key: value`, into its key and value.
pub(crate) fn raw_line(text: &str) -> Option<(&str, &str)> {
    let at = text.find(['=', ':'])?;
    let (key, value) = (text[..at].trim(), text[at + 1..].trim());
    (key.starts_with("lxc.") && !key.contains(char::is_whitespace) && !value.is_empty())
        .then_some((key, value))
}

/// Parses ports: single ones, lists with commas, ranges with a colon.
pub(crate) fn ports(text: &str) -> Option<Vec<(u16, u16)>> {
    text.split(',')
        .map(|part| {
            let (first, last) = part.trim().split_once(':').unwrap_or((part.trim(), part.trim()));
            let (first, last) = (first.parse::<u16>().ok()?, last.parse::<u16>().ok()?);
            (first <= last && first > 0).then_some((first, last))
        })
        .collect()
}

/// A comma starts a new property and a line end a new line of the guest's file: neither may come from a name.
fn injection(format: &str, text: &str) -> Option<Problem> {
    let is_list = ["ip-list", "gpus", "ports", "firewall-address", "content"].contains(&format);
    let is_line = is_list || ["line", "raw-line", "label", "secret", "url"].contains(&format);
    let bad = if text.contains(['\n', '\r', '\0']) {
        "a line end"
    } else if !is_line && text.contains(',') {
        "a comma"
    } else {
        return None;
    };
    Some(Problem {
        code: "property-injection",
        message: format!("contains {bad}, which would start another property of the guest"),
        hint: Some(format!("remove {bad}")),
    })
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.len() < 64
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn hostname(text: &str) -> Option<Problem> {
    if is_label(text) {
        return None;
    }
    let bad: Vec<String> = text
        .chars()
        .filter(|letter| !letter.is_ascii_alphanumeric() && *letter != '-')
        .map(|letter| format!("`{letter}`"))
        .collect();
    let why = match bad.first() {
        Some(first) => format!("is `{text}`, but a host name has no {first}"),
        None => format!("is `{text}`, which is no host name"),
    };
    let mended: String = text
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' })
        .take(63)
        .collect();
    let mended = mended.trim_matches('-');
    let hint = if is_label(mended) {
        format!("write `{mended}`, and the old name as `title`")
    } else {
        "use letters, digits and dashes".to_owned()
    };
    Some(Problem { code: "bad-hostname", message: why, hint: Some(hint) })
}

fn mac(text: &str) -> Option<Problem> {
    let octets: Option<Vec<u8>> = text
        .split(':')
        .map(|part| (part.len() == 2).then(|| u8::from_str_radix(part, 16).ok()).flatten())
        .collect();
    let octets = octets.filter(|octets| octets.len() == 6);
    let message = match octets {
        None => format!("is `{text}`, which is not a MAC address"),
        Some(octets) if octets[0] & 1 == 1 => {
            format!("is `{text}`, a multicast address, which no guest can have")
        }
        Some(_) => return None,
    };
    Some(Problem {
        code: "bad-mac",
        message,
        hint: Some("write six pairs of hexadecimal digits, for instance `BC:24:11:00:00:01`".to_owned()),
    })
}

fn ip_config(text: &str) -> Option<Problem> {
    let problem = |message: String, hint: &str| {
        Some(Problem { code: "bad-address", message, hint: Some(hint.to_owned()) })
    };
    let example = "write `dhcp`, `manual` or an address such as `10.0.0.20/24`";
    match text {
        "dhcp" | "manual" => None,
        _ if !text.contains('/') && text.parse::<Ipv4Addr>().is_ok() => {
            problem(format!("is `{text}`, without a prefix length"), &format!("write `{text}/24`"))
        }
        _ => match text.parse::<IpNet>() {
            Ok(IpNet::V4(net)) if net.prefix_len() < 31 && net.addr() == net.network() => {
                problem(format!("is `{text}`, the address of the network itself"), example)
            }
            Ok(IpNet::V4(net)) if net.prefix_len() < 31 && net.addr() == net.broadcast() => {
                problem(format!("is `{text}`, the broadcast address"), example)
            }
            Ok(IpNet::V4(_)) => None,
            Ok(IpNet::V6(_)) => problem(format!("is `{text}`, an IPv6 address"), "write it as `ip6`"),
            Err(_) => problem(format!("is `{text}`, which is not an address"), example),
        },
    }
}

fn code(format: &str) -> &'static str {
    match format {
        "ip" | "ipv4" | "ipv6" | "cidr" | "ip6-config" | "ip-list" | "firewall-address" => "bad-address",
        "vmid" => "bad-vmid",
        _ => "bad-value",
    }
}

fn wanted(format: &str) -> (&'static str, String) {
    let (wanted, example) = match format {
        "vmid" => ("a vmid", "write a number from 100 to 999999999"),
        "domain" => ("a domain name", "write one such as `internal.example.org`"),
        "ip" | "ipv4" => ("an address", "write one such as `10.0.0.1`"),
        "ipv6" => ("an IPv6 address", "write one such as `fd00::1`"),
        "cidr" => ("an address with prefix length", "write one such as `10.0.0.13/24`"),
        "ip6-config" => (
            "an IPv6 address with prefix length",
            "write `auto`, `dhcp`, `manual` or one such as `fd00::2/64`",
        ),
        "ip-list" => {
            ("a list of addresses", "write them with spaces between, for instance `10.0.0.13 1.1.1.1`")
        }
        "interface" => {
            ("the name of an interface", "write one such as `eth0` or `vmbr0`, 15 letters at most")
        }
        "storage-id" => ("the id of a storage", "use letters, digits, `-`, `_` and `.`, a letter first"),
        "config-id" => ("a name", "use letters, digits, `-` and `_`, a letter first, two at least"),
        "tag" => ("a tag", "use lower-case letters, digits, `-`, `_`, `+` and `.`"),
        "user" => ("a login name", "use lower-case letters, digits, `-` and `_`"),
        "absolute-path" => ("an absolute path", "start it with `/` and leave `..` out"),
        "device-path" => ("the path of a device", "start it with `/dev/`"),
        "file-name" => ("a file name", "write the name without a directory"),
        "url" => ("a URL", "start it with `https://`"),
        "octal" => ("an octal mode", "write three or four digits from 0 to 7, for instance `0660`"),
        "sha256" => ("a SHA-256", "write 64 hexadecimal digits"),
        "owner" => ("a user and a group", "write `user:group`"),
        "gpus" => ("a list of GPUs", "write `none`, or indexes such as `0,1`"),
        "label" => ("a label of the reverse proxy", "write `traefik.key=value`"),
        "container-option" => (
            "a container feature",
            "write `nesting=1`, `keyctl=1`, `fuse=1`, `mknod=1`, `force_rw_sys=1` or `mount=nfs;cifs`",
        ),
        "raw-line" => ("a raw container line", "write `lxc.key=value`"),
        "protocol" => ("a protocol", "write `tcp`, `udp`, `icmp` or another that Proxmox VE knows"),
        "ports" => ("a list of ports", "write one (`443`), several (`80,443`) or a range (`8000:8010`)"),
        "firewall-address" => ("an address or network", "write one such as `10.0.0.0/24`"),
        "content" => ("a list of contents", "known: images, rootdir, vztmpl, iso, backup, snippets, import"),
        "disk-key" => (
            "the key of a further disk",
            "write `scsi1` or higher; `scsi0` is the root disk, `ide2` cloud-init's",
        ),
        "timezone" => ("a time zone", "write one such as `Europe/Berlin` or `UTC`"),
        _ => ("what belongs here", "see `phoenix schema`"),
    };
    (wanted, example.to_owned())
}
