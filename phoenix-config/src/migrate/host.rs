//! The host's file.

use serde_json::{Value, json};

use super::{draft::Draft, rules};
use crate::{
    lower::{parse_quota, pool_bytes},
    model::HYPERVISOR_FILE as FILE,
};

const GIB: u64 = 1 << 30;

pub(super) fn clean(draft: &mut Draft<'_>) {
    draft.remove(FILE, "/$schema", "its schema is the predecessor's");
    draft.remove(
        FILE,
        "/proxmox_storage_ids",
        "a storage is named `<pool>-<dataset>`; keys of other forms never matched",
    );
    draft.remove(
        FILE,
        "/mount_point_base",
        "nothing is mounted under it: a dataset is mounted under its own name",
    );
    move_firewall(draft);
    management(draft);
    nameservers(draft);
    samba(draft);
    contents(draft);
    quotas(draft);
}

fn move_firewall(draft: &mut Draft<'_>) {
    if let Some(firewall) = draft.take(FILE, "/shared_volumes/firewall") {
        draft.explain(
            FILE,
            "/shared_volumes/firewall",
            "moved `firewall` to the top of the file",
            "it stood among directories",
        );
        if let Some(root) = draft.object(FILE, "") {
            root.entry("firewall").or_insert(firewall);
        }
    }
    draft.take(FILE, "/shared_volumes");
    let pointer = "/firewall/global_firewall_rules";
    rules::clean(draft, FILE, pointer, "/shared_volumes/firewall/global_firewall_rules", None);
}

/// Without these rules a host that drops what no rule allows locks its administrator out.
fn management(draft: &mut Draft<'_>) {
    let Some(net) = draft.host_net() else { return };
    let Some(firewall) = draft.files.get(FILE).and_then(|root| root.pointer("/firewall")).cloned() else {
        return;
    };
    let drops = firewall.get("default_input_policy").and_then(Value::as_str) != Some("ACCEPT");
    if firewall.get("enabled") != Some(&Value::Bool(true)) || !drops {
        return;
    }
    for (port, comment) in [("22", "SSH to the host"), ("8006", "web interface of the host")] {
        let rules = firewall.get("global_firewall_rules").and_then(Value::as_array);
        let has = rules.is_some_and(|rules| {
            rules.iter().any(|rule| rule.get("port").and_then(Value::as_str) == Some(port))
        });
        if has {
            continue;
        }
        let rule = json!({
            "type": "in", "action": "ACCEPT", "proto": "tcp", "port": port,
            "source": net.trunc().to_string(), "dest": net.addr().to_string(), "comment": comment,
        });
        if let Some(firewall) = draft.object(FILE, "/firewall")
            && let Some(rules) =
                firewall.entry("global_firewall_rules").or_insert_with(|| json!([])).as_array_mut()
        {
            rules.push(rule);
        }
        let what = format!("added a rule that allows port {port} from {}", net.trunc());
        draft.explain(
            FILE,
            "/shared_volumes/firewall",
            what,
            "what no rule allows is dropped, the administrator's access too",
        );
    }
}

fn nameservers(draft: &mut Draft<'_>) {
    let Some(own) = draft.dns_server() else { return };
    let pointer = "/network/interfaces/dns_nameservers";
    let guests = draft.model.guests();
    let addresses: Vec<String> = guests
        .iter()
        .flat_map(|guest| &guest.networks)
        .filter_map(|(network, _)| network.ip.as_deref()?.split('/').next().map(str::to_owned))
        .collect();
    let Some(servers) = draft.files.get_mut(FILE).and_then(|root| root.pointer_mut(pointer)?.as_array_mut())
    else {
        return;
    };
    let mut replaced = Vec::new();
    for (index, server) in servers.iter_mut().enumerate() {
        let Some(text) = server.as_str().filter(|text| addresses.iter().any(|address| address == text))
        else {
            continue;
        };
        replaced.push((index, text.to_owned()));
        *server = Value::String(own.clone());
    }
    let mut seen = std::collections::BTreeSet::new();
    servers.retain(|server| seen.insert(server.to_string()));
    for (index, old) in replaced {
        let why = format!("`{old}` is a guest that serves no DNS; the host's own server is at `{own}`");
        draft.explain(
            FILE,
            &format!("{pointer}/{index}"),
            format!("replaced the DNS server `{old}` by `{own}`"),
            why,
        );
    }
}

fn samba(draft: &mut Draft<'_>) {
    for pointer in crate::cross::key_matches(draft.files.get(FILE), "/samba/shares/*/options") {
        let Some(options) = draft.take(FILE, &pointer) else { continue };
        let text = options.as_str().unwrap_or_default().to_lowercase();
        let share = pointer.trim_end_matches("/options").to_owned();
        if let Some(share) = draft.object(FILE, &share) {
            if text.contains("browseable=yes") || text.contains("browsable=yes") {
                share.insert("browsable".to_owned(), json!(true));
            }
            if text.contains("writable=yes") || text.contains("writeable=yes") {
                share.insert("read_only".to_owned(), json!(false));
            }
        }
        draft.explain(
            FILE,
            &pointer,
            "replaced `options` by `browsable` and `read_only`",
            "`options` was never read",
        );
    }
}

fn contents(draft: &mut Draft<'_>) {
    for pointer in crate::cross::key_matches(draft.files.get(FILE), "/zfs/datasets/*") {
        let Some(dataset) = draft.object(FILE, &pointer) else { continue };
        let text = dataset.get("proxmox_content_type").and_then(Value::as_str).unwrap_or_default().to_owned();
        let kept: Vec<&str> = text.split(',').filter(|part| part.trim() != "rootdir").collect();
        if dataset.get("proxmox_storage_type").and_then(Value::as_str) == Some("dir")
            && kept.join(",") != text
        {
            dataset.insert("proxmox_content_type".to_owned(), json!(kept.join(",")));
            let pointer = format!("{pointer}/proxmox_content_type");
            draft.explain(
                FILE,
                &pointer,
                "removed `rootdir`",
                "containers in image files have no snapshots and no clones",
            );
        }
    }
}

/// The largest quotas of a pool are lowered, none below its half, until all fit.
fn quotas(draft: &mut Draft<'_>) {
    let Some(zfs) = &draft.model.hypervisor.zfs else { return };
    for pool in &zfs.pools {
        let Some(size) = pool_bytes(pool) else { continue };
        let mut quotas: Vec<(usize, u64)> = zfs
            .datasets
            .iter()
            .enumerate()
            .filter(|(_, dataset)| dataset.pool == pool.name)
            .filter_map(|(index, dataset)| Some((index, parse_quota(dataset.properties.as_deref()?)? / GIB)))
            .collect();
        quotas.sort_by_key(|(index, gib)| (std::cmp::Reverse(*gib), *index));
        let mut excess = quotas.iter().map(|(_, gib)| gib).sum::<u64>().saturating_sub(size / GIB);
        for (index, gib) in quotas {
            if excess == 0 {
                break;
            }
            let wanted = gib.saturating_sub(excess) / 10 * 10;
            let new = wanted.max(gib / 2);
            excess = excess.saturating_sub(gib - new);
            let pointer = format!("/zfs/datasets/{index}");
            let Some(dataset) = draft.object(FILE, &pointer) else { continue };
            let properties = dataset.get("properties").and_then(Value::as_str).unwrap_or_default();
            let properties: Vec<String> = properties
                .split(',')
                .map(|property| match property.trim().starts_with("quota=") {
                    true => format!("quota={new}G"),
                    false => property.to_owned(),
                })
                .collect();
            dataset.insert("properties".to_owned(), json!(properties.join(",")));
            let what = format!("lowered the quota from {gib} GiB to {new} GiB");
            let why = format!("the quotas on `{}` add up to more than its disks hold", pool.name);
            draft.explain(FILE, &format!("{pointer}/properties"), what, why);
        }
    }
}
