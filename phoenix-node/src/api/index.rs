//! The calls that say what lies below a guest.

use crate::api::router::{Handler::Index, Routes};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    (
        "GET /nodes/{node}/lxc/{vmid}",
        Index(
            "subdir",
            "config pending status vncproxy termproxy vncwebsocket spiceproxy migrate clone rrd rrddata firewall snapshot \
             resize interfaces",
        ),
    ),
    (
        "GET /nodes/{node}/qemu/{vmid}",
        Index(
            "subdir",
            "config cloudinit pending status unlink vncproxy termproxy migrate resize move rrd rrddata monitor agent \
             snapshot spiceproxy sendkey firewall mtunnel remote_migrate",
        ),
    ),
    ("GET /nodes/{node}/lxc/{vmid}/status", Index("subdir", "current start stop shutdown reboot migrate")),
    (
        "GET /nodes/{node}/qemu/{vmid}/status",
        Index("subdir", "current start stop reset shutdown suspend reboot"),
    ),
    ("GET /nodes/{node}/{kind}/{vmid}/snapshot/{snapname}", Index("cmd", "rollback config")),
    (
        "GET /nodes/{node}/qemu/{vmid}/agent",
        Index(
            "name",
            "exec exec-status file-read file-write fsfreeze-freeze fsfreeze-status fsfreeze-thaw fstrim get-fsinfo \
             get-host-name get-memory-block-info get-memory-blocks get-osinfo get-time get-timezone get-users get-vcpus \
             info network-get-interfaces ping set-user-password shutdown suspend-disk suspend-hybrid suspend-ram",
        ),
    ),
];
