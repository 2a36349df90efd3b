//! Firewalls: what they hold, and the calls that a change of one is made of.

mod guard;
mod names;
mod read;
mod rules;

use phoenix_core::{BackendError, ErrorKind, FirewallScope, firewall::FirewallChange};

use super::{PveBackend, missing};
use crate::{
    client::{Params, segment},
    error::PveError,
};

impl PveBackend {
    /// Changes something of a firewall.
    pub(super) async fn change_firewall(
        &self,
        scope: &FirewallScope,
        change: &FirewallChange,
    ) -> Result<(), BackendError> {
        let missing = || missing(scope.guest().expect("only a guest can be missing"));
        let path = self.firewall_path(scope).await?.ok_or_else(missing)?;
        match change {
            FirewallChange::SetOptions { set, delete, digest } => {
                let mut params: Params =
                    set.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
                if !delete.is_empty() {
                    params.push(("delete".to_owned(), delete.iter().cloned().collect::<Vec<_>>().join(",")));
                }
                params.extend(digest.clone().map(|digest| ("digest".to_owned(), digest)));
                match self.client.put(&format!("{path}/options"), params).await {
                    // Done before and then interrupted, the same write meets a new digest.
                    Err(error) if error.kind() == ErrorKind::Changed => {
                        let (options, _) = self.firewall_options(&path).await?;
                        let is_so = set.iter().all(|(key, value)| options.get(key) == Some(value))
                            && delete.iter().all(|key| !options.contains_key(key));
                        if is_so { Ok(()) } else { Err(error.into()) }
                    }
                    answer => Ok(answer.map(drop)?),
                }
            }
            FirewallChange::InsertRule { key, rule, pos, digest } => {
                self.insert_rule(&path, (key, rule), *pos, digest.as_deref()).await
            }
            FirewallChange::UpdateRule { key, set, delete, found } => {
                self.update_rule(&path, key, (set, delete), found.as_ref()).await
            }
            FirewallChange::MoveRule { key, pos, found } => {
                self.move_rule(&path, key, *pos, found.as_ref()).await
            }
            FirewallChange::RemoveRule { key, found } => self.remove_rule(&path, key, found.as_ref()).await,
            FirewallChange::SetAlias { name, alias } => self.set_alias(&path, name, alias.as_ref()).await,
            FirewallChange::SetIpset { name, ipset } => self.set_ipset(&path, name, ipset.as_ref()).await,
            FirewallChange::Guard { seconds, digest } => {
                self.guard_firewall(scope, &path, *seconds, digest.as_deref()).await
            }
            FirewallChange::Confirm => self.confirm_firewall(scope, &path).await,
        }
    }

    /// Returns the path of a firewall's calls; none if it is of a guest that is nowhere.
    async fn firewall_path(&self, scope: &FirewallScope) -> Result<Option<String>, PveError> {
        Ok(match scope {
            FirewallScope::Cluster => Some("/cluster/firewall".to_owned()),
            FirewallScope::Node(name) => Some(format!("/nodes/{}/firewall", segment(name)?)),
            FirewallScope::Guest(guest) => {
                self.find_path(*guest).await?.map(|path| format!("{path}/firewall"))
            }
        })
    }
}
