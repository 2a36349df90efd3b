//! A client outside of a sandbox's bridges: a network of its own with one line to the host, which is its only way, as the
//! internet's side of a router is. What arrives there can be led on to guests, port by port.

use std::{
    fmt::Write as _,
    net::{IpAddr, Ipv4Addr, SocketAddrV4},
    str::FromStr,
    time::Duration,
};

use ipnet::Ipv4Net;

use super::{programs, sandbox::Sandbox, spec::Bridge};
use crate::{command::Output, error::SandboxError};

const SCRIPT: &str = include_str!("outside.sh");
const NAME: &str = "outside";
const TABLE: &str = "ip phoenix_outside";
const LIMIT: Duration = Duration::from_secs(30);

/// What is wanted of the client outside. The default is `203.0.113.50`, which reaches the host at `203.0.113.1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutsideSpec {
    /// Its address with its network.
    pub client: Ipv4Net,
    /// The host's address on the line, in the same network: what the world knows of the lab.
    pub host: Ipv4Addr,
    /// Whom it asks for names; nobody if not given.
    pub resolver: Option<IpAddr>,
    /// What arrives at the host's address there and is led on.
    pub forwards: Vec<Forward>,
}

/// A port of the host's outer address that leads to a guest: `443=10.0.0.153:8443` as a text, `443=10.0.0.153` for the
/// same port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forward {
    /// The port, of TCP.
    pub port: u16,
    /// Where it leads.
    pub to: SocketAddrV4,
}

impl FromStr for Forward {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not `PORT=ADDRESS:PORT`, such as `443=10.0.0.153:443`");
        let (port, to) = text.split_once('=').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        let alone = to.parse().map(|address| SocketAddrV4::new(address, port)).ok();
        Ok(Self { port, to: alone.or_else(|| to.parse().ok()).ok_or_else(wrong)? })
    }
}

/// The client outside of a sandbox's bridges.
#[derive(Clone, Debug)]
pub struct Outside(Sandbox);

impl Default for OutsideSpec {
    fn default() -> Self {
        let client = Ipv4Net::new_assert(Ipv4Addr::new(203, 0, 113, 50), 24);
        Self { client, host: Ipv4Addr::new(203, 0, 113, 1), resolver: None, forwards: Vec::new() }
    }
}

impl Sandbox {
    /// Makes the client outside, or brings it in line with what is wanted; it goes with the sandbox. The host answers at
    /// the gateways that these bridges name, as it does before an uplink: else what guests answer would not leave.
    ///
    /// ```no_run
    /// # async fn example(sandbox: phoenix_sandbox::Sandbox) -> Result<(), phoenix_sandbox::SandboxError> {
    /// use phoenix_sandbox::{Forward, OutsideSpec};
    /// let to = "10.0.0.153:443".parse().expect("is an address with a port");
    /// let spec = OutsideSpec { forwards: vec![Forward { port: 443, to }], ..OutsideSpec::default() };
    /// let outside = sandbox.outside(&spec, &[]).await?;
    /// let limit = std::time::Duration::from_secs(20);
    /// outside.run(&["curl", "--resolve", "a.example:443:203.0.113.1", "https://a.example/"], b"", limit).await?;
    /// # Ok(()) }
    /// ```
    pub async fn outside(&self, spec: &OutsideSpec, bridges: &[Bridge]) -> Result<Outside, SandboxError> {
        programs::find("nft", "nftables")?;
        if !spec.client.contains(&spec.host) || spec.client.addr() == spec.host {
            return Err(SandboxError::Wrong(format!(
                "`{}` is not an address beside `{}` in the same network, on which a client outside reaches the host",
                spec.host, spec.client
            )));
        }
        let (client, way) = (spec.client.to_string(), spec.host.to_string());
        let host = format!("{way}/{}", spec.client.prefix_len());
        let mut words = vec!["/bin/sh", "-c", SCRIPT, "phoenix-outside", NAME, &client, &host, &way];
        for bridge in bridges {
            words.extend(bridge.gateways.iter().flat_map(|gateway| [bridge.name.as_str(), gateway]));
        }
        self.run(&words, input(spec).as_bytes(), LIMIT).await?;
        Ok(Outside(self.clone()))
    }
}

impl Outside {
    /// Finds the client outside of a sandbox, if it has one.
    pub fn find(sandbox: &Sandbox) -> Option<Self> {
        let mount = format!("/proc/{}/root/run/netns/{NAME}", sandbox.status().pid);
        std::path::Path::new(&mount).exists().then(|| Self(sandbox.clone()))
    }

    /// Returns the words that, set before others, run these at the client: with the host's files and the client's network
    /// and resolver.
    pub fn enter(&self) -> Vec<String> {
        let mut words = self.0.enter();
        words.extend(["ip", "netns", "exec", NAME].map(str::to_owned));
        words
    }

    /// Runs words at the client.
    pub async fn run(&self, words: &[&str], input: &[u8], limit: Duration) -> Result<Output, SandboxError> {
        let mut all = vec!["ip", "netns", "exec", NAME];
        all.extend(words);
        self.0.run(&all, input, limit).await
    }
}

/// Returns what the script reads: the client's `resolv.conf`, and the rules as one change.
fn input(spec: &OutsideSpec) -> String {
    let mut text = String::new();
    let mut line = |line: std::fmt::Arguments<'_>| writeln!(text, "{line}").expect("a string takes all text");
    if let Some(resolver) = spec.resolver {
        line(format_args!("nameserver {resolver}"));
    }
    line(format_args!(".\ntable {TABLE}\ndelete table {TABLE}\ntable {TABLE} {{"));
    line(format_args!("    chain arrive {{"));
    line(format_args!("        type nat hook prerouting priority dstnat; policy accept;"));
    for Forward { port, to } in &spec.forwards {
        line(format_args!(
            "        iifname \"wan0\" ip daddr {} tcp dport {port} dnat to {}:{}",
            spec.host,
            to.ip(),
            to.port()
        ));
    }
    line(format_args!("    }}\n}}"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forward_is_read_with_and_without_the_second_port() {
        let read = |text: &str| text.parse::<Forward>().map(|forward| forward.to.to_string());
        assert_eq!(read("443=10.0.0.153"), Ok("10.0.0.153:443".to_owned()));
        assert_eq!(read("80=10.0.0.153:8080"), Ok("10.0.0.153:8080".to_owned()));
        assert!(read("80=gateway").is_err() && read("10.0.0.1:80").is_err());
    }

    #[test]
    fn each_forward_is_a_rule_behind_the_resolver() {
        let to = "10.0.0.153:8443".parse().expect("is an address with a port");
        let spec = OutsideSpec {
            resolver: Some(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1))),
            forwards: vec![Forward { port: 443, to }],
            ..OutsideSpec::default()
        };
        assert_eq!(
            input(&spec),
            "nameserver 203.0.113.1
.
table ip phoenix_outside
delete table ip phoenix_outside
table ip phoenix_outside {
    chain arrive {
        type nat hook prerouting priority dstnat; policy accept;
        iifname \"wan0\" ip daddr 203.0.113.1 tcp dport 443 dnat to 10.0.0.153:8443
    }
}
"
        );
    }
}
