//! What follows from a declaration, and what is found wrong with one.

use phoenix_core::{
    Declared, Descriptor, Desired, Diagnostics, Feature, GuestId, Network, Recipe, Registry, ResourceId,
    network::{Client, Firewall, Member, Mount, Publishing, Reach, Scheme, Service, Volume},
};
use serde_json::{Value, json};

use super::weave;

const GATEWAY: u32 = 101;
const ROUTER: u32 = 102;
const AUTHORITY: u32 = 103;
const HOLDER: u32 = 104;

fn guest(vmid: u32) -> GuestId {
    GuestId::lxc(vmid)
}

fn service(name: &str, port: u16) -> Service {
    Service {
        origin: Default::default(),
        name: name.into(),
        guest: guest(HOLDER),
        port,
        hosts: vec![format!("{name}.example")],
        scheme: Scheme::Http,
        reach: Reach::Proxied,
        outside: true,
        from: Vec::new(),
        health: "/".into(),
    }
}

fn network(services: Vec<Service>) -> Network {
    let member = |vmid: u32| Member {
        origin: Default::default(),
        name: format!("guest-{vmid}"),
        addresses: vec![format!("10.0.0.{}", vmid - 90).parse().unwrap()],
        features: Vec::new(),
    };
    let vmids = [GATEWAY, ROUTER, AUTHORITY, HOLDER];
    Network {
        node: "pve".into(),
        address: Some("10.0.0.1".parse().unwrap()),
        net: Some("10.0.0.0/24".into()),
        domain: Some("example".into()),
        upstream: Some(vec!["192.0.2.53".parse().unwrap()]),
        publishing: Some(Publishing {
            origin: Default::default(),
            gateway: Some(guest(GATEWAY)),
            router: Some(guest(ROUTER)),
            authority: Some(guest(AUTHORITY)),
            outside_address: Some("203.0.113.1".parse().unwrap()),
            outside_listen: Some("203.0.113.1".parse().unwrap()),
            management: Vec::new(),
            certificate_hours: 48,
        }),
        members: vmids.map(|vmid| (guest(vmid), member(vmid))).into(),
        services,
        ..Network::default()
    }
}

fn desired(network: Network) -> Desired {
    let mut desired = Desired::default();
    for guest in network.members.keys() {
        let mut declared = Declared::new(json!({ "guest": { "vmid": guest.vmid, "dependencies": [] } }));
        if guest.vmid.0 == AUTHORITY {
            declared.features.push(phoenix_core::FeatureUse::new("step-ca", json!({})));
        }
        desired.resources.insert(guest.resource(), declared);
    }
    desired.network = Some(network);
    desired
}

fn woven(network: Network) -> Desired {
    let mut desired = desired(network);
    let found = weave(&registry(), &mut desired);
    assert!(found.is_empty(), "{found}");
    desired
}

/// A program that has everything, as far as weaving looks: the names.
fn registry() -> Registry {
    let names = [
        "certificate",
        "cert-renewal",
        "dnsmasq",
        "nfs-mounts",
        "nfs-server",
        "nginx",
        "portainer",
        "step-ca",
        "traefik",
        "trusted-ca",
        "volume-directories",
    ];
    let feature = |name: &str| -> Box<dyn Feature> {
        Box::new(Recipe::<Value>::new(Descriptor::new(name, "", json!({})), |_, _| {}))
    };
    let registry = Registry::new().with_manager(crate::Firewall);
    names.into_iter().fold(registry, |registry, name| registry.with_feature(feature(name)))
}

fn found(network: Network) -> Diagnostics {
    weave(&registry(), &mut desired(network))
}

fn codes(found: &Diagnostics) -> Vec<String> {
    found.iter().map(|finding| finding.code.to_string()).collect()
}

fn config<'a>(desired: &'a Desired, id: &str, feature: &str) -> &'a Value {
    let declared = &desired.resources[&id.parse::<ResourceId>().unwrap()];
    let found = declared.features.iter().find(|found| found.name == feature);
    &found.unwrap_or_else(|| panic!("`{id}` has no `{feature}`: {:?}", declared.features)).config
}

fn rules(desired: &Desired, id: &str) -> Vec<String> {
    let spec = &desired.resources[&id.parse::<ResourceId>().unwrap()].spec;
    let text = |rule: &Value, key: &str| rule.get(key).and_then(Value::as_str).unwrap_or("-").to_owned();
    let rules = spec["rules"].as_array().unwrap();
    rules.iter().map(|rule| ["key", "dport", "source"].map(|key| text(rule, key)).join(" ")).collect()
}

#[test]
fn one_declaration_gives_records_routes_and_certificates() {
    let desired = woven(network(vec![service("web", 8081)]));
    let names = config(&desired, "host/pve", "dnsmasq");
    let record = |name: &str, address: &str| json!({ "name": name, "addresses": [address] });
    let records = names["records"].as_array().unwrap();
    // Inside, the name leads to the router; outside, to the gateway's outer address.
    assert!(records.contains(&record("web.example", "10.0.0.12")), "{records:?}");
    assert!(records.contains(&record("guest-104.example", "10.0.0.14")), "{records:?}");
    assert_eq!(names["outside"]["records"], json!([record("web.example", "203.0.113.1")]));
    let routes = &config(&desired, "lxc/102", "traefik")["routes"];
    assert_eq!(routes["web"]["servers"], json!(["http://10.0.0.14:8081"]));
    assert_eq!(routes["web-tls"]["entrypoints"], json!(["websecure"]));
    let site = &config(&desired, "lxc/101", "nginx")["sites"][0];
    assert_eq!(site["server_names"], json!(["web.example"]));
    assert_eq!(site["locations"][0]["proxy"], "http://10.0.0.12:80");
    let certificate = |id: &str| &config(&desired, id, "certificate")["certificates"][0];
    assert_eq!(certificate("lxc/101")["names"], json!(["web.example"]));
    assert_eq!(certificate("lxc/102")["lifetime_h"], 48);
    assert_eq!(site["tls"]["certificate"], "/etc/phoenix/certificates/gateway.crt");
    assert_eq!(config(&desired, "lxc/104", "trusted-ca")["certificates"][0]["from"]["guest"], "lxc/103");
    // The host trusts the root too, and renews, but only after the authority is up.
    config(&desired, "host/pve/crown", "trusted-ca");
    config(&desired, "host/pve/crown", "cert-renewal");
    let dependencies = &desired.resources[&guest(HOLDER).resource()].spec["guest"]["dependencies"];
    assert_eq!(*dependencies, json!(["host/pve"]));
}

#[test]
fn what_is_not_declared_any_more_leaves_nothing() {
    let with = woven(network(vec![service("web", 8081), service("more", 8082)]));
    let without = woven(network(vec![service("web", 8081)]));
    let never = serde_json::to_string(&without).unwrap();
    assert!(serde_json::to_string(&with).unwrap().contains("more.example"));
    assert!(!never.contains("more"), "{never}");
}

#[test]
fn another_port_moves_the_route_and_the_opening_alone() {
    let plane = |port: u16| {
        let mut network = network(vec![service("web", port)]);
        network.firewall = Firewall { enabled: Some(true), ..Firewall::default() };
        network.firewall.guests.insert(guest(HOLDER), Vec::new());
        woven(network)
    };
    let (old, new) = (plane(8081), plane(8082));
    let moved: Vec<&str> = new
        .resources
        .iter()
        .filter(|(id, declared)| old.resources[*id] != **declared)
        .map(|(id, _)| id.as_str())
        .collect();
    assert_eq!(moved, ["firewall/lxc-104", "lxc/102"]);
    assert!(rules(&new, "firewall/lxc-104").contains(&"service-web 8082 10.0.0.12".to_owned()));
}

#[test]
fn a_direct_service_is_its_guests_own_and_open_to_whom_it_names() {
    let mut direct = service("agent", 9001);
    direct.reach = Reach::Direct;
    direct.outside = false;
    direct.scheme = Scheme::Tcp;
    direct.from = vec![Client::Guest(guest(GATEWAY))];
    let mut plane = network(vec![direct]);
    plane.firewall = Firewall { enabled: Some(true), ..Firewall::default() };
    plane.firewall.guests.insert(guest(HOLDER), Vec::new());
    let desired = woven(plane);
    let records = config(&desired, "host/pve", "dnsmasq")["records"].as_array().unwrap();
    assert!(records.contains(&json!({ "name": "agent.example", "addresses": ["10.0.0.14"] })));
    assert!(rules(&desired, "firewall/lxc-104").contains(&"service-agent 9001 10.0.0.11".to_owned()));
    assert!(config(&desired, "lxc/101", "nginx").get("sites").is_none());
}

#[test]
fn whoever_speaks_https_has_a_certificate_for_its_names_and_its_address() {
    let mut secure = service("portal", 9443);
    secure.scheme = Scheme::Https;
    let desired = woven(network(vec![secure]));
    let own = &config(&desired, "lxc/104", "certificate")["certificates"][0];
    assert_eq!(own["names"], json!(["guest-104.example", "portal.example", "10.0.0.14"]));
    let router = config(&desired, "lxc/102", "traefik");
    assert_eq!(router["routes"]["portal"]["servers"], json!(["https://10.0.0.14:9443"]));
    assert_eq!(router["trusted_roots"], json!([super::TRUSTED]));
}

#[test]
fn what_the_user_has_written_himself_stays() {
    let mut plane = desired(network(vec![service("web", 8081)]));
    let own = json!({ "entrypoints": { "web": 8080 }, "log_level": "DEBUG" });
    let router = plane.resources.get_mut(&guest(ROUTER).resource()).unwrap();
    router.features.push(phoenix_core::FeatureUse::new("traefik", own));
    assert!(weave(&registry(), &mut plane).is_empty());
    let config = config(&plane, "lxc/102", "traefik");
    assert_eq!(config["log_level"], "DEBUG");
    assert_eq!(config["entrypoints"], json!({ "web": 8080, "websecure": 443 }));
}

#[test]
fn a_name_that_leads_to_two_places_is_found() {
    let mut clash = service("guest-104", 80);
    clash.hosts = vec!["guest-104.example".into()];
    assert_eq!(codes(&found(network(vec![clash]))), ["name-clash"]);
    let again = Service { guest: guest(GATEWAY), ..service("web", 1) };
    let both = found(network(vec![service("web", 1), again]));
    assert_eq!(codes(&both), ["name-clash", "duplicate-service"]);
    assert!(both.0[0].message.contains("web.example"), "{both}");
}

#[test]
fn a_direct_service_cannot_be_for_those_outside_and_an_authority_must_be_one() {
    let mut direct = service("web", 80);
    direct.reach = Reach::Direct;
    assert_eq!(codes(&found(network(vec![direct]))), ["direct-outside"]);
    let mut none = network(Vec::new());
    none.publishing.as_mut().unwrap().authority = Some(guest(HOLDER));
    assert_eq!(codes(&found(none)), ["no-authority"]);
}

fn volume(mounts: &[(GuestId, bool)]) -> Volume {
    let mount = |plain_ids| Mount { target: "/data".into(), read_only: false, plain_ids };
    Volume {
        origin: Default::default(),
        name: "data".into(),
        path: "/srv/data".into(),
        owner: Some((33, 33)),
        mode: 0o750,
        mounts: mounts.iter().map(|(guest, plain)| (*guest, mount(*plain))).collect(),
    }
}

#[test]
fn a_volume_belongs_to_the_same_user_in_all_its_guests() {
    let mut plane = network(Vec::new());
    plane.volumes = vec![volume(&[(guest(HOLDER), false)])];
    let desired = woven(plane.clone());
    let directory = &config(&desired, "host/pve", "volume-directories")["directories"][0];
    assert_eq!((&directory["uid"], &directory["mode"]), (&json!(100_033), &json!("0750")));
    let mounts = &desired.resources[&guest(HOLDER).resource()].spec["mounts"];
    assert_eq!(mounts[0]["source"]["path"], "/srv/data");
    plane.volumes = vec![volume(&[(guest(HOLDER), false), (guest(ROUTER), true)])];
    assert_eq!(codes(&found(plane.clone())), ["volume-owners"]);
    plane.volumes = vec![Volume { mode: 0o777, ..volume(&[(guest(HOLDER), true)]) }];
    assert_eq!(codes(&found(plane)), ["world-writable"]);
}

#[test]
fn the_firewall_lets_administration_in_before_anything_else() {
    let mut plane = network(Vec::new());
    plane.firewall = Firewall { enabled: Some(true), ..Firewall::default() };
    let desired = woven(plane.clone());
    let cluster: ResourceId = "firewall/cluster".parse().unwrap();
    let spec = &desired.resources[&cluster].spec;
    assert_eq!(spec["options"]["policy_in"], "DROP");
    assert_eq!(spec["management"]["sources"], json!(["10.0.0.0/24"]));
    assert_eq!(rules(&desired, "firewall/cluster"), ["management 22,8006 10.0.0.0/24"]);
    // Switched off again, nothing of it stays.
    plane.firewall.enabled = Some(false);
    let desired = woven(plane);
    assert_eq!(desired.resources[&cluster].spec["options"], json!({ "enable": "0" }));
    assert!(rules(&desired, "firewall/cluster").is_empty());
}
