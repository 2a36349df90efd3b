//! Rights: which privileges somebody has on a path, from the list of permissions, from pools, and as a token.

use std::collections::BTreeMap;

use crate::state::{State, access::ROOT, roles};

/// Privileges, each with whether it holds further down too.
pub(crate) type Privileges<'a> = BTreeMap<&'a str, bool>;

/// The paths that are told of even where nobody was given anything.
const TOP: &[&str] = &["/", "/access", "/access/groups", "/nodes", "/pool", "/sdn", "/storage", "/vms"];

impl State {
    /// Returns what `user@realm` or `user@realm!token` may on a path.
    pub(crate) fn privileges(&self, who: &str, path: &str) -> Privileges<'_> {
        if who == ROOT {
            return roles::PRIVILEGES.iter().map(|name| (*name, true)).collect();
        }
        let Some((user, _)) = who.split_once('!') else { return self.granted(who, path) };
        let Some(token) = self.access.token(who) else { return Privileges::new() };
        match (token.is_separate, user) {
            (false, _) => self.privileges(user, path),
            (true, ROOT) => self.granted(who, path),
            (true, _) => {
                let of_user = self.granted(user, path);
                let mut found = self.granted(who, path);
                found.retain(|name, _| of_user.contains_key(name));
                found.into_iter().map(|(name, propagate)| (name, propagate && of_user[name])).collect()
            }
        }
    }

    /// Returns what somebody may, path by path; paths where they may nothing are left out.
    pub(crate) fn effective(&self, who: &str) -> BTreeMap<String, Privileges<'_>> {
        let mut paths: Vec<String> = TOP.iter().map(|path| (*path).to_owned()).collect();
        paths.extend(self.access.acl.paths().into_iter().map(str::to_owned));
        for pool in self.pools.0.values() {
            paths.extend(pool.guests.iter().map(|vmid| format!("/vms/{vmid}")));
            paths.extend(pool.storages.iter().map(|storage| format!("/storage/{storage}")));
        }
        let found = paths.into_iter().map(|path| {
            let privileges = self.privileges(who, &path);
            (path, privileges)
        });
        found.filter(|(_, privileges)| !privileges.is_empty()).collect()
    }

    /// Returns what was given on a path, by itself or by way of a pool.
    fn granted(&self, who: &str, path: &str) -> Privileges<'_> {
        let mut roles = self.roles(who, path);
        let by_pool = self.pool_roles(who, path);
        if !roles.contains_key(roles::NO_ACCESS) {
            if by_pool.contains_key(roles::NO_ACCESS) {
                roles = BTreeMap::from([(roles::NO_ACCESS, false)]);
            } else {
                for role in by_pool.into_keys() {
                    roles.entry(role).or_insert(false);
                }
            }
        }
        let mut found = Privileges::new();
        for (role, propagate) in roles {
            for name in self.access.role(role).unwrap_or_default() {
                *found.entry(name).or_default() |= propagate;
            }
        }
        found
    }

    fn pool_roles(&self, who: &str, path: &str) -> BTreeMap<&str, bool> {
        let pools = &self.pools.0;
        let member: Box<dyn Fn(&crate::state::pools::Pool) -> bool> =
            match (path.strip_prefix("/vms/"), path.strip_prefix("/storage/")) {
                (Some(vmid), _) => match vmid.parse::<u32>() {
                    Ok(vmid) => Box::new(move |pool| pool.guests.contains(&vmid)),
                    Err(_) => return BTreeMap::new(),
                },
                (None, Some(storage)) => Box::new(move |pool| pool.storages.contains(storage)),
                (None, None) => return BTreeMap::new(),
            };
        let within = pools.iter().filter(|(_, pool)| member(pool));
        within.flat_map(|(name, _)| self.roles(who, &format!("/pool/{name}"))).collect()
    }

    fn roles(&self, who: &str, path: &str) -> BTreeMap<&str, bool> {
        let user = who.split_once('!').map_or(who, |(user, _)| user);
        let is_whole = user != who && self.access.token(who).is_some_and(|token| !token.is_separate);
        let who = if is_whole { user } else { who };
        self.access.acl.roles(&self.access, who, path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{
        access::{Token, User},
        pools::Pool,
    };

    fn state() -> State {
        let mut state = State::default();
        let tokens = [("whole", false), ("split", true)]
            .map(|(name, is_separate)| (name.to_owned(), Token { is_separate, ..Token::default() }));
        state.access.users.insert("al@pve".to_owned(), User { tokens: tokens.into(), ..User::default() });
        state
    }

    fn may(state: &State, who: &str, path: &str) -> Vec<String> {
        state.privileges(who, path).into_keys().map(str::to_owned).collect()
    }

    #[test]
    fn a_separate_token_has_what_both_have() {
        let mut state = state();
        state.access.acl.grant("/vms", "al@pve", "PVETemplateUser", true);
        assert_eq!(may(&state, "al@pve!whole", "/vms/100"), ["VM.Audit", "VM.Clone"]);
        assert!(may(&state, "al@pve!split", "/vms/100").is_empty());
        state.access.acl.grant("/", "al@pve!split", "PVEAuditor", true);
        assert_eq!(may(&state, "al@pve!split", "/vms/100"), ["VM.Audit"]);
        assert!(may(&state, "al@pve!gone", "/vms/100").is_empty());
        assert_eq!(may(&state, ROOT, "/vms/100").len(), roles::PRIVILEGES.len());
    }

    #[test]
    fn a_pool_gives_its_members_rights_that_go_no_further() {
        let mut state = state();
        let pool = Pool { guests: [100].into(), storages: ["local".to_owned()].into(), ..Pool::default() };
        state.pools.0.insert("p".to_owned(), pool);
        state.access.acl.grant("/pool", "al@pve", "PVETemplateUser", true);
        assert_eq!(state.privileges("al@pve", "/vms/100").get("VM.Clone"), Some(&false));
        assert!(may(&state, "al@pve", "/vms/101").is_empty());
        assert!(state.effective("al@pve").contains_key("/storage/local"));
        state.access.acl.grant("/vms/100", "al@pve", "NoAccess", true);
        assert!(
            may(&state, "al@pve", "/vms/100").is_empty(),
            "what is denied on the guest itself stays denied"
        );
    }
}
