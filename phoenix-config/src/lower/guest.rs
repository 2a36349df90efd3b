//! The shared part of a spec: `phoenix_core::guest::GuestSpec`.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_core::{
    Diagnostic, GuestId, GuestKind, Power, ResourceId,
    guest::{GuestSpec, HealthCheck, Startup},
};

use super::{Context, network, origin};
use crate::{
    format::guest::{Health, PowerWord},
    model::Guest,
};

/// What containers and virtual machines write alike but under types of their own.
pub(super) struct Parts<'a> {
    pub(super) cores: Option<u32>,
    pub(super) nameservers: &'a [String],
    pub(super) default_nameservers: &'a [String],
    pub(super) search_domain: &'a Option<String>,
    pub(super) tags: &'a [String],
    pub(super) title: &'a Option<String>,
    pub(super) node: &'a Option<String>,
    pub(super) description: &'a Option<String>,
    pub(super) protection: Option<bool>,
    pub(super) power: Option<PowerWord>,
    pub(super) boot_delay: Option<u32>,
    pub(super) lifecycle_snapshots: bool,
    pub(super) final_snapshot: Option<String>,
    pub(super) health: &'a [Health],
    pub(super) options: &'a BTreeMap<String, String>,
}

/// Returns the shared part of a guest's spec.
pub(super) fn spec(context: &mut Context<'_>, guest: &Guest<'_>, parts: Parts<'_>) -> Option<GuestSpec> {
    let origin = origin::origin(context, guest)?;
    let storage = inherited(context, guest, |guest| guest.storage.map(str::to_owned));
    let Some(storage) = storage else {
        context.findings.push(
            guest.spot.put(
                Diagnostic::error(
                    "missing-key",
                    format!("`{}` has no storage for its root disk", guest.name),
                )
                .with_hint("add `storage_pool`, or give one in the defaults of the file"),
            ),
        );
        return None;
    };
    let disk_gib = inherited(context, guest, |guest| guest.disk_gb).unwrap_or(match guest.id.kind {
        GuestKind::Lxc => 8,
        GuestKind::Vm => 32,
    });
    Some(GuestSpec {
        vmid: guest.id.vmid,
        name: guest.name.to_owned(),
        node: parts.node.clone(),
        origin,
        cores: parts.cores.unwrap_or(1),
        memory_mib: guest.memory_mb,
        storage,
        disk_gib,
        networks: network::nics(context, guest),
        nameservers: nameservers(guest, &parts),
        search_domain: parts.search_domain.clone(),
        tags: parts.tags.iter().cloned().collect(),
        description: description(&parts),
        protection: parts.protection.unwrap_or(false),
        onboot: guest.start_at_boot,
        startup: startup(guest, parts.boot_delay),
        template: guest.is_template,
        lifecycle_snapshots: parts.lifecycle_snapshots && !guest.is_template,
        final_snapshot: parts.final_snapshot.filter(|_| !guest.is_template),
        dependencies: dependencies(context, guest),
        health: parts
            .health
            .iter()
            .map(|health| HealthCheck {
                argv: health.command.clone(),
                timeout_s: health.timeout_s.unwrap_or(60),
            })
            .collect(),
        power: match parts.power {
            Some(PowerWord::Stopped) => Power::Stopped,
            Some(PowerWord::Running) | None => Power::Running,
        },
        options: parts.options.clone(),
    })
}

/// A clone has what its source has as long as it does not say otherwise.
fn inherited<T>(
    context: &Context<'_>,
    guest: &Guest<'_>,
    get: impl Fn(&Guest<'_>) -> Option<T>,
) -> Option<T> {
    let mut current = guest;
    let mut seen = BTreeSet::new();
    loop {
        if let Some(value) = get(current) {
            return Some(value);
        }
        if !seen.insert(current.id) {
            return None;
        }
        let source = current.clone.as_ref()?.source;
        current = context.guest(source).filter(|other| other.id.kind == current.id.kind)?;
    }
}

fn nameservers(guest: &Guest<'_>, parts: &Parts<'_>) -> Vec<String> {
    if !parts.nameservers.is_empty() {
        return parts.nameservers.to_vec();
    }
    let of_networks: Vec<String> = guest
        .networks
        .iter()
        .flat_map(|(network, _)| [&network.nameservers, &network.nameserver])
        .flatten()
        .flat_map(|text| text.split([' ', ',', ';']))
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect();
    if of_networks.is_empty() { parts.default_nameservers.to_vec() } else { of_networks }
}

fn description(parts: &Parts<'_>) -> String {
    let texts: Vec<&str> = [parts.title, parts.description]
        .into_iter()
        .flatten()
        .map(String::as_str)
        .filter(|text| !text.is_empty())
        .collect();
    texts.join("\n\n")
}

fn startup(guest: &Guest<'_>, delay: Option<u32>) -> Option<Startup> {
    let delay = delay.filter(|delay| *delay > 0);
    if guest.is_template || guest.boot_order.is_none() && delay.is_none() {
        return None;
    }
    Some(Startup { order: guest.boot_order, up: delay, down: delay })
}

/// Dependencies that nobody declares are reported elsewhere.
fn dependencies(context: &Context<'_>, guest: &Guest<'_>) -> BTreeSet<ResourceId> {
    guest
        .dependencies
        .iter()
        .filter_map(|(vmid, _)| context.guest(*vmid))
        .map(|other| GuestId::resource(other.id))
        .collect()
}
