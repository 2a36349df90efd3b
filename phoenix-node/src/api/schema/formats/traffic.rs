//! What traffic a rule of the firewall speaks of: protocols, ports, types of ICMP.

/// Protocols as `/etc/protocols` names them.
const PROTOCOLS: &str = "ip icmp igmp ggp ipencap st tcp egp igp pup udp hmp xns-idp rdp iso-tp4 dccp xtp ddp idpr-cmtp ipv6 \
    ipv6-route ipv6-frag idrp rsvp gre esp ah skip ipv6-icmp icmpv6 ipv6-nonxt ipv6-opts rspf vmtp eigrp \
    ospf ax.25 ipip etherip encap pim ipcomp vrrp l2tp isis sctp fc mobility-header udplite mpls-in-ip \
    manet hip shim6 wesp rohc ethernet";

/// Protocols that know ports.
const WITH_PORTS: &[&str] = &["udp", "17", "udplite", "136", "tcp", "6", "dccp", "33", "sctp", "132"];

/// Services as `/etc/services` names them.
const SERVICES: &str = "acr-nema afs3-fileserver amanda amqp auth bacula-dir bgp biff bootpc bootps cvspserver daytime dict \
    discard distcc domain domain-s echo epmap exec finger font-service ftp ftp-data ftps ftps-data \
    gdomap git gnunet gopher gpsd hkp http http-alt https imap2 imap3 imaps ipp ipx ircd iscsi-target \
    isisd kerberos kerberos4 klogin kshell ldap ldaps login mdns microsoft-ds ms-sql-m ms-sql-s munin \
    mysql nbd netbios-dgm netbios-ns netbios-ssn netstat nfs nntp nntps ntp nut openvpn pop3 pop3s \
    postgresql printer ptp-event ptp-general qotd radius radius-acct rsync rtelnet rtsp sane-port shell \
    sip sip-tls smtp snmp snmp-trap socks spamd ssh submission submissions sunrpc svn syslog syslog-tls \
    tacacs talk telnet telnets tftp time uucp webmin who whois x11 xdmcp xmpp-client xmpp-server zabbix- \
    agent zabbix-trapper";

/// The types of ICMP, the general ones with their codes.
const ICMP: &str = "any address-mask-reply address-mask-request communication-prohibited destination-unreachable echo- \
    reply echo-request fragmentation-needed host-precedence-violation host-prohibited host-redirect \
    host-unknown host-unreachable ip-header-bad network-prohibited network-redirect network-unknown \
    network-unreachable parameter-problem port-unreachable precedence-cutoff protocol-unreachable \
    redirect required-option-missing router-advertisement router-solicitation source-quench source- \
    route-failed time-exceeded timestamp-reply timestamp-request TOS-host-redirect TOS-host-unreachable \
    TOS-network-redirect TOS-network-unreachable ttl-zero-during-reassembly ttl-zero-during-transit";

/// The types of ICMP for IPv6.
const ICMP6: &str = "address-unreachable bad-header beyond-scope communication-prohibited destination-unreachable echo- \
    reply echo-request failed-policy neighbor-advertisement neighbour-advertisement neighbor- \
    solicitation neighbour-solicitation no-route packet-too-big parameter-problem port-unreachable \
    redirect reject-route router-advertisement router-solicitation time-exceeded ttl-zero-during- \
    reassembly ttl-zero-during-transit unknown-header-type unknown-option";

/// Says what is wrong with a protocol.
pub(super) fn protocol(text: &str) -> Option<String> {
    let is_known = text.parse::<u8>().is_ok() || has(PROTOCOLS, text);
    (!is_known).then(|| format!("unknown protocol '{text}'"))
}

/// Tells whether a protocol knows ports.
pub(crate) fn has_ports(protocol: &str) -> bool {
    WITH_PORTS.contains(&protocol)
}

/// Tells whether a protocol is ICMP, and whether that of IPv6.
pub(crate) fn icmp_version(protocol: &str) -> Option<u8> {
    match protocol {
        "icmp" | "1" => Some(4),
        "icmpv6" | "ipv6-icmp" | "58" => Some(6),
        _ => None,
    }
}

/// Says what is wrong with a list of ports. Where traffic goes, types of ICMP may stand too.
pub(super) fn ports(text: &str, is_destination: bool) -> Option<String> {
    let items: Vec<&str> = text.split(',').collect();
    if items.iter().any(|item| item.is_empty()) {
        return Some("extraneous commas in list".to_owned());
    }
    let (mut count, mut has_icmp) = (0, false);
    for item in items {
        if let Some((first, last)) = item.split_once(':')
            && is_number(first)
            && is_number(last)
        {
            count += 2;
            let (Some(first), Some(last)) = (port(first), port(last)) else {
                let wrong = if port(first).is_none() { first } else { last };
                return Some(format!("invalid port '{wrong}'"));
            };
            if first > last {
                return Some(format!(
                    "backwards range '{first}:{last}' not allowed, did you mean '{last}:{first}'?"
                ));
            }
        } else if is_number(item) {
            count += 1;
            if port(item).is_none() {
                return Some(format!("invalid port '{item}'"));
            }
        } else if is_destination && is_icmp_name(item) {
            has_icmp = true;
            count += 1;
        } else if has(SERVICES, item) {
            count += 1;
        } else {
            return Some(format!("invalid port '{item}'"));
        }
    }
    if has_icmp && count > 1 {
        return Some("ICMP ports not allowed in port range".to_owned());
    }
    (count > 15).then(|| "too many entries in port list (> 15 numbers)".to_owned())
}

/// Says what is wrong with a type of ICMP.
pub(super) fn icmp_type(text: &str) -> Option<String> {
    let is_right = is_number(text)
        || is_icmp_name(text)
        || text.split_once('/').is_some_and(|(kind, code)| is_number(kind) && is_number(code));
    (!is_right && !text.is_empty()).then(|| format!("invalid icmp-type value '{text}'"))
}

/// Tells whether ICMP of a version has a type.
pub(crate) fn has_icmp_type(version: u8, text: &str) -> bool {
    let names = if version == 6 { ICMP6 } else { ICMP };
    has(names, text) || text.split('/').all(is_number)
}

fn is_icmp_name(text: &str) -> bool {
    has(ICMP, text) || has(ICMP6, text)
}

fn has(names: &str, text: &str) -> bool {
    names.split(' ').any(|name| name == text)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn port(text: &str) -> Option<u16> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_numbers_ranges_and_services() {
        assert_eq!(ports("22,80:90,https", true), None);
        assert_eq!(ports("echo-request", true), None);
        assert_eq!(ports("echo-request", false).unwrap(), "invalid port 'echo-request'");
        assert_eq!(ports("70000", true).unwrap(), "invalid port '70000'");
        assert_eq!(
            ports("90:80", true).unwrap(),
            "backwards range '90:80' not allowed, did you mean '80:90'?"
        );
        assert!(ports(&["1:2"; 8].join(","), true).is_some());
        assert_eq!(protocol("tcp"), None);
        assert_eq!(protocol("tpc").unwrap(), "unknown protocol 'tpc'");
    }
}
