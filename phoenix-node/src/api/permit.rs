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
