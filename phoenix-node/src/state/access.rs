//! Users, groups, roles, lists of permissions, tokens and realms: all that a node knows of who may call it.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use serde::{Deserialize, Serialize};

use crate::state::{
    acl::Acl,
    now, roles,
    secret::{self, Password},
};

/// The user who is always there and may everything.
pub(crate) const ROOT: &str = "root@pam";

/// Users, groups, roles, lists of permissions, tokens and realms.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Access {
    pub(crate) users: BTreeMap<String, User>,
    pub(crate) groups: BTreeMap<String, Group>,
    /// The roles that somebody made, with their privileges.
    pub(crate) roles: BTreeMap<String, BTreeSet<String>>,
    pub(crate) acl: Acl,
    pub(crate) realms: BTreeMap<String, Realm>,
}

/// A user. Texts that were not given are empty.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct User {
    pub(crate) enable: bool,
    /// When they end, in seconds since 1970; never if 0.
    pub(crate) expire: u64,
    pub(crate) firstname: String,
    pub(crate) lastname: String,
    pub(crate) email: String,
    pub(crate) comment: String,
    pub(crate) keys: String,
    pub(crate) tokens: BTreeMap<String, Token>,
    pub(crate) password: Option<Password>,
}

/// A token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Token {
    /// What proves that one has it.
    pub(crate) secret: String,
    /// Whether it has only the privileges that were given to itself too: the default for those made by a call.
    pub(crate) is_separate: bool,
    /// When it ends, in seconds since 1970; never if 0.
    pub(crate) expire: u64,
    #[serde(default)]
    pub(crate) comment: Option<String>,
}

/// A group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Group {
    pub(crate) comment: Option<String>,
    pub(crate) members: BTreeSet<String>,
}

/// A realm: where users come from. Those that are not built in are definitions only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Realm {
    /// PVE's type: `pam`, `pve`, `ldap`, `ad` or `openid`.
    pub(crate) kind: String,
    pub(crate) options: BTreeMap<String, String>,
}

impl Default for User {
    fn default() -> Self {
        Self {
            enable: true,
            expire: 0,
            firstname: String::new(),
            lastname: String::new(),
            email: String::new(),
            comment: String::new(),
            keys: String::new(),
            tokens: BTreeMap::new(),
            password: None,
        }
    }
}

impl Default for Access {
    fn default() -> Self {
        let realm = |kind: &str, comment: &str| {
            let options = BTreeMap::from([("comment".to_owned(), comment.to_owned())]);
            (kind.to_owned(), Realm { kind: kind.to_owned(), options })
        };
        Self {
            users: BTreeMap::from([(ROOT.to_owned(), User::default())]),
            groups: BTreeMap::new(),
            roles: BTreeMap::new(),
            acl: Acl::default(),
            realms: BTreeMap::from([
                realm("pam", "Linux PAM standard authentication"),
                realm("pve", "Proxmox VE authentication server"),
            ]),
        }
    }
}

impl Access {
    /// Tells whether a user is there and may come in.
    pub(crate) fn is_let_in(&self, user: &str) -> bool {
        self.users.get(user).is_some_and(|user| user.enable && (user.expire == 0 || user.expire > now()))
    }

    /// Returns a token by its full name, `user@realm!name`.
    pub(crate) fn token(&self, id: &str) -> Option<&Token> {
        let (user, name) = id.split_once('!')?;
        self.users.get(user)?.tokens.get(name)
    }

    /// Tells whether this is the password of a user of a realm that keeps its passwords here.
    pub(crate) fn is_password(&self, user: &str, text: &str) -> bool {
        let realm = self.realms.get(realm_of(user));
        let keeps = realm.is_some_and(|realm| matches!(realm.kind.as_str(), "pam" | "pve"));
        let password = self.users.get(user).and_then(|user| user.password.as_ref());
        keeps && password.is_some_and(|password| password.is(text))
    }

    /// Sets the password of a user who is there, unless it is this one already.
    pub(crate) fn set_password(&mut self, user: &str, text: &str) -> io::Result<()> {
        if let Some(user) = self.users.get_mut(user) {
            user.password = Some(Password::new(text)?);
        }
        Ok(())
    }

    /// Returns the secret of a token of `root@pam` that may all that its user may; it is made if it is not there.
    pub(crate) fn own_token(&mut self, name: &str) -> io::Result<String> {
        let user = self.users.entry(ROOT.to_owned()).or_default();
        if let Some(token) = user.tokens.get(name) {
            return Ok(token.secret.clone());
        }
        let token = Token { secret: secret::uuid()?, ..Token::default() };
        let secret = token.secret.clone();
        user.tokens.insert(name.to_owned(), token);
        Ok(secret)
    }

    /// Returns the privileges of a role; nothing if there is no such role.
    pub(crate) fn role(&self, name: &str) -> Option<BTreeSet<&str>> {
        let own = || self.roles.get(name).map(|privileges| privileges.iter().map(String::as_str).collect());
        roles::privileges(name).or_else(own)
    }

    /// Removes a user with what they had. Root comes back as in the beginning, the system's password kept.
    pub(crate) fn remove_user(&mut self, name: &str) {
        let removed = self.users.remove(name);
        for group in self.groups.values_mut() {
            group.members.remove(name);
        }
        self.acl.retain_holders(|holder| holder != name && !holder.starts_with(&format!("{name}!")));
        if name == ROOT {
            let password = removed.and_then(|user| user.password);
            self.users.insert(ROOT.to_owned(), User { password, ..User::default() });
        }
    }

    /// Removes a group with what it had.
    pub(crate) fn remove_group(&mut self, name: &str) {
        self.groups.remove(name);
        self.acl.retain_holders(|holder| holder.strip_prefix('@') != Some(name));
    }

    /// Removes a role from the list and from whoever had it.
    pub(crate) fn remove_role(&mut self, name: &str) {
        self.roles.remove(name);
        self.acl.forget_role(name);
    }
}

/// Returns the realm of a user.
pub(crate) fn realm_of(user: &str) -> &str {
    user.rsplit_once('@').map_or("", |(_, realm)| realm)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_node_knows_root_alone() {
        let access = Access::default();
        assert_eq!(access.users.keys().collect::<Vec<_>>(), [ROOT]);
        assert!(access.is_let_in(ROOT) && !access.is_let_in("al@pve"));
        assert!(!access.is_password(ROOT, ""));
    }

    #[test]
    fn a_removed_user_leaves_nothing_behind() {
        let mut access = Access::default();
        access.users.insert("al@pve".to_owned(), User { expire: 1, ..User::default() });
        assert!(!access.is_let_in("al@pve"), "they ended long ago");
        let members = BTreeSet::from(["al@pve".to_owned()]);
        access.groups.insert("g".to_owned(), Group { members, ..Group::default() });
        access.acl.grant("/", "al@pve!t", "PVEAdmin", true);
        access.remove_user("al@pve");
        assert!(access.groups["g"].members.is_empty());
        assert_eq!(access.acl, Acl::default());
        access.remove_user(ROOT);
        assert!(access.is_let_in(ROOT));
    }
}
