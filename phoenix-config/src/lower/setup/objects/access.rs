//! Users, groups, roles, tokens and permissions.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_core::ResourceId;
use serde_json::{Value, json};

use super::{Objects, flag, reference};
use crate::{format::access::Access, source::escape};

/// Adds what the files say of access, and returns what is declared of each kind.
pub(super) fn add(objects: &mut Objects<'_, '_>) -> Value {
    let empty = Access::default();
    let model = objects.context.model;
    let access = model.hypervisor.access.as_ref().unwrap_or(&empty);
    let mut admins: Vec<String> = Vec::new();
    // The administrator of the host is one of Proxmox VE, as the predecessor had it.
    for user in objects.context.host.users.iter().filter(|user| user.name != "root") {
        let name = format!("{}@pam", user.name);
        if !access.users.contains_key(&name) {
            let values = BTreeMap::from([("enable", "1")]);
            let spec = json!({ "name": name, "node": objects.node, "values": values });
            objects.declare(ResourceId::new("user", &name), spec, "/users".to_owned());
        }
        admins.push(name);
    }
    roles(objects, access);
    groups(objects, access);
    users(objects, access);
    tokens(objects, access);
    grants(objects, access, &admins);
    let users: BTreeSet<&String> = access.users.keys().chain(&admins).collect();
    json!({
        "users": users,
        "groups": access.groups.keys().collect::<BTreeSet<_>>(),
        "roles": access.roles.keys().collect::<BTreeSet<_>>(),
        "tokens": access.tokens.keys().collect::<BTreeSet<_>>(),
    })
}

fn roles(objects: &mut Objects<'_, '_>, access: &Access) {
    for (name, role) in &access.roles {
        let privileges: BTreeSet<&str> = role.privileges.iter().map(String::as_str).collect();
        let values = json!({ "privs": privileges.into_iter().collect::<Vec<_>>().join(",") });
        let pointer = format!("/access/roles/{}", escape(name));
        declare(objects, "role", name, (values, role.adopt), BTreeSet::new(), pointer);
    }
}

fn groups(objects: &mut Objects<'_, '_>, access: &Access) {
    for (name, group) in &access.groups {
        let mut values = json!({});
        if let Some(comment) = &group.comment {
            values["comment"] = json!(comment);
        }
        let pointer = format!("/access/groups/{}", escape(name));
        declare(objects, "group", name, (values, group.adopt), BTreeSet::new(), pointer);
    }
}

fn users(objects: &mut Objects<'_, '_>, access: &Access) {
    for (name, user) in &access.users {
        let pointer = format!("/access/users/{}", escape(name));
        if !is_user(name) {
            let message = format!("`{name}` is no user: a realm is missing");
            objects.fault(
                &pointer,
                message,
                "write a name with its realm, such as `alice@pve` or `alice@pam`",
            );
            continue;
        }
        let mut values = json!({});
        let texts = [
            ("comment", user.comment.clone()),
            ("email", user.email.clone()),
            ("enable", user.enabled.map(flag)),
            ("expire", user.expire.map(|time| time.to_string())),
            ("firstname", user.first_name.clone()),
            ("groups", user.groups.as_ref().map(|groups| groups.join(","))),
            ("lastname", user.last_name.clone()),
        ];
        for (key, text) in texts {
            if let Some(text) = text {
                values[key] = json!(text);
            }
        }
        let of_ours = |group: &&String| access.groups.contains_key(*group);
        let groups =
            user.groups.iter().flatten().filter(of_ours).map(|group| ResourceId::new("group", group));
        let dependencies: BTreeSet<ResourceId> = groups.collect();
        let id = declare(objects, "user", name, (values, user.adopt), dependencies, pointer);
        let password = reference(user.password.as_ref());
        if let (Some(password), Some(declared)) = (password, objects.desired.resources.get_mut(&id)) {
            declared.spec["secrets"] = json!({ "password": password });
        }
    }
}

fn tokens(objects: &mut Objects<'_, '_>, access: &Access) {
    for (name, token) in &access.tokens {
        let pointer = format!("/access/tokens/{}", escape(name));
        let Some((user, _)) = name.split_once('!').filter(|(user, id)| is_user(user) && !id.is_empty())
        else {
            let message = format!("`{name}` is no token");
            objects.fault(
                &pointer,
                message,
                "write the user and the token's name, such as `alice@pve!deploy`",
            );
            continue;
        };
        let mut values = json!({ "privsep": flag(token.privsep) });
        if let Some(comment) = &token.comment {
            values["comment"] = json!(comment);
        }
        if let Some(expire) = token.expire {
            values["expire"] = json!(expire.to_string());
        }
        let user = ResourceId::new("user", user);
        let dependencies: BTreeSet<ResourceId> =
            objects.desired.resources.contains_key(&user).then_some(user).into_iter().collect();
        let spec = json!({
            "name": name,
            "node": objects.node,
            "file": token.file,
            "values": values,
            "renew": token.renew,
            "adopt": token.adopt,
            "dependencies": dependencies,
        });
        objects.declare(ResourceId::new("token", name), spec, pointer);
    }
}

fn grants(objects: &mut Objects<'_, '_>, access: &Access, admins: &[String]) {
    let mut dependencies: BTreeSet<ResourceId> = BTreeSet::new();
    let mut grants: Vec<Value> =
        admins.iter().map(|name| grant("/", "user", name, "Administrator", true)).collect();
    for (at, entry) in access.acl.iter().enumerate() {
        let (kind, name) = match (entry.to.strip_prefix('@'), entry.to.split_once('!')) {
            (Some(group), _) => ("group", group),
            (None, Some((user, _))) if is_user(user) => ("token", entry.to.as_str()),
            (None, None) if is_user(&entry.to) => ("user", entry.to.as_str()),
            (None, _) => {
                let message = format!("`{}` is nobody who can have a role", entry.to);
                let hint = "write a user `name@realm`, a group `@name` or a token `name@realm!token`";
                objects.fault(&format!("/access/acl/{at}/to"), message, hint);
                continue;
            }
        };
        let needed = [ResourceId::new(kind, name), ResourceId::new("role", &entry.role)];
        dependencies.extend(needed.into_iter().filter(|id| objects.desired.resources.contains_key(id)));
        let granted = grant(&entry.path, kind, name, &entry.role, entry.propagate);
        if !grants.contains(&granted) {
            grants.push(granted);
        }
    }
    let of_admins = admins.iter().map(|name| ResourceId::new("user", name));
    dependencies.extend(of_admins);
    let spec = json!({ "node": objects.node, "grants": grants, "dependencies": dependencies });
    objects.declare(ResourceId::new("acl", "cluster"), spec, "/access/acl".to_owned());
}

fn grant(path: &str, kind: &str, name: &str, role: &str, propagate: bool) -> Value {
    json!({ "path": path, "type": kind, "name": name, "role": role, "propagate": propagate })
}

fn declare(
    objects: &mut Objects<'_, '_>,
    kind: &str,
    name: &str,
    (values, adopt): (Value, bool),
    dependencies: BTreeSet<ResourceId>,
    pointer: String,
) -> ResourceId {
    let id = ResourceId::new(kind, name);
    let spec = json!({
        "name": name,
        "node": objects.node,
        "values": values,
        "adopt": adopt,
        "dependencies": dependencies,
    });
    objects.declare(id.clone(), spec, pointer);
    id
}

/// Tells whether a text is a user with a realm.
fn is_user(text: &str) -> bool {
    text.rsplit_once('@').is_some_and(|(name, realm)| {
        !name.is_empty() && !realm.is_empty() && !text.contains(['/', ':', ' ', '!'])
    })
}
