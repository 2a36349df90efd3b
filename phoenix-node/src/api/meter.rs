//! The calls that measure a guest: its series, and the interfaces that a running container has.

use phoenix_core::GuestKind;
use serde_json::{Value, json};

use crate::{
    api::{
        Call,
        reply::{Refusal, Reply},
        router::{Handler, Routes},
        schema::dict,
    },
    state::{config, now},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /nodes/{node}/{kind}/{vmid}/rrddata", Handler::Guest(series)),
    ("GET /nodes/{node}/{kind}/{vmid}/rrd", Handler::Guest(picture)),
    ("GET /nodes/{node}/lxc/{vmid}/interfaces", Handler::Guest(interfaces)),
];

/// How far apart the points of each time frame are, in seconds, and how many there are.
const FRAMES: &[(&str, u64, u64)] = &[
    ("hour", 60, 70),
    ("day", 1800, 49),
    ("week", 10_800, 57),
    ("month", 43_200, 61),
    ("year", 604_800, 53),
];

/// Answers with points in time; nothing is measured, so they carry no values.
fn series(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    call.guest(kind, vmid)?;
    let frame = call.args.text("timeframe");
    let (_, step, count) = FRAMES.iter().find(|(name, ..)| *name == frame).copied().unwrap_or(FRAMES[0]);
    let last = now() / step * step;
    let rows = (0..count).rev().map(|back| json!({ "time": last.saturating_sub(back * step) }));
    Ok(Value::from(rows.collect::<Vec<_>>()).into())
}

fn picture(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    call.guest(kind, vmid)?;
    Err(Refusal::failed(format!(
        "RRD error: opening '/var/lib/rrdcached/db/pve2-vm/{vmid}': No such file or directory"
    )))
}

fn interfaces(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    let guest = call.guest(kind, vmid)?;
    if !guest.running {
        return Err(Refusal::failed(format!("CT {vmid} not running")));
    }
    let row = |name: &str, mac: &str, addresses: Vec<(&str, String)>| {
        let mut row = json!({ "name": name, "hwaddr": mac, "hardware-address": mac });
        let list = addresses.iter().filter_map(|(family, text)| {
            let (address, prefix) = text.split_once('/')?;
            Some(json!({ "ip-address-type": family, "ip-address": address, "prefix": prefix }))
        });
        row["ip-addresses"] = list.collect::<Vec<_>>().into();
        for (family, text) in &addresses {
            row[*family] = text.as_str().into();
        }
        row
    };
    let mut rows = vec![row("lo", "00:00:00:00:00:00", Vec::new())];
    for (key, value) in &guest.config {
        let ("net", Some(_)) = config::split_index(key) else { continue };
        let parts = dict::parts("lxc-net", value);
        let fixed = |key: &str| parts.get(key).filter(|text| text.contains('/')).cloned();
        let has_system = guest.world.has_system() && guest.world.base().ostype != "alpine";
        let addresses = [("inet", fixed("ip")), ("inet6", fixed("ip6"))]
            .into_iter()
            .filter_map(|(family, text)| Some((family, text?)))
            .filter(|_| has_system);
        let mac = parts.get("hwaddr").map(|mac| mac.to_lowercase()).unwrap_or_default();
        rows.push(row(parts.get("name").map(String::as_str).unwrap_or_default(), &mac, addresses.collect()));
    }
    Ok(Value::from(rows).into())
}
