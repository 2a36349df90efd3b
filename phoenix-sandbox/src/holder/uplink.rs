//! The way out of a sandbox: a program on the machine that makes the sandbox's connections as its own, as any program
//! may. It reaches the internet and names; rules and routes inside keep what is private out of its reach.

use std::{
    fs::{self, OpenOptions},
    net::{IpAddr, Ipv4Addr},
    process::Stdio,
    time::Duration,
};

use ipnet::{IpNet, Ipv4Net};
use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::Command,
};

use super::{bridges, cgroups, process::Process, programs, record, sandbox::Sandbox, spec::SandboxSpec};
use crate::{command, error::SandboxError};

const SCRIPT: &str = include_str!("uplink.sh");
const LIMIT: Duration = Duration::from_secs(30);

/// The interface inside.
const TAP: &str = "tap0";
const TABLE: &str = "inet phoenix_uplink";

/// Networks for the program's own two addresses, the first that no bridge uses. Its resolver is the third of it.
const OWN: [&str; 4] = ["10.0.2.0/24", "10.222.222.0/24", "172.31.250.0/24", "192.168.250.0/24"];

/// What is not the internet: private networks, those of links, of the machine itself, of documentation and of groups.
const PRIVATE: [&str; 13] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/3",
];

/// The same of IPv6, which the program does not forward today.
const PRIVATE_6: &str = "::/8, fc00::/7, fe80::/10, ff00::/8";

/// Begins or ends the way out, and returns the program that is it.
pub(super) async fn bring_in_line(
    sandbox: &Sandbox,
    spec: &SandboxSpec,
    running: Option<Process>,
) -> Result<Option<Process>, SandboxError> {
    let alive = running.clone().filter(Process::is_alive);
    if !spec.uplink {
        if running.is_some() {
            if let Some(process) = alive {
                process.kill().await?;
            }
            close(sandbox).await?;
        }
        return Ok(None);
    }
    if let Some(missing) = programs::lacking_for_uplink().into_iter().next() {
        return Err(missing);
    }
    let own = own_network(spec)?;
    let machine = machine_addresses().await?;
    // The rules first: at no time is there a way without them.
    sandbox.run(&["nft", "-f", "-"], rules(&own, &machine).as_bytes(), LIMIT).await?;
    let routes = routes("replace");
    sandbox.run(&["ip", "-batch", "-"], routes.as_bytes(), LIMIT).await?;
    let process = match alive {
        Some(process) => process,
        None => begin(sandbox, spec, &own).await?,
    };
    set_resolver(sandbox, "", &resolver(&own)).await?;
    Ok(Some(process))
}

/// Lists the addresses of the machine: its services are none of the sandbox's business, public or not.
async fn machine_addresses() -> Result<Vec<Ipv4Addr>, SandboxError> {
    #[derive(Deserialize)]
    struct Interface {
        #[serde(default)]
        addr_info: Vec<Address>,
    }
    #[derive(Deserialize)]
    struct Address {
        local: Option<Ipv4Addr>,
    }
    let ip = programs::find("ip", "iproute2")?.display().to_string();
    let words = [ip.as_str(), "-j", "-4", "addr", "show"].map(str::to_owned);
    let shown = command::run(&words, b"", LIMIT).await?;
    let all: Vec<Interface> = serde_json::from_str(&shown.text)
        .map_err(|error| SandboxError::Wrong(format!("what `ip -j addr` says cannot be read: {error}")))?;
    let all = all.iter().flat_map(|one| &one.addr_info).filter_map(|address| address.local);
    // Two ranges of one set may not overlap.
    let is_private = |address: &Ipv4Addr| {
        PRIVATE.iter().filter_map(|net| net.parse::<Ipv4Net>().ok()).any(|net| net.contains(address))
    };
    let mut found: Vec<Ipv4Addr> = all.filter(|address| !is_private(address)).collect();
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// Begins the program, and waits until its interface is there.
async fn begin(sandbox: &Sandbox, spec: &SandboxSpec, own: &Ipv4Net) -> Result<Process, SandboxError> {
    let (nsenter, slirp) =
        (programs::find("nsenter", "util-linux")?, programs::find("slirp4netns", "slirp4netns")?);
    let setsid = programs::find("setsid", "util-linux")?;
    let log = record::place(&spec.dir).join("uplink.log");
    let log = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .open(&log)
        .map_err(SandboxError::file("write", &log))?;
    let holder = sandbox.status().pid.to_string();
    let mark = format!("PHOENIX_UPLINK={}", spec.dir.display());
    // One whose command was killed before it could write it down holds the interface.
    for lost in cgroups::processes(sandbox.joined()).into_iter().filter_map(|pid| Process::of(pid, &mark)) {
        lost.kill().await?;
    }
    let mut command = Command::new(&setsid);
    command
        .arg("--fork")
        .arg(nsenter)
        .args(["-t", &holder, "-p", "--", "/bin/sh", "-c", SCRIPT, "phoenix-uplink"])
        .args(sandbox.joined())
        .arg("--")
        .arg(slirp)
        .args(["--configure", "--mtu=65520", "--disable-host-loopback", "--enable-sandbox", "--ready-fd=3"])
        .arg(format!("--cidr={own}"))
        // A path, because numbers mean something else in the process namespace that it runs in.
        .args(["--netns-type=path", &format!("/proc/{holder}/ns/net"), TAP])
        .env_clear()
        .env("PATH", programs::path())
        .env("PHOENIX_UPLINK", &spec.dir)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log);
    let mut child = command.spawn().map_err(SandboxError::file("run", &setsid))?;
    let mut out = BufReader::new(child.stdout.take().expect("standard output is piped"));
    child.wait().await.map_err(SandboxError::file("run", &setsid))?;
    let whole = async {
        let mut pid = String::new();
        out.read_line(&mut pid).await.ok()?;
        let process = Process::of(pid.trim().parse().ok()?, &mark)?;
        // It writes one byte; the end of the file without it is the end of the program.
        let mut ready = [0];
        match out.read_exact(&mut ready).await {
            Ok(_) => Some(process),
            Err(_) => None,
        }
    };
    tokio::time::timeout(LIMIT, whole).await.ok().flatten().ok_or_else(|| {
        let said = fs::read_to_string(record::place(&spec.dir).join("uplink.log")).unwrap_or_default();
        let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
        SandboxError::Wrong(format!("`slirp4netns` did not bring the sandbox an uplink: {last}"))
    })
}

/// Takes away what is left when the program has ended.
async fn close(sandbox: &Sandbox) -> Result<(), SandboxError> {
    // A table is named before it is deleted, so that one that somebody has flushed is no error.
    let rules = format!("table {TABLE}\ndelete table {TABLE}\n");
    sandbox.run(&["nft", "-f", "-"], rules.as_bytes(), LIMIT).await?;
    let ours: Vec<String> =
        OWN.iter().filter_map(|text| text.parse().ok()).map(|own| resolver(&own)).collect();
    for own in ours {
        set_resolver(sandbox, &own, "").await?;
    }
    sandbox.run(&["ip", "-force", "-batch", "-"], routes("delete").as_bytes(), LIMIT).await.map(drop).or_else(
        |error| {
            // Somebody may have taken one away before.
            tracing::debug!(%error, "routes of the uplink");
            Ok(())
        },
    )
}

/// Writes which resolver the host asks, unless somebody else has said so.
async fn set_resolver(sandbox: &Sandbox, from: &str, to: &str) -> Result<(), SandboxError> {
    const WRITE: &str = r#"[ "$(cat /etc/resolv.conf 2>/dev/null)" != "$1" ] || printf '%s' "${2:+$2
}" >/etc/resolv.conf"#;
    sandbox.run(&["sh", "-euc", WRITE, "sh", from, to], b"", LIMIT).await.map(drop)
}

fn resolver(own: &Ipv4Net) -> String {
    format!("nameserver {}", dns(own))
}

/// Returns where `slirp4netns` answers for names.
fn dns(own: &Ipv4Net) -> IpAddr {
    own.hosts().nth(2).map_or(IpAddr::V4(own.network()), IpAddr::V4)
}

/// Returns a network that no bridge uses.
fn own_network(spec: &SandboxSpec) -> Result<Ipv4Net, SandboxError> {
    let mut used = Vec::new();
    for bridge in &spec.bridges {
        used.extend(bridges::wanted(bridge, spec)?);
    }
    let is_free = |own: &Ipv4Net| {
        used.iter().all(|net| match net {
            IpNet::V4(net) => !net.contains(&own.network()) && !own.contains(&net.network()),
            IpNet::V6(_) => true,
        })
    };
    OWN.iter().filter_map(|text| text.parse().ok()).find(is_free).ok_or_else(|| {
        SandboxError::Wrong(format!(
            "the bridges leave no network for the uplink: one of {} must be free",
            OWN.join(", ")
        ))
    })
}

/// Returns the rules, as one change.
fn rules(own: &Ipv4Net, machine: &[Ipv4Addr]) -> String {
    let dns = dns(own);
    let machine = machine.iter().map(ToString::to_string);
    let private = PRIVATE.iter().map(|net| (*net).to_owned()).chain(machine).collect::<Vec<_>>().join(", ");
    format!(
        "table {TABLE}
delete table {TABLE}
table {TABLE} {{
    chain out {{
        ip daddr {dns} meta l4proto {{ tcp, udp }} th dport 53 accept
        ip daddr {{ {private} }} reject with icmpx admin-prohibited
        ip6 daddr {{ {PRIVATE_6} }} reject with icmpx admin-prohibited
    }}
    chain forward {{
        type filter hook forward priority filter - 5; policy accept;
        oifname \"{TAP}\" jump out
        iifname \"{TAP}\" ct state established,related accept
        iifname \"{TAP}\" drop
    }}
    chain output {{
        type filter hook output priority filter - 5; policy accept;
        oifname \"{TAP}\" jump out
    }}
    chain postrouting {{
        type nat hook postrouting priority srcnat; policy accept;
        oifname \"{TAP}\" masquerade
    }}
}}
"
    )
}

/// Returns lines for `ip -batch`: private networks lead nowhere even when somebody flushes all rules. Routes of bridges
/// are before these.
fn routes(verb: &str) -> String {
    PRIVATE
        .iter()
        // The machine itself and groups have rules of their own in the kernel.
        .filter(|net| !matches!(**net, "0.0.0.0/8" | "127.0.0.0/8" | "224.0.0.0/3"))
        .map(|net| format!("route {verb} unreachable {net} metric 4294967294\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::holder::Bridge;

    fn spec(address: &str) -> SandboxSpec {
        let bridge =
            Bridge { name: "vmbr0".to_owned(), addresses: vec![address.to_owned()], gateways: Vec::new() };
        SandboxSpec { dir: "/node".into(), hostname: "pve".to_owned(), bridges: vec![bridge], uplink: true }
    }

    #[test]
    fn the_program_takes_a_network_that_no_bridge_uses() {
        let own = |address| own_network(&spec(address)).expect("one is free").to_string();
        assert_eq!(own("10.1.0.1/24"), "10.0.2.0/24");
        assert_eq!(own("10.0.0.13/16"), "10.222.222.0/24");
        assert_eq!(own("10.0.0.13/8"), "172.31.250.0/24");
    }

    #[test]
    fn only_the_resolver_is_allowed_before_all_that_is_private_is_rejected() {
        let rules = rules(&"10.0.2.0/24".parse().expect("is a network"), &[Ipv4Addr::new(8, 1, 2, 3)]);
        assert!(
            rules.contains("224.0.0.0/3, 8.1.2.3 }"),
            "the machine is reached by its public address: {rules}"
        );
        let allowed =
            rules.find("10.0.2.3 meta l4proto { tcp, udp } th dport 53 accept").expect("names resolve");
        let rejected = rules.find("reject with").expect("private networks are out of reach");
        assert!(allowed < rejected);
        assert_eq!(rules.matches(" accept\n").count(), 2, "{rules}");
    }
}
