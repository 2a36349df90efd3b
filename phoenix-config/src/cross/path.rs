//! Paths of the host: a dataset is mounted at `/<pool>/<name>`, a `dir` storage where it lies, and nothing at
//! `/mnt/pve/<pool>`.

use super::Check;
use crate::model::{CERTIFICATE_FILE, Entry, HYPERVISOR_FILE, Model, Spot};

pub(super) fn check(check: &mut Check<'_>) {
    let mut paths: Vec<(String, Spot)> = Vec::new();
    for guest in check.guests {
        let Entry::Lxc(lxc) = guest.entry else { continue };
        for (index, mount) in lxc.mount_points.iter().enumerate() {
            paths.push((mount.host_path.clone(), guest.spot.at(&format!("mount_points/{index}/host_path"))));
        }
    }
    for (name, volume) in &check.model.hypervisor.shared_volumes {
        if let Some(path) = volume.get("host_path").and_then(serde_json::Value::as_str) {
            let spot = Spot::new(HYPERVISOR_FILE, format!("/shared_volumes/{name}/host_path"));
            paths.push((path.to_owned(), spot));
        }
    }
    for (index, certificate) in check.model.certificates.iter().enumerate() {
        for (key, path) in [("cert_path", &certificate.cert_path), ("key_path", &certificate.key_path)] {
            paths.push((path.clone(), Spot::new(CERTIFICATE_FILE, format!("/{index}/{key}"))));
        }
    }
    for (path, spot) in paths {
        if let Some(served) = served(check.model, &path) {
            let message = format!("nothing is mounted at `{path}`: a dataset is mounted under its own name");
            check.warning(&spot, "unserved-path", message, format!("write `{served}`"));
        }
    }
}

/// Returns where a path under `/mnt/pve/<pool>` really lies, if it is one.
pub(crate) fn served(model: &Model, path: &str) -> Option<String> {
    let base = model.hypervisor.mount_point_base.as_deref().unwrap_or("/mnt/pve").trim_end_matches('/');
    let rest = path.strip_prefix(base)?.strip_prefix('/')?;
    let pool = rest.split('/').next()?;
    let pools = &model.hypervisor.zfs.as_ref()?.pools;
    pools.iter().any(|declared| declared.name == pool).then(|| format!("/{rest}"))
}
