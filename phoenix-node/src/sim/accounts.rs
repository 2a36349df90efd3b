//! User accounts of a simulated site: who owns files, and who is made.

use std::collections::BTreeSet;

use phoenix_core::{BackendError, ErrorKind};

use crate::sim::world::{Body, Entry, User, World};

/// Fails if a site has no user of that name.
pub(crate) fn check_owner(world: &World, owner: &str) -> Result<(), BackendError> {
    if world.user(owner).is_some() {
        return Ok(());
    }
    Err(BackendError::new(ErrorKind::Failed, format!("chown: invalid user: `{owner}`")))
}

/// Makes a user, or brings it to this shape.
pub(crate) fn ensure_user(
    world: &mut World,
    name: &str,
    shell: &str,
    groups: &BTreeSet<String>,
    password: bool,
) {
    let user = match world.user(name) {
        Some(user) => {
            let groups = user.groups.union(groups).cloned().collect();
            User { shell: shell.to_owned(), groups, password, ..user.clone() }
        }
        None => {
            let uid =
                world.users().values().map(|user| user.uid).filter(|uid| (1000..60000).contains(uid)).max();
            let home = format!("/home/{name}");
            let mine =
                Entry { mode: 0o755, owner: name.to_owned(), group: name.to_owned(), body: Body::Directory };
            world.place(&home, mine);
            let uid = uid.map_or(1000, |uid| uid + 1);
            User { uid, shell: shell.to_owned(), home, groups: groups.clone(), password }
        }
    };
    world.put_user(name, Some(user));
}
