//! Formats of what the cluster as a whole is set to: firewalls, HA, SDN, jobs, mails.

use super::{address, is_config_id, is_dns_label, is_dns_name, is_mac, is_vmid, traffic};
use crate::schedule::Calendar;

/// Says what is wrong with a text of a format.
pub(super) fn complaint(format: &str, value: &str) -> Option<String> {
    let is = |is_right: bool, text: &str| (!is_right).then(|| text.to_owned());
    match format {
        "IPorCIDR" => address::ip_or_cidr(value),
        "IPorCIDRorAlias" if is_alias(value) => None,
        "IPorCIDRorAlias" => address::ip_or_cidr(value),
        "CIDR" => is(address::is_cidr(value), "value does not look like a valid CIDR network"),
        "ip" => is(is_ip(value), "value does not look like a valid IP address"),
        "address" => is(
            is_ip(value) || is_dns_name(value),
            &format!("value does not look like a valid address: {value}"),
        ),
        "pve-fw-addr-spec" => addresses(value),
        "pve-fw-protocol-spec" => traffic::protocol(value),
        "pve-fw-sport-spec" => traffic::ports(value, false),
        "pve-fw-dport-spec" => traffic::ports(value, true),
        "pve-fw-icmp-type-spec" => traffic::icmp_type(value),
        "pve-fw-conntrack-helper" => {
            let known = ["amanda", "ftp", "irc", "netbios-ns", "pptp", "sane", "sip", "snmp", "tftp"];
            let wrong = value.split([',', ' ', ';']).find(|name| !name.is_empty() && !known.contains(name));
            wrong.map(|name| format!("Unknown helper '{name}'"))
        }
        "pve-iface" => is(
            (2..=20).contains(&value.len()) && is_iface(value),
            &format!("invalid network interface name '{value}'"),
        ),
        "pve-ha-resource-id" => is(is_resource(value), "value does not look like a valid ha resource id"),
        "pve-ha-resource-or-vm-id" => {
            is(is_resource(value) || is_vmid(value), "value does not look like a valid ha resource id")
        }
        "pve-ha-node" => {
            let (node, rank) = value.split_once(':').map_or((value, None), |(node, rank)| (node, Some(rank)));
            let is_right = is_dns_label(node) && rank.is_none_or(|rank| rank.parse::<u32>().is_ok());
            is(is_right, &format!("value does not look like a valid ha group node: {value}"))
        }
        "pve-replication-job-id" => {
            let parts = value.split_once('-');
            let is_right = parts.is_some_and(|(vmid, job)| is_vmid(vmid) && job.parse::<u32>().is_ok());
            is(is_right, "value does not look like a valid replication job id")
        }
        "pve-calendar-event" => {
            Calendar::parse(value).err().map(|text| format!("invalid calendar event '{value}' - {text}\n"))
        }
        "pve-day-of-week" => is(
            ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].contains(&value),
            &format!("invalid day '{value}'"),
        ),
        "mac-prefix" => is(is_mac_prefix(value), "value is not a valid unicast MAC address prefix"),
        "email" | "email-opt" => is(
            is_email(value) || value.is_empty() && format == "email-opt",
            "value does not look like a valid email address",
        ),
        "email-or-username" => is(
            is_email(value) || is_user(value),
            "value does not look like a valid email address or user name",
        ),
        "pve-sdn-subnet-id" => is(
            address::is_cidr(value) || subnet_of(value).is_some(),
            "value is neither a valid subnet nor the id of one",
        ),
        "pve-sdn-dhcp-range" => {
            let range =
                |key: &str| value.split(',').find_map(|part| part.strip_prefix(key)?.strip_prefix('='));
            let is_right = [range("start-address"), range("end-address")];
            is(
                is_right.iter().all(|part| part.is_some_and(is_ip)),
                "value does not look like a range of addresses",
            )
        }
        "pve-phys-bits" => is(
            value == "host" || value.parse::<u8>().is_ok_and(|bits| (8..=64).contains(&bits)),
            "value must be an integer between 8 and 64 or 'host'",
        ),
        "graphite-path" => is(
            value.split('.').all(is_config_id)
                || value.split('.').all(|part| !part.is_empty() && is_word(part)),
            "value does not look like a valid graphite path",
        ),
        _ => None,
    }
}

/// Returns the network that the id of a subnet, `zone-10.0.0.0-24`, speaks of.
pub(crate) fn subnet_of(id: &str) -> Option<String> {
    let (rest, prefix) = id.rsplit_once('-')?;
    let (_, network) = rest.split_once('-')?;
    let cidr = format!("{network}/{prefix}");
    address::is_cidr(&cidr).then_some(cidr)
}

/// Tells whether a text is the name of an alias, perhaps with its scope.
pub(crate) fn is_alias(text: &str) -> bool {
    let name = text.strip_prefix("guest/").or_else(|| text.strip_prefix("dc/")).unwrap_or(text);
    name.len() >= 2
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

fn addresses(value: &str) -> Option<String> {
    if value.starts_with('+') || is_alias(value) {
        return None;
    }
    address::list_version(value).err()
}

fn is_ip(text: &str) -> bool {
    text.parse::<std::net::Ipv4Addr>().is_ok() || address::is_ipv6(text)
}

fn is_iface(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.:-".contains(c))
}

fn is_resource(text: &str) -> bool {
    text.split_once(':').is_some_and(|(kind, id)| {
        !kind.is_empty()
            && kind.chars().all(|c| c.is_ascii_lowercase())
            && !id.is_empty()
            && !id.contains(char::is_whitespace)
    })
}

fn is_mac_prefix(text: &str) -> bool {
    let parts = text.trim_end_matches(':').split(':').count();
    let rest = "00:".repeat(6_usize.saturating_sub(parts));
    let full = format!("{}:{rest}", text.trim_end_matches(':'));
    parts <= 5 && is_mac(full.trim_end_matches(':'))
}

fn is_email(text: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && !part.contains(char::is_whitespace);
    text.split_once('@')
        .is_some_and(|(name, domain)| is_part(name) && is_part(domain) && !domain.contains('@'))
}

fn is_user(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
}

fn is_word(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
}
