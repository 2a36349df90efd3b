//! Accounts of a draft: those that log in, and those of services.

use std::collections::BTreeSet;

use super::Draft;
use crate::{action::Action, evidence::Evidence, id::StepId, probe::Probe, secret::SecretRef};

/// An account as it shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account<'a> {
    /// The login name.
    pub name: &'a str,
    /// The login shell. A new account has none if this is not given; that of one that is there stays then.
    pub shell: Option<&'a str>,
    /// Groups that it must be in; others stay.
    pub groups: BTreeSet<String>,
    /// The crypt hash of its password, set when the account is made or mended.
    pub password_hash: Option<SecretRef>,
}

impl Draft<'_> {
    /// Adds a step that makes a system account without a login, unless there is one of that name in these groups.
    pub fn account(
        &mut self,
        name: &str,
        groups: &[&str],
        after: impl IntoIterator<Item = Option<StepId>>,
    ) -> Option<StepId> {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        self.user(Account { name, shell: None, groups, password_hash: None }, after)
    }

    /// Adds a step that makes or mends an account, unless it is as it shall be.
    pub fn user(
        &mut self,
        account: Account<'_>,
        after: impl IntoIterator<Item = Option<StepId>>,
    ) -> Option<StepId> {
        let Account { name, shell, groups, password_hash } = account;
        let reason = match self.ask(Probe::User { site: self.site.clone(), name: name.to_owned() }) {
            Some(Evidence::User { shell: found, groups: is_in, .. }) => {
                let missing: Vec<String> =
                    groups.difference(is_in).map(|group| format!("`{group}`")).collect();
                match shell.filter(|shell| shell != found) {
                    Some(shell) => format!("the shell of `{name}` is `{found}` instead of `{shell}`"),
                    None if missing.is_empty() => return None,
                    None => format!("the user `{name}` is not in {}", missing.join(", ")),
                }
            }
            _ => format!("the user `{name}` is missing"),
        };
        let action = Action::EnsureUser {
            site: self.site.clone(),
            name: name.to_owned(),
            shell: shell.unwrap_or("/usr/sbin/nologin").to_owned(),
            groups,
            password_hash,
        };
        Some(self.add(&format!("ensure-user-{name}"), action, reason, after))
    }
}
