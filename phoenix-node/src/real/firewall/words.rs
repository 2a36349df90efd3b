//! The names that rules may use for numbers: protocols, services and types of ICMP, as the registry of IANA has them. The
//! machine's own files are not asked: the same rules mean the same everywhere.

use super::addresses::Family;

pub(super) const PROTOCOLS: &str = "ip=0 icmp=1 igmp=2 ggp=3 ipencap=4 st=5 tcp=6 egp=8 igp=9 pup=12 udp=17 hmp=20 xns-idp=22 rdp=27 \
    iso-tp4=29 dccp=33 xtp=36 ddp=37 idpr-cmtp=38 ipv6=41 ipv6-route=43 ipv6-frag=44 idrp=45 rsvp=46 gre=47 esp=50 \
    ah=51 skip=57 ipv6-icmp=58 icmpv6=58 ipv6-nonxt=59 ipv6-opts=60 rspf=73 vmtp=81 eigrp=88 ospf=89 ax.25=93 ipip=94 \
    etherip=97 encap=98 pim=103 ipcomp=108 vrrp=112 l2tp=115 isis=124 sctp=132 fc=133 mobility-header=135 udplite=136 \
    mpls-in-ip=137 manet=138 hip=139 shim6=140 wesp=141 rohc=142 ethernet=143";

pub(super) const SERVICES: &str = "acr-nema=104 afs3-fileserver=7000 amanda=10080 amqp=5672 auth=113 bacula-dir=9101 bgp=179 biff=512 \
    bootpc=68 bootps=67 cvspserver=2401 daytime=13 dict=2628 discard=9 distcc=3632 domain=53 domain-s=853 echo=7 \
    epmap=135 exec=512 finger=79 font-service=7100 ftp=21 ftp-data=20 ftps=990 ftps-data=989 gdomap=538 git=9418 \
    gnunet=2086 gopher=70 gpsd=2947 hkp=11371 http=80 http-alt=8080 https=443 imap2=143 imap3=220 imaps=993 ipp=631 \
    ipx=213 ircd=6667 iscsi-target=3260 isisd=2608 kerberos=88 kerberos4=750 klogin=543 kshell=544 ldap=389 ldaps=636 \
    login=513 mdns=5353 microsoft-ds=445 ms-sql-m=1434 ms-sql-s=1433 munin=4949 mysql=3306 nbd=10809 netbios-dgm=138 \
    netbios-ns=137 netbios-ssn=139 netstat=15 nfs=2049 nntp=119 nntps=563 ntp=123 nut=3493 openvpn=1194 pop3=110 \
    pop3s=995 postgresql=5432 printer=515 ptp-event=319 ptp-general=320 qotd=17 radius=1812 radius-acct=1813 rsync=873 \
    rtelnet=107 rtsp=554 sane-port=6566 shell=514 sip=5060 sip-tls=5061 smtp=25 snmp=161 snmp-trap=162 socks=1080 \
    spamd=783 ssh=22 submission=587 submissions=465 sunrpc=111 svn=3690 syslog=514 syslog-tls=6514 tacacs=49 talk=517 \
    telnet=23 telnets=992 tftp=69 time=37 uucp=540 webmin=10000 who=513 whois=43 x11=6000 xdmcp=177 xmpp-client=5222 \
    xmpp-server=5269 zabbix-agent=10050 zabbix-trapper=10051";

pub(super) const ICMP: &str = "echo-reply=0 destination-unreachable=3 network-unreachable=3/0 host-unreachable=3/1 \
    protocol-unreachable=3/2 port-unreachable=3/3 fragmentation-needed=3/4 source-route-failed=3/5 network-unknown=3/6 \
    host-unknown=3/7 network-prohibited=3/9 host-prohibited=3/10 TOS-network-unreachable=3/11 TOS-host-unreachable=3/12 \
    communication-prohibited=3/13 host-precedence-violation=3/14 precedence-cutoff=3/15 source-quench=4 redirect=5 \
    network-redirect=5/0 host-redirect=5/1 TOS-network-redirect=5/2 TOS-host-redirect=5/3 echo-request=8 \
    router-advertisement=9 router-solicitation=10 time-exceeded=11 ttl-zero-during-transit=11/0 \
    ttl-zero-during-reassembly=11/1 parameter-problem=12 ip-header-bad=12/0 required-option-missing=12/1 \
    timestamp-request=13 timestamp-reply=14 address-mask-request=17 address-mask-reply=18";

pub(super) const ICMP6: &str = "destination-unreachable=1 no-route=1/0 communication-prohibited=1/1 beyond-scope=1/2 \
    address-unreachable=1/3 port-unreachable=1/4 failed-policy=1/5 reject-route=1/6 packet-too-big=2 time-exceeded=3 \
    ttl-zero-during-transit=3/0 ttl-zero-during-reassembly=3/1 parameter-problem=4 bad-header=4/0 \
    unknown-header-type=4/1 unknown-option=4/2 echo-request=128 echo-reply=129 router-solicitation=133 \
    router-advertisement=134 neighbor-solicitation=135 neighbour-solicitation=135 neighbor-advertisement=136 \
    neighbour-advertisement=136 redirect=137";

/// Returns the number of a protocol.
pub(super) fn protocol(text: &str) -> Option<u8> {
    text.parse().ok().or_else(|| find(PROTOCOLS, text)?.parse().ok())
}

/// Returns the number of a port.
pub(super) fn port(text: &str) -> Option<u16> {
    text.parse().ok().or_else(|| find(SERVICES, text)?.parse().ok())
}

/// Returns a type of ICMP, with its code if it has one: `8`, `3/4`, `echo-request`.
pub(super) fn icmp(family: Family, text: &str) -> Option<(u8, Option<u8>)> {
    let names = match family {
        Family::V4 => ICMP,
        Family::V6 => ICMP6,
    };
    let number = find(names, text).unwrap_or(text);
    match number.split_once('/') {
        Some((kind, code)) => Some((kind.parse().ok()?, Some(code.parse().ok()?))),
        None => Some((number.parse().ok()?, None)),
    }
}

fn find(names: &'static str, name: &str) -> Option<&'static str> {
    names
        .split(' ')
        .filter_map(|pair| pair.split_once('='))
        .find(|(known, _)| *known == name)
        .map(|pair| pair.1)
}
