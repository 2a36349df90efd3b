//! What the host exports by NFS, for containers on a kernel without a client: each directory that is exported to a
//! container's address is bound into it beside its tree, and the container's `mount.nfs4` mounts it from there.

use std::{fs, net::IpAddr};

use crate::{ContainerSpec, Mount, MountSource, Sandbox, SandboxError, config::HELPERS, trees::make};

/// The name of the program, which in Debian stands as `mount.nfs` behind links of all its names.
pub(crate) const HELPER: &str = "mount.nfs4";
const SCRIPT: &str = include_str!("scripts/mount-nfs.sh");
/// Where a container has what is exported to it.
const PLACE: &str = "/.phoenix-nfs";
/// What the feature `nfs-server` writes, for either server.
const CONFS: [&str; 2] = ["etc/phoenix/nfs/ganesha.conf", "etc/exports.d/phoenix.exports"];

/// Returns what is exported to a container now, as mounts, with the program that mounts them in its place.
pub(crate) fn exported_to(sandbox: &Sandbox, spec: &ContainerSpec) -> Result<Vec<Mount>, SandboxError> {
    if !spec.nfs {
        return Ok(Vec::new());
    }
    // The sandbox's own tree, as its first process sees it.
    let root = std::path::PathBuf::from(format!("/proc/{}/root", sandbox.status().pid));
    let folder = root.join(HELPERS.trim_start_matches('/'));
    make(&folder)?;
    let helper = folder.join(HELPER);
    fs::write(&helper, SCRIPT).map_err(SandboxError::file("write", &helper))?;
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&helper, mode).map_err(SandboxError::file("write", &helper))?;
    let texts = CONFS.iter().filter_map(|conf| fs::read_to_string(root.join(conf)).ok());
    let text: String = texts.collect();
    let addresses = spec.nets.iter().flat_map(|net| &net.addresses);
    let addresses: Vec<IpAddr> =
        addresses.filter_map(|address| address.split('/').next()?.parse().ok()).collect();
    let mount = |(path, read_only): (String, bool)| Mount {
        target: format!("{PLACE}{path}"),
        source: MountSource::Export(path),
        read_only,
    };
    Ok(exports(&text, &addresses).into_iter().map(mount).collect())
}

/// Reads which directories are exported to one of the addresses, and whether nothing can be written there.
fn exports(text: &str, addresses: &[IpAddr]) -> Vec<(String, bool)> {
    let value = |line: &str, key: &str| {
        let rest = line.split_once(key)?.1.trim_start().strip_prefix('=')?;
        Some(rest.split(';').next()?.trim().to_owned())
    };
    let (mut found, mut path) = (Vec::new(), None);
    for line in text.lines().map(str::trim) {
        if line.starts_with('/') {
            // The kernel's: a path, and clients with their options in brackets.
            let mut words = line.split_whitespace();
            let whole = words.next().unwrap_or_default().to_owned();
            let clients = words.filter_map(|word| word.strip_suffix(')')?.split_once('('));
            let mine = clients.filter(|(client, _)| {
                client.parse::<IpAddr>().is_ok_and(|client| addresses.contains(&client))
            });
            found.extend(mine.map(|(_, options)| (whole.clone(), options.starts_with("ro"))));
        } else if line.starts_with("Path") {
            path = value(line, "Path");
        } else if line.starts_with("CLIENT")
            && let Some(client) = value(line, "Clients").and_then(|client| client.parse::<IpAddr>().ok())
            && addresses.contains(&client)
        {
            let is_read_only = value(line, "Access_Type").as_deref() == Some("RO");
            found.extend(path.clone().map(|path| (path, is_read_only)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::exports;

    #[test]
    fn a_container_has_what_is_exported_to_its_address_and_nothing_else() {
        let text = "EXPORT {
    Path = /srv/a;
    Access_Type = None;
    CLIENT { Clients = 10.0.0.102; Access_Type = RW; Squash = Root_Squash; }
    CLIENT { Clients = 10.0.0.103; Access_Type = RO; Squash = Root_Squash; }
}
EXPORT {
    Path = /srv/b;
    CLIENT { Clients = 10.0.0.103; Access_Type = RW; Squash = Root_Squash; }
}
";
        let kernel = "# a comment\n/srv/k 10.0.0.102(ro,sync) 10.0.0.103(rw,sync)\n";
        assert_eq!(
            exports(kernel, &["10.0.0.102".parse().expect("is an address")]),
            [("/srv/k".to_owned(), true)]
        );
        let of = |address: &str| exports(text, &[address.parse().expect("is an address")]);
        assert_eq!(of("10.0.0.102"), [("/srv/a".to_owned(), false)]);
        assert_eq!(of("10.0.0.103"), [("/srv/a".to_owned(), true), ("/srv/b".to_owned(), false)]);
        assert_eq!(of("10.0.0.10"), []);
    }
}
