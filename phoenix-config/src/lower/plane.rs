//! The network plane: services, how they are published, what the firewall shall do and which directories are shared.

use std::collections::BTreeMap;

use ipnet::IpNet;
use phoenix_core::{
    Diagnostic, GuestId, GuestKind, Network,
    network::{Client, Firewall, Member, Mount, Origin, Publishing, Reach, Rule, Scheme, Service, Volume},
};

use super::{Context, canonical_feature, labels};
use crate::{
    cross::firewall_in_shared_volumes,
    format::{
        firewall::{Direction, Rule as RuleEntry, Verdict},
        id::Id,
        service::{ClientEntry, ServiceEntry},
        volume::{FullMount, MountEntry},
    },
    model::{Entry, Guest, HYPERVISOR_FILE, Spot},
};

/// How long certificates are good if nothing is said, in hours.
const CERTIFICATE_HOURS: u32 = 720;

/// Returns the network plane that the files describe.
pub(super) fn network(context: &mut Context<'_>) -> Network {
    let host = context.host;
    let net = host.addresses.first().and_then(|address| address.parse::<IpNet>().ok());
    let dns = context.model.hypervisor.dns_server.as_ref().filter(|dns| dns.enabled);
    let addresses = |texts: &[String]| texts.iter().filter_map(|text| text.parse().ok()).collect();
    let mut network = Network {
        node: host.node.clone(),
        address: net.map(|net| net.addr()),
        net: net.map(|net| net.trunc().to_string()),
        domain: host.domain.clone(),
        upstream: dns.map(|dns| addresses(&dns.upstream_servers)),
        publishing: publishing(context),
        members: context.guests.iter().filter(|guest| !guest.is_template).map(member).collect(),
        firewall: firewall(context),
        ..Network::default()
    };
    network.services = services(context, &network);
    network.volumes = volumes(context);
    network
}

pub(super) fn origin(spot: &Spot) -> Origin {
    Origin { file: spot.file.clone(), path: spot.pointer.clone() }
}

fn publishing(context: &mut Context<'_>) -> Option<Publishing> {
    let entry = context.model.hypervisor.publishing.as_ref()?;
    let spot = Spot::new(HYPERVISOR_FILE, "/publishing");
    let mut guest = |id: Option<Id>, key: &str| named(context, id?.0, &spot.at(key));
    Some(Publishing {
        gateway: guest(entry.gateway, "gateway"),
        router: guest(entry.router, "router"),
        authority: guest(entry.authority, "authority"),
        outside_address: entry.outside_address.as_deref().and_then(|address| address.parse().ok()),
        outside_listen: entry.outside_listen.as_deref().and_then(|address| address.parse().ok()),
        management: entry.management.clone(),
        certificate_hours: entry.certificate_hours.unwrap_or(CERTIFICATE_HOURS),
        origin: origin(&spot),
    })
}

/// Returns the guest of a vmid, and reports one that is not there or never runs.
fn named(context: &mut Context<'_>, vmid: u32, spot: &Spot) -> Option<GuestId> {
    match context.guest(vmid) {
        Some(guest) if !guest.is_template => Some(guest.id),
        Some(guest) => {
            let message = format!("{vmid} (`{}`) is a template, which never runs", guest.name);
            let finding = Diagnostic::error("dangling-guest", message).with_hint("name a guest that runs");
            context.findings.push(spot.put(finding));
            None
        }
        None => {
            let finding = Diagnostic::error("dangling-guest", format!("no file declares a guest {vmid}"))
                .with_hint("write the vmid of a container or virtual machine that is declared");
            context.findings.push(spot.put(finding));
            None
        }
    }
}

fn member(guest: &Guest<'_>) -> (GuestId, Member) {
    let addresses = guest
        .networks
        .iter()
        .filter_map(|(network, _)| Some(network.ip.as_deref()?.parse::<IpNet>().ok()?.addr()))
        .collect();
    let features = guest.features.iter().map(|entry| canonical_feature(entry.name())).collect();
    let member = Member { origin: origin(&guest.spot), name: guest.name.to_owned(), addresses, features };
    (guest.id, member)
}

fn services(context: &mut Context<'_>, network: &Network) -> Vec<Service> {
    let mut all = Vec::new();
    for guest in context.guests.iter().filter(|guest| !guest.is_template) {
        for (name, entry) in guest.services {
            let spot = guest.spot.at(&format!("services/{}", crate::source::escape(name)));
            all.push(service(context, network, guest, (name, entry), &spot));
        }
        all.extend(old_route(network, guest));
        // What the guest's own entry says of a name counts more than a label of a stack that it runs.
        let is_known = |one: &Service| {
            let own = all.iter().filter(|other| other.guest == one.guest);
            own.clone().any(|other| one.hosts.iter().all(|host| other.hosts.contains(host)))
        };
        let labelled: Vec<Service> = labels::services(context.model, network, guest)
            .into_iter()
            .filter(|one| !is_known(one))
            .collect();
        all.extend(labelled);
    }
    all
}

fn service(
    context: &mut Context<'_>,
    network: &Network,
    guest: &Guest<'_>,
    (name, entry): (&str, &ServiceEntry),
    spot: &Spot,
) -> Service {
    let full = |text: &String| match text.contains('.') {
        true => text.to_lowercase(),
        false => network.name(&text.to_lowercase()),
    };
    let own = entry.host.clone().unwrap_or_else(|| name.to_owned());
    let mut from = Vec::new();
    for (index, client) in entry.from.iter().enumerate() {
        from.extend(match client {
            ClientEntry::Guest(vmid) => {
                named(context, *vmid, &spot.at(&format!("from/{index}"))).map(Client::Guest)
            }
            ClientEntry::Net(net) => Some(Client::Net(net.clone())),
        });
    }
    Service {
        origin: origin(spot),
        name: name.to_owned(),
        guest: guest.id,
        port: u16::try_from(entry.port).unwrap_or_default(),
        hosts: std::iter::once(&own).chain(&entry.aliases).map(full).collect(),
        scheme: entry.scheme,
        reach: entry.reach,
        outside: entry.outside.unwrap_or(entry.reach == Reach::Proxied),
        from,
        health: entry.health.clone().unwrap_or_else(|| "/".to_owned()),
    }
}

/// Returns what `traefik_service` says. It knew no scheme: ports that nobody serves in clear are taken to have TLS.
fn old_route(network: &Network, guest: &Guest<'_>) -> Option<Service> {
    let route = guest.traefik?;
    let port = u16::try_from(route.port).ok()?;
    let publishing = network.publishing.as_ref();
    let is_part = |part: fn(&Publishing) -> Option<GuestId>| publishing.and_then(part) == Some(guest.id);
    // The gateway, the router and the authority are reached as they are: none of them stands behind itself.
    let is_direct = is_part(|it| it.gateway) || is_part(|it| it.router) || is_part(|it| it.authority);
    let has_tls = [443, 8443, 9443].contains(&port) || is_part(|it| it.authority);
    Some(Service {
        origin: origin(&guest.spot.at("traefik_service")),
        name: route.name.clone(),
        guest: guest.id,
        port,
        hosts: vec![network.name(&route.name.to_lowercase())],
        scheme: if has_tls { Scheme::Https } else { Scheme::Http },
        reach: if is_direct { Reach::Direct } else { Reach::Proxied },
        outside: !is_direct,
        from: Vec::new(),
        health: "/".to_owned(),
    })
}

fn firewall(context: &Context<'_>) -> Firewall {
    let hypervisor = &context.model.hypervisor;
    let misplaced = firewall_in_shared_volumes(context.model);
    let (cluster, pointer) = match (&hypervisor.firewall, &misplaced) {
        (Some(firewall), _) => (Some(firewall), "/firewall"),
        (None, firewall) => (firewall.as_ref(), "/shared_volumes/firewall"),
    };
    let spot = Spot::new(HYPERVISOR_FILE, pointer);
    let word = |verdict: Option<Verdict>| verdict.map(|verdict| verdict_word(verdict).to_owned());
    let enabled = context.guests.iter().filter(|guest| !guest.is_template);
    let guests = enabled.filter_map(|guest| {
        let firewall = guest.firewall.filter(|firewall| firewall.enabled)?;
        Some((guest.id, rules(&firewall.rules, &guest.spot.at("firewall/rules"))))
    });
    Firewall {
        enabled: cluster.map(|firewall| firewall.enabled),
        policy_in: word(cluster.and_then(|firewall| firewall.default_input_policy)),
        policy_out: word(cluster.and_then(|firewall| firewall.default_output_policy)),
        rules: cluster.map_or_else(Vec::new, |firewall| {
            rules(&firewall.global_firewall_rules, &spot.at("global_firewall_rules"))
        }),
        guests: guests.collect(),
        origin: origin(&spot),
    }
}

fn rules(entries: &[RuleEntry], spot: &Spot) -> Vec<Rule> {
    let one = |(index, entry): (usize, &RuleEntry)| Rule {
        origin: origin(&spot.at(&index.to_string())),
        direction: match entry.direction {
            Direction::In => "in".to_owned(),
            Direction::Out => "out".to_owned(),
        },
        action: verdict_word(entry.action).to_owned(),
        proto: entry.proto.clone(),
        source: entry.source.clone(),
        dest: entry.dest.clone(),
        dport: entry.port.clone(),
        comment: entry.comment.clone(),
    };
    entries.iter().enumerate().map(one).collect()
}

fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Accept => "ACCEPT",
        Verdict::Drop => "DROP",
        Verdict::Reject => "REJECT",
    }
}

fn volumes(context: &mut Context<'_>) -> Vec<Volume> {
    let mut all = Vec::new();
    for (name, entry) in &context.model.hypervisor.volumes {
        let spot = Spot::new(HYPERVISOR_FILE, format!("/volumes/{}", crate::source::escape(name)));
        let mut mounts = BTreeMap::new();
        for (vmid, mount) in &entry.mounts {
            let at = spot.at(&format!("mounts/{vmid}"));
            let Some(id) = vmid.trim().parse().ok().and_then(|vmid| named(context, vmid, &at)) else {
                continue;
            };
            let (target, read_only) = match mount {
                MountEntry::Path(path) => (path.clone(), false),
                MountEntry::Full(FullMount { path, read_only }) => (path.clone(), *read_only),
            };
            let plain_ids = id.kind == GuestKind::Vm || is_privileged(context, id);
            mounts.insert(id, Mount { target, read_only, plain_ids });
        }
        let mode = entry.mode.as_deref().and_then(|mode| u32::from_str_radix(mode, 8).ok());
        all.push(Volume {
            origin: origin(&spot),
            name: name.clone(),
            path: entry.path.clone(),
            owner: match (entry.uid, entry.gid) {
                (None, None) => None,
                (uid, gid) => Some((uid.unwrap_or(0), gid.or(uid).unwrap_or(0))),
            },
            mode: mode.unwrap_or(0o750),
            mounts,
        });
    }
    all
}

fn is_privileged(context: &Context<'_>, id: GuestId) -> bool {
    let defaults = context.model.lxc.lxc_defaults.as_ref().and_then(|defaults| defaults.unprivileged);
    match context.guest(id.vmid.0).map(|guest| guest.entry) {
        Some(Entry::Lxc(lxc)) => lxc.unprivileged.or(defaults) == Some(false),
        Some(Entry::Vm(_)) | None => false,
    }
}
