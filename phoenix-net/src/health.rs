//! Health: the way to each service, hop by hop, as questions that are asked at the host and in the guests. Each hop is
//! asked on its own, so that what fails is known and not only that something does.

use std::net::{IpAddr, SocketAddr};

use phoenix_core::{
    Evidence, GuestId, Network, Probe, Site,
    network::{Client, Reach, Scheme, Service},
};

use crate::weave::{TRUSTED, gateway, leads_to, router};

/// Where Traefik tells of its routes, to its guest alone.
const ROUTES: &str = "http://127.0.0.1:8082/api/http/routers";
/// How long a hop may take, in seconds.
const PATIENCE: &str = "5";

/// One hop on the way to a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// The service, as `NAME` of its guest.
    pub service: String,
    /// The guest that has it.
    pub guest: GuestId,
    /// What is asked about: `name`, `gateway`, `router`, `route`, `guest` or `service`.
    pub hop: &'static str,
    /// What shall be, for a sentence.
    pub wanted: String,
    /// The question.
    pub probe: Probe,
    wants: Wants,
}

/// The answer that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wants {
    /// Status 0.
    Success,
    /// Status 0, and a line that begins with this word.
    Word(String),
    /// Status 0, and a status of HTTP below 500.
    Http,
    /// A connection, whatever comes of it.
    Connection,
    /// The guest runs.
    Running(GuestId),
}

/// Returns the hops to the services that a filter lets through, from the name to the service itself.
pub fn hops(network: &Network, chosen: impl Fn(&Service) -> bool) -> Vec<Hop> {
    network
        .services
        .iter()
        .filter(|service| chosen(service))
        .flat_map(|service| way(network, service))
        .collect()
}

fn way(network: &Network, service: &Service) -> Vec<Hop> {
    let host = Site::Host(network.node.as_str().into());
    let name = service.hosts.first().cloned().unwrap_or_default();
    let hop = |hop, wanted: String, probe, wants| Hop {
        service: service.name.clone(),
        guest: service.guest,
        hop,
        wanted,
        probe,
        wants,
    };
    let mut hops = Vec::new();
    if let (Some(_), Some(address)) = (&network.upstream, leads_to(network, service)) {
        let probe = Probe::command(&host, ["getent", "ahostsv4", &name]);
        let wanted = format!("`{name}` leads to {address}");
        hops.push(hop("name", wanted, probe, Wants::Word(address.to_string())));
    }
    let is_routed = service.reach == Reach::Proxied && service.scheme.is_web();
    let address_of = |guest: Option<GuestId>| network.address_of(guest?);
    let has_tls = network.publishing.as_ref().is_some_and(|publishing| publishing.authority.is_some());
    if is_routed
        && service.outside
        && let Some(address) = address_of(gateway(network))
    {
        let probe = Probe::command(&host, request(&name, address, has_tls));
        let wanted = format!("the gateway answers for `{name}`{}", shown(has_tls));
        hops.push(hop("gateway", wanted, probe, Wants::Success));
    }
    let by = router(network).filter(|_| is_routed);
    if let (Some(guest), Some(address)) = (by, address_of(by)) {
        if has_tls {
            let probe = Probe::command(&host, request(&name, address, true));
            let wanted = format!("the router answers for `{name}`{}", shown(true));
            hops.push(hop("router", wanted, probe, Wants::Success));
        }
        let route = format!("{ROUTES}/{}{}@file", service.name, if has_tls { "-tls" } else { "" });
        let argv = ["curl", "-fsS", "-o", "/dev/null", "--max-time", PATIENCE, &route];
        let probe = Probe::command(&Site::Guest(guest), argv);
        hops.push(hop("route", format!("the router has a route `{}`", service.name), probe, Wants::Success));
    }
    let wanted = format!("`{}` runs", service.guest);
    hops.push(hop("guest", wanted, Probe::Guests, Wants::Running(service.guest)));
    if let Some((probe, wants)) = at_service(network, service, &name) {
        let wanted = format!("port {} of `{}` answers", service.port, service.guest);
        hops.push(hop("service", wanted, probe, wants));
    }
    hops
}

fn shown(has_tls: bool) -> &'static str {
    if has_tls { ", with a certificate that is good" } else { "" }
}

/// Returns the request for a name at an address.
fn request(name: &str, address: IpAddr, has_tls: bool) -> Vec<String> {
    let (scheme, port) = if has_tls { ("https", 443) } else { ("http", 80) };
    let address = match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    };
    let there = format!("{name}:{port}:{address}");
    let url = format!("{scheme}://{name}/");
    ["curl", "-sS", "-o", "/dev/null", "--max-time", PATIENCE, "--resolve", &there, &url]
        .map(str::to_owned)
        .into()
}

/// Returns the question to the service itself, asked from where its clients come from.
fn at_service(network: &Network, service: &Service, name: &str) -> Option<(Probe, Wants)> {
    let address = network.address_of(service.guest)?;
    let router = router(network).filter(|_| service.reach == Reach::Proxied);
    let client = service.from.iter().find_map(|client| match client {
        Client::Guest(guest) => Some(*guest),
        Client::Net(_) => None,
    });
    let site = match (router, client) {
        (Some(guest), _) | (None, Some(guest)) => Site::Guest(guest),
        (None, None) => Site::Host(network.node.as_str().into()),
    };
    let at = SocketAddr::new(address, service.port);
    let (argv, wants): (Vec<String>, Wants) = match service.scheme {
        Scheme::Http | Scheme::Https => {
            let mut argv = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}\n", "--max-time", PATIENCE]
                .map(str::to_owned)
                .to_vec();
            if service.scheme == Scheme::Https {
                argv.extend(["--cacert".to_owned(), TRUSTED.to_owned()]);
            }
            argv.extend(["-H".to_owned(), format!("Host: {name}")]);
            argv.push(format!("{}://{at}{}", service.scheme.as_str(), service.health));
            (argv, Wants::Http)
        }
        Scheme::Tcp => {
            let argv =
                ["curl", "-sS", "-w", "%{time_connect}\n", "--max-time", "2", &format!("telnet://{at}")]
                    .map(str::to_owned)
                    .to_vec();
            (argv, Wants::Connection)
        }
        // Nobody answers a datagram that he does not understand.
        Scheme::Udp => return None,
    };
    Some((Probe::command(&site, argv), wants))
}

impl Hop {
    /// Returns why the hop fails; nothing if it does not.
    pub fn problem(&self, answer: &Evidence) -> Option<String> {
        match (&self.wants, answer) {
            (Wants::Running(guest), Evidence::Guests { rows }) => match rows.get(&guest.vmid) {
                Some(row) if row.running => None,
                Some(_) => Some(format!("`{guest}` is stopped; `phoenix start {}` starts it", guest.vmid)),
                None => Some(format!("`{guest}` is not there; `phoenix converge {}` makes it", guest.vmid)),
            },
            (_, Evidence::Unreachable { reason }) => Some(reason.clone()),
            (Wants::Connection, Evidence::Output { stdout, stderr, .. }) => {
                let took = stdout.lines().last().and_then(|line| line.trim().parse::<f64>().ok());
                (took.unwrap_or(0.0) <= 0.0).then(|| said(stdout, stderr))
            }
            (_, Evidence::Output { status: 127, .. }) => {
                let program = match &self.probe {
                    Probe::Command { argv, .. } => argv.first().cloned().unwrap_or_default(),
                    _ => String::new(),
                };
                Some(format!("`{program}` is not installed there"))
            }
            (Wants::Success, Evidence::Output { status: 0, .. }) => None,
            (Wants::Word(word), Evidence::Output { status: 0, stdout, .. }) => {
                let found: Vec<&str> =
                    stdout.lines().filter_map(|line| line.split_whitespace().next()).collect();
                match found.first() {
                    _ if found.contains(&word.as_str()) => None,
                    Some(other) => Some(format!("it leads to {other} instead of {word}")),
                    None => Some("it leads nowhere".to_owned()),
                }
            }
            (Wants::Word(_), Evidence::Output { status: 2, .. }) => Some("nobody knows the name".to_owned()),
            (Wants::Http, Evidence::Output { status: 0, stdout, .. }) => match stdout.trim().parse::<u16>() {
                Ok(code) if code < 500 => None,
                _ => Some(format!("it answers with status {}", stdout.trim())),
            },
            (_, Evidence::Output { stdout, stderr, .. }) => Some(said(stdout, stderr)),
            (_, other) => Some(format!("it has no answer ({other:?})")),
        }
    }
}

/// Returns what a program had to say for itself, in one line.
fn said(stdout: &str, stderr: &str) -> String {
    let line = stderr.lines().chain(stdout.lines()).map(str::trim).find(|line| !line.is_empty());
    line.unwrap_or("it failed without a word").to_owned()
}
