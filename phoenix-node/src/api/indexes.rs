//! The calls that list the branches below the cluster's and the firewalls' parts of the tree.

use crate::api::router::{Handler::Index, Routes};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    (
        "GET /cluster",
        Index(
            "name",
            "acme backup backup-info bulk-action ceph config firewall ha jobs log mapping metrics notifications nextid \
             options qemu replication resources status tasks sdn",
        ),
    ),
    ("GET /cluster/acme", Index("name", "account tos meta directories plugins challenge-schema")),
    ("GET /cluster/backup-info", Index("subdir", "not-backed-up")),
    ("GET /cluster/bulk-action", Index("name", "guest")),
    ("GET /cluster/bulk-action/guest", Index("name", "start shutdown migrate suspend")),
    ("GET /cluster/ceph", Index("name", "metadata status flags")),
    ("GET /cluster/config", Index("name", "nodes totem join qdevice apiversion")),
    ("GET /cluster/firewall", Index("name", "aliases groups ipset macros options refs rules")),
    ("GET /cluster/ha", Index("id", "status resources groups rules")),
    ("GET /cluster/ha/status", Index("name", "current manager_status")),
    ("GET /cluster/jobs", Index("subdir", "schedule-analyze realm-sync")),
    ("GET /cluster/mapping", Index("name", "dir pci usb")),
    ("GET /cluster/metrics", Index("name", "server export")),
    (
        "GET /cluster/notifications",
        Index("name", "endpoints matchers targets matcher-fields matcher-field-values"),
    ),
    ("GET /cluster/notifications/endpoints", Index("name", "gotify sendmail smtp webhook")),
    ("GET /cluster/qemu", Index("name", "cpu-flags custom-cpu-models")),
    ("GET /cluster/sdn", Index("id", "vnets zones controllers ipams dns fabrics")),
    ("GET /cluster/sdn/fabrics", Index("subdir", "fabric node all")),
    ("GET /cluster/sdn/vnets/{vnet}/firewall", Index("name", "rules options")),
    ("GET /nodes/{node}/firewall", Index("name", "rules options log")),
    ("GET /nodes/{node}/{kind}/{vmid}/firewall", Index("name", "rules aliases ipset refs options")),
];
