//! What the objects need that Proxmox VE keeps by its API, as it documents it.

use phoenix_core::{ObjectChange, ObjectKind};

use super::{Demanded, Need};

/// Returns what a change of an object needs.
pub(super) fn needs(of: &ObjectKind, name: &str, change: &ObjectChange) -> Demanded {
    let makes = matches!(change, ObjectChange::Create { .. } | ObjectChange::Remove { .. });
    let needs = match of {
        ObjectKind::Storage => {
            let path = if makes { "/storage".to_owned() } else { format!("/storage/{name}") };
            vec![Need::all(path, &["Datastore.Allocate"])]
        }
        ObjectKind::Role => vec![Need::all("/access", &["Sys.Modify"])],
        ObjectKind::Group => vec![Need::all("/access/groups", &["Group.Allocate"])],
        ObjectKind::User => {
            let realm = name.rsplit_once('@').map_or("", |(_, realm)| realm);
            let allocates =
                makes.then(|| Need::all(format!("/access/realm/{realm}"), &["Realm.AllocateUser"]));
            let modifies = Need::all("/access/groups", &["User.Modify"]);
            [modifies].into_iter().chain(allocates).collect()
        }
        ObjectKind::Token => vec![Need::all("/access/groups", &["User.Modify"])],
        ObjectKind::Acl => {
            let path = name.split(' ').next().unwrap_or("/");
            vec![Need::all(path, &["Permissions.Modify"])]
        }
        ObjectKind::Interface { node } => {
            vec![Need::all(format!("/nodes/{node}"), &["Sys.Audit", "Sys.Modify"])]
        }
        ObjectKind::Volume { storage, .. } => {
            vec![Need::all(format!("/storage/{storage}"), &["Datastore.Audit"])]
        }
    };
    Demanded { needs: needs.into_iter().collect(), ..Demanded::default() }
}
