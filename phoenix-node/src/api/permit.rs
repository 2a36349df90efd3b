//! Whether a caller may do something: the rules of the schema, and what handlers ask for besides.

use std::collections::BTreeMap;

use crate::{
    api::{
        caller::Caller,
        reply::Refusal,
        router::Call,
        schema::{
            Given,
            rule::{Groups, Rule, UserParam},
        },
    },
    state::{State, access::realm_of, acl},
};

/// Refuses a call that its rule does not let the caller make.
pub(crate) fn check(
    state: &State,
    caller: &Caller,
    rule: &Rule,
    given: &BTreeMap<String, Given>,
) -> Result<(), Refusal> {
    if caller.is_root() {
        return Ok(());
    }
    Asker { state, who: &caller.id(), given }.check(rule)
}

/// Somebody with the parameters of their call.
struct Asker<'a> {
    state: &'a State,
    who: &'a str,
    given: &'a BTreeMap<String, Given>,
}

impl Asker<'_> {
    fn check(&self, rule: &Rule) -> Result<(), Refusal> {
        match rule {
            Rule::World | Rule::All => Ok(()),
            Rule::Root => Err(Refusal::forbidden("user != root@pam")),
            Rule::And(rules) => rules.iter().try_for_each(|rule| self.check(rule)),
            Rule::Or(rules) => self.one_of(rules),
            Rule::Perm { needs: Some(needs), .. } if !self.given.contains_key(needs) => {
                Err(Refusal::forbidden(""))
            }
            Rule::Perm { path, privs, any, .. } => {
                let path = acl::normal(&self.filled(path)).unwrap_or_default();
                let privs: Vec<&str> = privs.iter().map(String::as_str).collect();
                match any {
                    true => need_any(self.state, self.who, &path, &privs),
                    false => need(self.state, self.who, &path, &privs),
                }
            }
            // What can be no path is refused by the call itself.
            Rule::Modify => match acl::normal(self.text("path")) {
                Some(path) => need_modify(self.state, self.who, &path),
                None => Ok(()),
            },
            Rule::UserParam(UserParam::Own) => {
                let user = self.existing_user()?;
                if user == self.who { Ok(()) } else { Err(Refusal::forbidden("")) }
            }
            Rule::UserParam(UserParam::Realm) => {
                let path = format!("/access/realm/{}", realm_of(self.text("userid")));
                need(self.state, self.who, &path, &["Realm.AllocateUser"])
            }
            Rule::UserParam(UserParam::Groups { privs, of }) => self.groups(privs, *of),
        }
    }

    /// One rule is enough. Like in PVE, a list within ends the search with its own refusal.
    fn one_of(&self, rules: &[Rule]) -> Result<(), Refusal> {
        for rule in rules {
            match (self.check(rule), rule) {
                (Ok(()), _) => return Ok(()),
                (refused @ Err(_), Rule::And(_)) => return refused,
                (Err(_), _) => {}
            }
        }
        Err(Refusal::forbidden(""))
    }

    fn groups(&self, privs: &[String], of: Groups) -> Result<(), Refusal> {
        let user = match of {
            Groups::Created => "",
            Groups::Present | Groups::Updated => self.existing_user()?,
        };
        let privs: Vec<&str> = privs.iter().map(String::as_str).collect();
        if may_any(self.state, self.who, "/access/groups", &privs) {
            return Ok(());
        }
        let may = |group: &str| may_any(self.state, self.who, &format!("/access/groups/{group}"), &privs);
        if of != Groups::Present {
            let named: Vec<&str> =
                self.text("groups").split([',', ';', ' ']).filter(|name| !name.is_empty()).collect();
            if named.is_empty() {
                return Err(Refusal::forbidden(&format!("/access/groups, {}", privs.join("|"))));
            }
            if let Some(group) =
                named.iter().find(|group| !self.state.access.groups.contains_key(**group) || !may(group))
            {
                return Err(Refusal::forbidden(&format!("/access/groups/{group}, {}", privs.join("|"))));
            }
        }
        let is_theirs = || {
            let groups = self.state.access.groups.iter();
            groups.filter(|(_, group)| group.members.contains(user)).any(|(name, _)| may(name))
        };
        if of == Groups::Created || is_theirs() { Ok(()) } else { Err(Refusal::forbidden("")) }
    }

    fn existing_user(&self) -> Result<&str, Refusal> {
        let user = self.text("userid");
        match self.state.access.users.contains_key(user) {
            true => Ok(user),
            false => Err(Refusal::failed(format!("no such user ('{user}')"))),
        }
    }

    /// Fills the variables of a path with the call's parameters.
    fn filled(&self, path: &str) -> String {
        let part = |part: &str| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(name) => self.text(name).to_owned(),
            None => part.to_owned(),
        };
        path.split('/').map(part).collect::<Vec<_>>().join("/")
    }

    fn text(&self, name: &str) -> &str {
        match self.given.get(name) {
            Some(Given::Text(text)) => text,
            Some(Given::List(_) | Given::Null | Given::Table) | None => "",
        }
    }
}

impl Call<'_> {
    /// Tells whether the caller has all these privileges on a path.
    pub(crate) fn may(&self, path: &str, privs: &[&str]) -> bool {
        self.caller.is_root() || self.need(path, privs).is_ok()
    }

    /// Tells whether the caller has one of these privileges on a path.
    pub(crate) fn may_any(&self, path: &str, privs: &[&str]) -> bool {
        self.caller.is_root() || may_any(self.state, &self.caller.id(), path, privs)
    }

    /// Refuses a caller who has not all these privileges on a path.
    pub(crate) fn need(&self, path: &str, privs: &[&str]) -> Result<(), Refusal> {
        need(self.state, &self.caller.id(), path, privs)
    }

    /// Refuses a caller who has none of these privileges on a path.
    pub(crate) fn need_any(&self, path: &str, privs: &[&str]) -> Result<(), Refusal> {
        need_any(self.state, &self.caller.id(), path, privs)
    }

    /// Refuses a caller who may not change permissions on a path, nor what stands at it.
    pub(crate) fn need_modify(&self, path: &str) -> Result<(), Refusal> {
        need_modify(self.state, &self.caller.id(), path)
    }

    /// Refuses a caller who has one of these privileges neither on a guest nor on the pool it is to be in.
    pub(crate) fn need_on_guest(&self, vmid: u32, pool: Option<&str>, privs: &[&str]) -> Result<(), Refusal> {
        match pool.is_some_and(|pool| self.may(&format!("/pool/{pool}"), privs)) {
            true => Ok(()),
            false => self.need(&format!("/vms/{vmid}"), privs),
        }
    }

    /// Refuses a pool that is not there.
    pub(crate) fn need_pool(&self, pool: &str) -> Result<(), Refusal> {
        match self.state.pools.0.contains_key(pool) {
            true => Ok(()),
            false => Err(Refusal::forbidden(&format!("pool '{pool}' does not exist"))),
        }
    }

    /// Refuses a caller who has no part in a task and not this privilege on the node.
    pub(crate) fn need_task(&self, task_user: &str, privilege: &str) -> Result<(), Refusal> {
        match self.is_own_task(task_user) {
            true => Ok(()),
            false => self.need(&format!("/nodes/{}", self.state.name), &[privilege]),
        }
    }

    /// Refuses an option of a call that only `root@pam` may use.
    pub(crate) fn root_option(&self, name: &str) -> Result<(), Refusal> {
        match self.args.flag(name) && !self.caller.is_root() {
            true => Err(Refusal::param(name, "Only root may use this option.")),
            false => Ok(()),
        }
    }

    /// Tells whether a task is the caller's own: a user's are those of their tokens too.
    pub(crate) fn is_own_task(&self, task_user: &str) -> bool {
        let id = self.caller.id();
        task_user == id || task_user.split_once('!').is_some_and(|(user, _)| user == id)
    }
}

fn need(state: &State, who: &str, path: &str, privs: &[&str]) -> Result<(), Refusal> {
    let found = state.privileges(who, path);
    match privs.iter().find(|name| !found.contains_key(**name)) {
        Some(missing) => Err(Refusal::forbidden(&format!("{path}, {missing}"))),
        None => Ok(()),
    }
}

fn need_any(state: &State, who: &str, path: &str, privs: &[&str]) -> Result<(), Refusal> {
    match may_any(state, who, path, privs) {
        true => Ok(()),
        false => Err(Refusal::forbidden(&format!("{path}, {}", privs.join("|")))),
    }
}

fn may_any(state: &State, who: &str, path: &str, privs: &[&str]) -> bool {
    let found = state.privileges(who, path);
    privs.iter().any(|name| found.contains_key(name))
}

fn need_modify(state: &State, who: &str, path: &str) -> Result<(), Refusal> {
    let own =
        ["/storage/", "/vms/", "/pool/"].iter().zip(["Datastore.Allocate", "VM.Allocate", "Pool.Allocate"]);
    let mut privs = vec!["Permissions.Modify"];
    privs.extend(
        own.filter(|(prefix, _)| path.len() > prefix.len() && path.starts_with(**prefix))
            .map(|(_, name)| name),
    );
    need_any(state, who, path, &privs)
}

#[cfg(test)]
mod tests {
    use phoenix_core::GuestKind;
    use phoenix_pve::transport::Method;

    use super::*;
    use crate::{
        api::{Asked, route},
        options::NodeSeed,
        state::{access::User, guest::Guest},
    };

    /// Makes a call in the name of a user; returns the refusal's words, or nothing.
    fn refusal(state: &mut State, user: &str, call: &str, params: &[(&str, &str)]) -> Option<String> {
        let (method, path) = call.split_once(' ').expect("a method and a path");
        let methods = [Method::Get, Method::Post, Method::Put, Method::Delete];
        let method = methods.into_iter().find(|known| known.as_str() == method).expect("a method");
        let path = path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        let given = |(key, value): &(&str, &str)| ((*key).to_owned(), Given::Text((*value).to_owned()));
        let params = params.iter().map(given).collect();
        let caller = Caller { user: user.to_owned(), token: None };
        route(state, &caller, &Asked { method, path, params, upload: None })
            .err()
            .map(|refused| refused.text())
    }

    fn state() -> State {
        let mut state = State::default();
        state.merge_seed(&NodeSeed::default());
        state.access.users.insert("al@pve".to_owned(), User::default());
        let mut guest = Guest::reserved(GuestKind::Lxc, 100, "");
        guest.config =
            [("memory".to_owned(), "512".to_owned()), ("unprivileged".to_owned(), "1".to_owned())].into();
        state.put_guest(guest);
        state
    }

    #[test]
    fn every_option_of_a_guest_has_a_privilege_of_its_own() {
        let mut state = state();
        state.access.roles.insert("Mem".to_owned(), ["VM.Config.Memory".to_owned()].into());
        state.access.acl.grant("/vms/100", "al@pve", "Mem", true);
        let mut set = |params: &[(&str, &str)]| {
            refusal(&mut state, "al@pve", "PUT /nodes/phoenix/lxc/100/config", params)
        };
        assert_eq!(set(&[("memory", "1024")]), None);
        let denied = "Permission check failed (/vms/100, VM.Config.CPU)";
        assert_eq!(set(&[("cores", "2")]).as_deref(), Some(denied));
        let denied = "Permission check failed (configuring device passthrough is only allowed for root@pam)";
        assert_eq!(set(&[("dev0", "/dev/kvm")]).as_deref(), Some(denied));
    }

    #[test]
    fn a_pool_lets_somebody_make_guests_in_it() {
        let mut state = state();
        state.pools.0.insert("p".to_owned(), crate::state::pools::Pool::default());
        let new = [("vmid", "200"), ("pool", "p"), ("name", "web")];
        let make = |state: &mut State| refusal(state, "al@pve", "POST /nodes/phoenix/qemu", &new);
        assert_eq!(make(&mut state).as_deref(), Some("Permission check failed"));
        state.access.acl.grant("/pool/p", "al@pve", "PVEVMAdmin", true);
        assert_eq!(make(&mut state), None);
        assert_eq!(state.pools.of_guest(200), Some("p"));
        assert!(refusal(&mut state, "al@pve", "GET /nodes/phoenix/qemu/200/config", &[]).is_none());
        state.remove_guest(200);
        assert_eq!(state.pools.of_guest(200), None);
    }

    #[test]
    fn who_may_change_a_guest_hands_on_only_what_they_have() {
        let mut state = state();
        state.access.acl.grant("/vms/100", "al@pve", "PVEVMAdmin", true);
        let mut give = |role: &str| {
            let params = [("path", "/vms/100"), ("users", "al@pve"), ("roles", role)];
            refusal(&mut state, "al@pve", "PUT /access/acl", &params)
        };
        assert_eq!(give("PVEVMUser"), None);
        assert!(give("PVEAdmin").expect("a refusal").starts_with("ACL update failed: 400 "));
        let denied = "Permission check failed (/access/groups, Group.Allocate)";
        let refused = refusal(&mut state, "al@pve", "POST /access/groups", &[("groupid", "g")]);
        assert_eq!(refused.as_deref(), Some(denied));
    }
}
