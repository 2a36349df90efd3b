//! Sources that are known by their names: those of Proxmox.

/// A source of Proxmox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// Its name, and that of its file.
    pub(crate) name: &'static str,
    /// Where it is.
    pub(crate) uri: &'static str,
    /// Its component.
    pub(crate) component: &'static str,
}

/// What only subscribers may fetch.
pub(crate) const ENTERPRISE: &str = "enterprise.proxmox.com";

const fn known(name: &'static str, uri: &'static str, component: &'static str) -> Known {
    Known { name, uri, component }
}

const ALL: [Known; 7] = [
    known("pve-enterprise", "https://enterprise.proxmox.com/debian/pve", "pve-enterprise"),
    known("pve-no-subscription", "http://download.proxmox.com/debian/pve", "pve-no-subscription"),
    known("pve-test", "http://download.proxmox.com/debian/pve", "pve-test"),
    known("ceph-reef-enterprise", "https://enterprise.proxmox.com/debian/ceph-reef", "enterprise"),
    known("ceph-reef-no-subscription", "http://download.proxmox.com/debian/ceph-reef", "no-subscription"),
    known("ceph-squid-enterprise", "https://enterprise.proxmox.com/debian/ceph-squid", "enterprise"),
    known("ceph-squid-no-subscription", "http://download.proxmox.com/debian/ceph-squid", "no-subscription"),
];

/// Returns the source of that name.
pub(crate) fn find(name: &str) -> Option<Known> {
    ALL.into_iter().find(|known| known.name == name)
}

/// Returns all names.
pub(crate) fn names() -> Vec<&'static str> {
    ALL.iter().map(|known| known.name).collect()
}

/// Returns the keyring that comes with Proxmox VE: its path depends on the release.
pub(crate) fn keyring(codename: &str) -> String {
    match codename {
        "bullseye" | "bookworm" => format!("/etc/apt/trusted.gpg.d/proxmox-release-{codename}.gpg"),
        _ => "/usr/share/keyrings/proxmox-archive-keyring.gpg".to_owned(),
    }
}
