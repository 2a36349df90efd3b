//! The calls that list the branches below a node.

use crate::api::router::{Handler::Index, Routes};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    (
        "GET /nodes/{node}",
        Index(
            "name",
            "aplinfo apt capabilities ceph certificates config disks dns firewall hardware hosts journal lxc migrateall \
             netstat network qemu query-oci-repo-tags query-url-metadata replication report rrd rrddata scan sdn \
             services spiceshell startall status stopall storage subscription suspendall syslog tasks termproxy time \
             version vncshell vzdump wakeonlan",
        ),
    ),
    ("GET /nodes/{node}/apt", Index("id", "changelog repositories update versions")),
    ("GET /nodes/{node}/capabilities", Index("name", "qemu")),
    ("GET /nodes/{node}/capabilities/qemu", Index("name", "cpu cpu-flags machines migration")),
    ("GET /nodes/{node}/certificates", Index("name", "acme custom info")),
    ("GET /nodes/{node}/certificates/acme", Index("name", "certificate")),
    ("GET /nodes/{node}/disks", Index("name", "directory initgpt list lvm lvmthin smart wipedisk zfs")),
    ("GET /nodes/{node}/hardware", Index("type", "pci usb")),
    ("GET /nodes/{node}/hardware/pci/{pci-id-or-mapping}", Index("method", "mdev")),
    ("GET /nodes/{node}/scan", Index("method", "cifs iscsi lvm lvmthin nfs pbs zfs")),
    ("GET /nodes/{node}/services/{service}", Index("subdir", "reload restart start state stop")),
    (
        "GET /nodes/{node}/storage/{storage}",
        Index(
            "subdir",
            "content download-url file-restore identity import-metadata oci-registry-pull prunebackups rrd rrddata \
             status upload",
        ),
    ),
    ("GET /nodes/{node}/tasks/{upid}", Index("name", "log status")),
];
