//! GPUs: what runs on one at the same time must fit into its memory, and needs its driver.

use std::collections::BTreeMap;

use super::Check;
use crate::{
    lower::canonical_feature,
    model::{Entry, Guest, Spot},
};

pub(super) fn check(check: &mut Check<'_>) {
    let mut shares: BTreeMap<u32, Vec<(f64, u32, Spot)>> = BTreeMap::new();
    for guest in check.guests {
        let Entry::Lxc(lxc) = guest.entry else { continue };
        let wants_gpu = lxc.gpu_assignment.as_deref().is_some_and(|gpus| gpus != "none");
        if wants_gpu && !has_feature(check, guest, "gpu") {
            let message = format!(
                "`{}` has a GPU, but neither it nor what it is cloned from has the feature `gpu`",
                guest.name
            );
            check.warning(
                &guest.spot.at("gpu_assignment"),
                "missing-feature",
                message,
                "add `\"gpu\"` to `features`",
            );
        }
        for (index, feature) in guest.features.iter().enumerate() {
            let name = canonical_feature(feature.name());
            let needs_gpu = ["vllm", "ollama", "llama-cpp"].contains(&name.as_str());
            if needs_gpu && wants_gpu && !has_feature(check, guest, "gpu") {
                let message = format!("the feature `{name}` comes without `gpu`");
                check.warning(
                    &guest.spot.at(&format!("features/{index}")),
                    "missing-feature",
                    message,
                    "add `\"gpu\"` before it",
                );
            }
        }
        if guest.is_template {
            continue;
        }
        let share = lxc
            .vllm_engine_config
            .as_ref()
            .and_then(|engine| engine.get("CacheConfig")?.get("gpu_memory_utilization")?.as_f64());
        let Some(share) = share else { continue };
        let spot = guest.spot.at("vllm_engine_config/CacheConfig/gpu_memory_utilization");
        if !(0.0..=1.0).contains(&share) {
            check.error(
                &spot,
                "out-of-range",
                format!("`gpu_memory_utilization` is {share}, outside 0 to 1"),
                "write a share of 1",
            );
        }
        let gpus = lxc.gpu_assignment.as_deref().unwrap_or("");
        for gpu in gpus.split(',').filter_map(|gpu| gpu.trim().parse().ok()) {
            shares.entry(gpu).or_default().push((share, guest.id.vmid.0, spot.clone()));
        }
    }
    for (gpu, users) in shares {
        let sum: f64 = users.iter().map(|(share, ..)| share).sum();
        if sum > 1.0 + 1e-9
            && let Some((.., spot)) = users.last()
        {
            let ids: Vec<String> = users.iter().map(|(share, vmid, _)| format!("{vmid} ({share})")).collect();
            let message = format!("GPU {gpu} is shared by {}: {sum:.2} of its memory", ids.join(", "));
            check.warning(
                spot,
                "gpu-overcommitted",
                message,
                "lower `gpu_memory_utilization`, or stop one of them",
            );
        }
    }
}

fn has_feature(check: &Check<'_>, guest: &Guest<'_>, name: &str) -> bool {
    let mut current = guest;
    // A chain of clones is never longer than there are guests.
    for _ in 0..=check.guests.len() {
        if current.features.iter().any(|feature| canonical_feature(feature.name()) == name) {
            return true;
        }
        let source = current.clone.as_ref().map(|clone| clone.source);
        match source.and_then(|source| check.guest(source)) {
            Some(next) => current = next,
            None => return false,
        }
    }
    false
}
