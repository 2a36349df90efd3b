//! The calls on what a virtual machine is told by cloud-init: what differs from its drive, a new drive, and the texts
//! on it.

use std::net::Ipv4Addr;

use ipnet::{Ipv4Net, Ipv6Net};
use percent_encoding::percent_decode_str;
use phoenix_core::GuestKind;
use phoenix_sandbox::Seed;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    api::{
        Call,
        reply::{Answer, Reply},
        router::{Handler, Routes},
        schema::dict,
    },
    state::{config, guest::Guest},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /nodes/{node}/qemu/{vmid}/cloudinit", Handler::Guest(list)),
    ("PUT /nodes/{node}/qemu/{vmid}/cloudinit", Handler::Guest(regenerate)),
    ("GET /nodes/{node}/qemu/{vmid}/cloudinit/dump", Handler::Guest(dump)),
];

/// What of a configuration stands on the drive.
const KEYS: &[&str] = &["cicustom", "cipassword", "ciuser", "nameserver", "searchdomain", "sshkeys"];

fn list(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    let guest = call.guest(kind, vmid)?;
    let present = KEYS.iter().filter_map(|key| Some((*key, guest.get(key)?)));
    let rows = present.map(|(key, value)| json!({ "key": key, "value": config::json(kind, key, value) }));
    Ok(Value::from(rows.collect::<Vec<_>>()).into())
}

fn regenerate(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    call.free_guest(kind, vmid)?;
    Ok(Answer::null())
}

fn dump(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    let guest = call.guest(kind, vmid)?;
    let text = match call.args.text("type") {
        "user" => user_data(guest),
        "network" => network_data(guest),
        _ => meta_data(guest),
    };
    Ok(Value::from(text).into())
}

/// Returns what cloud-init of a machine reads.
pub(crate) fn seed_of(guest: &Guest) -> Seed {
    let files = [
        ("meta-data", meta_data(guest)),
        ("user-data", user_data(guest)),
        ("network-config", network_data(guest)),
    ];
    Seed { files: files.into() }
}

fn meta_data(guest: &Guest) -> String {
    let mut id = config::hex(&Sha256::digest(user_data(guest) + &network_data(guest)));
    id.truncate(40);
    format!("instance-id: {id}\n")
}

fn user_data(guest: &Guest) -> String {
    let name = guest.name();
    let (host, domain) = match name.split_once('.') {
        Some((host, domain)) => (host.to_owned(), Some(domain.to_owned())),
        None => (name.replace(' ', ""), guest.get("searchdomain").map(str::to_owned)),
    };
    let mut text = format!("#cloud-config\nhostname: {host}\nmanage_etc_hosts: true\n");
    if let Some(domain) = domain.as_deref().and_then(|domain| domain.split_whitespace().next()) {
        text.push_str(&format!("fqdn: {host}.{domain}\n"));
    }
    if let Some(user) = guest.get("ciuser") {
        text.push_str(&format!("user: {user}\n"));
    }
    if let Some(password) = guest.get("cipassword") {
        text.push_str(&format!("password: {password}\n"));
    }
    if let Some(keys) = guest.get("sshkeys") {
        let keys = percent_decode_str(keys).decode_utf8_lossy().into_owned();
        text.push_str("ssh_authorized_keys:\n");
        for key in keys.lines().map(str::trim).filter(|key| !key.is_empty()) {
            text.push_str(&format!("  - {key}\n"));
        }
    }
    text.push_str("chpasswd:\n  expire: False\n");
    if guest.get("ciuser") != Some("root") {
        text.push_str("users:\n  - default\n");
    }
    if guest.get("ciupgrade") != Some("0") {
        text.push_str("package_upgrade: true\n");
    }
    text
}

fn network_data(guest: &Guest) -> String {
    let mut text = "version: 1\nconfig:\n".to_owned();
    for (key, value) in &guest.config {
        let ("net", Some(index)) = config::split_index(key) else { continue };
        let mac = config::address_of(GuestKind::Vm, value).unwrap_or_default().to_lowercase();
        text.push_str(&format!(
            "    - type: physical\n      name: eth{index}\n      mac_address: '{mac}'\n      subnets:\n"
        ));
        let wanted = guest.get(&format!("ipconfig{index}")).unwrap_or_default();
        text.push_str(&subnets(&dict::parts("pve-qm-ipconfig", wanted)));
    }
    let words = |key: &str| -> Vec<String> {
        let value = guest.get(key).unwrap_or_default();
        value.split_whitespace().map(|word| format!("      - '{word}'\n")).collect()
    };
    let (servers, domains) = (words("nameserver"), words("searchdomain"));
    if !servers.is_empty() || !domains.is_empty() {
        text.push_str("    - type: nameserver\n      address:\n");
        text.push_str(&servers.concat());
        text.push_str("      search:\n");
        text.push_str(&domains.concat());
    }
    text
}

/// Returns the lines that say how a net gets its addresses.
fn subnets(parts: &dict::Parts) -> String {
    let get = |key: &str| parts.get(key).map(String::as_str);
    let gateway = |key: &str| get(key).map_or_else(String::new, |gw| format!("        gateway: '{gw}'\n"));
    let mut text = String::new();
    match get("ip") {
        Some("dhcp") => text.push_str("      - type: dhcp4\n"),
        Some(address) => {
            if let Ok(net) = address.parse::<Ipv4Net>() {
                let (ip, mask): (Ipv4Addr, Ipv4Addr) = (net.addr(), net.netmask());
                text.push_str(&format!(
                    "      - type: static\n        address: '{ip}'\n        netmask: '{mask}'\n{}",
                    gateway("gw")
                ));
            }
        }
        None => {}
    }
    match get("ip6") {
        Some("dhcp") => text.push_str("      - type: dhcp6\n"),
        Some("auto") => text.push_str("      - type: ipv6_slaac\n"),
        Some(address) => {
            if let Ok(net) = address.parse::<Ipv6Net>() {
                text.push_str(&format!(
                    "      - type: static6\n        address: '{net}'\n{}",
                    gateway("gw6")
                ));
            }
        }
        None => {}
    }
    text
}
