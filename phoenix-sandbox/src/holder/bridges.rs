//! Bridges of the sandbox, brought in line with what is wanted. Those that somebody else has made in it stay.

use std::{collections::BTreeSet, fmt::Write as _, time::Duration};

use ipnet::IpNet;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{
    sandbox::Sandbox,
    spec::{Bridge, SandboxSpec},
};
use crate::error::SandboxError;

/// What tells our bridges from others.
const ALIAS: &str = "phoenix";
const LIMIT: Duration = Duration::from_secs(30);

/// An interface, as `ip -j -d addr` shows it.
#[derive(Debug, Deserialize)]
struct Interface {
    #[serde(rename = "ifname")]
    name: String,
    #[serde(default, rename = "ifalias")]
    alias: Option<String>,
    #[serde(default)]
    flags: Vec<String>,
    #[serde(default, rename = "addr_info")]
    addresses: Vec<Address>,
}

#[derive(Debug, Deserialize)]
struct Address {
    #[serde(default)]
    local: Option<std::net::IpAddr>,
    prefixlen: u8,
    scope: String,
}

/// Makes, changes and removes bridges until they are as wanted.
pub(super) async fn bring_in_line(sandbox: &Sandbox, spec: &SandboxSpec) -> Result<(), SandboxError> {
    let shown = sandbox.run(&["ip", "-j", "-d", "addr", "show"], b"", LIMIT).await?;
    let there: Vec<Interface> = serde_json::from_str(&shown.text)
        .map_err(|error| SandboxError::Wrong(format!("what `ip -j addr` says cannot be read: {error}")))?;
    let batch = batch(&there, spec)?;
    if !batch.is_empty() {
        sandbox.run(&["ip", "-batch", "-"], batch.as_bytes(), LIMIT).await?;
    }
    Ok(())
}

/// Parses the addresses that a bridge shall have. The first of a network is what the host answers from.
pub(super) fn wanted(bridge: &Bridge, spec: &SandboxSpec) -> Result<Vec<IpNet>, SandboxError> {
    let gateways = if spec.uplink { bridge.gateways.as_slice() } else { &[] };
    let parse = |text: &String| {
        text.parse::<IpNet>().map_err(|_| {
            SandboxError::Wrong(format!(
                "`{text}` of the bridge `{}` is not an address with a network, such as `10.0.0.13/24`",
                bridge.name
            ))
        })
    };
    bridge.addresses.iter().chain(gateways).map(parse).collect()
}

/// Returns the lines for `ip -batch` that make the difference.
fn batch(there: &[Interface], spec: &SandboxSpec) -> Result<String, SandboxError> {
    let mut lines = String::new();
    let mut line =
        |text: std::fmt::Arguments<'_>| writeln!(lines, "{text}").expect("a string takes all text");
    for other in there.iter().filter(|one| one.alias.as_deref() == Some(ALIAS)) {
        if !spec.bridges.iter().any(|bridge| bridge.name == other.name) {
            line(format_args!("link del dev {}", other.name));
        }
    }
    for bridge in &spec.bridges {
        let name = &bridge.name;
        let wanted = wanted(bridge, spec)?;
        let found = there.iter().find(|one| one.name == *name);
        if found.is_none() {
            // A fixed address: else the bridge takes that of a guest, and every start of one would make others wait
            // until what they know of the gateway is stale.
            line(format_args!(
                "link add name {name} address {} type bridge stp_state 0 forward_delay 0",
                mac(spec, name)
            ));
            line(format_args!("link set dev {name} alias {ALIAS}"));
        }
        let has: BTreeSet<IpNet> = found
            .into_iter()
            .flat_map(|one| &one.addresses)
            .filter(|address| address.scope == "global")
            .filter_map(|address| IpNet::new(address.local?, address.prefixlen).ok())
            .collect();
        for address in has.iter().filter(|address| !wanted.contains(address)) {
            line(format_args!("addr del {address} dev {name}"));
        }
        for address in wanted.iter().filter(|address| !has.contains(address)) {
            match address {
                IpNet::V4(v4) => line(format_args!("addr add {v4} brd + dev {name}")),
                // Nobody else can have it, and a bridge without a port would never end the search for one.
                IpNet::V6(v6) => line(format_args!("addr add {v6} dev {name} nodad")),
            }
        }
        if !found.is_some_and(|one| one.flags.iter().any(|flag| flag == "UP")) {
            line(format_args!("link set dev {name} up"));
        }
    }
    Ok(lines)
}

/// Returns the hardware address of a bridge: always the same, and from the range that everybody may use.
fn mac(spec: &SandboxSpec, name: &str) -> String {
    let sum = Sha256::digest(format!("{} {name}", spec.dir.display()));
    let rest: Vec<String> = sum.iter().take(5).map(|byte| format!("{byte:02x}")).collect();
    format!("02:{}", rest.join(":"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(bridges: &[(&str, &[&str])], uplink: bool) -> SandboxSpec {
        let bridge = |(name, addresses): &(&str, &[&str])| Bridge {
            name: (*name).to_owned(),
            addresses: addresses.iter().map(|text| (*text).to_owned()).collect(),
            gateways: vec!["10.0.0.254/24".to_owned()],
        };
        SandboxSpec {
            dir: "/node".into(),
            hostname: "pve".to_owned(),
            bridges: bridges.iter().map(bridge).collect(),
            uplink,
        }
    }

    fn there(text: &str) -> Vec<Interface> {
        serde_json::from_str(text).expect("is as `ip` shows it")
    }

    const UP: &str = r#"[{"ifname":"vmbr0","ifalias":"phoenix","flags":["BROADCAST","UP"],"addr_info":[
        {"family":"inet","local":"10.0.0.13","prefixlen":24,"scope":"global"},
        {"family":"inet6","local":"fe80::1","prefixlen":64,"scope":"link"}]}]"#;

    #[test]
    fn nothing_is_done_where_all_is_as_wanted() {
        assert_eq!(batch(&there(UP), &spec(&[("vmbr0", &["10.0.0.13/24"])], false)).expect("is fine"), "");
    }

    #[test]
    fn a_changed_address_is_replaced_and_an_uplink_brings_the_gateway() {
        let lines = batch(&there(UP), &spec(&[("vmbr0", &["10.0.0.14/24"])], true)).expect("is fine");
        assert_eq!(
            lines,
            "addr del 10.0.0.13/24 dev vmbr0\naddr add 10.0.0.14/24 brd + dev vmbr0\naddr add 10.0.0.254/24 brd + dev vmbr0\n"
        );
    }

    #[test]
    fn our_bridge_that_nobody_wants_goes_and_a_foreign_one_stays() {
        let mut interfaces = there(UP);
        interfaces.extend(there(r#"[{"ifname":"other0"}]"#));
        assert_eq!(batch(&interfaces, &spec(&[], false)).expect("is fine"), "link del dev vmbr0\n");
    }

    #[test]
    fn an_address_without_a_network_is_refused_with_the_name_of_its_bridge() {
        let error =
            batch(&[], &spec(&[("vmbr1", &["10.0.0.1"])], false)).expect_err("is refused").to_string();
        assert!(error.contains("`10.0.0.1`") && error.contains("`vmbr1`"), "{error}");
    }
}
