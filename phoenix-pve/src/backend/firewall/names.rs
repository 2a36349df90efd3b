//! Aliases and sets of addresses: brought to what they shall be, from what they are.

use std::collections::BTreeSet;

use phoenix_core::{
    BackendError,
    firewall::{AddressSet, Alias},
};

use super::PveBackend;
use crate::{
    client::{Params, segment},
    lenient,
};

impl PveBackend {
    pub(super) async fn set_alias(
        &self,
        path: &str,
        name: &str,
        alias: Option<&Alias>,
    ) -> Result<(), BackendError> {
        let all = self.aliases(path).await?;
        let have = all.iter().find(|(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, have)| have);
        let call = format!("{path}/aliases/{}", segment(name)?);
        match (have, alias) {
            (None, None) => {}
            (Some(have), Some(want)) if have == want => {}
            (Some(_), None) => drop(self.client.delete(&call, Vec::new()).await?),
            (Some(_), Some(want)) => drop(self.client.put(&call, of_alias(want)).await?),
            (None, Some(want)) => {
                let mut params = of_alias(want);
                params.push(("name".to_owned(), name.to_owned()));
                self.client.post(&format!("{path}/aliases"), params).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn set_ipset(
        &self,
        path: &str,
        name: &str,
        ipset: Option<&AddressSet>,
    ) -> Result<(), BackendError> {
        let data = self.client.get(&format!("{path}/ipset"), Vec::new()).await?;
        let rows = lenient::items(&data);
        let have = rows.iter().find(|row| lenient::word(&row["name"]).as_deref() == Some(name));
        let call = format!("{path}/ipset/{}", segment(name)?);
        let Some(want) = ipset else {
            if have.is_some() {
                self.client.delete(&call, pairs(&[("force", "1")])).await?;
            }
            return Ok(());
        };
        let comment = have.map(|row| lenient::word(&row["comment"]).unwrap_or_default());
        if comment.as_ref() != Some(&want.comment) {
            let mut params = pairs(&[("name", name), ("comment", &want.comment)]);
            // Made under the name that it has, it takes on the comment.
            if have.is_some() {
                params.push(("rename".to_owned(), name.to_owned()));
            }
            self.client.post(&format!("{path}/ipset"), params).await?;
        }
        let members = match have {
            Some(_) => self.members(&call).await?,
            None => BTreeSet::new(),
        };
        // An address is in the set or taken out of it: what changes sides is removed first.
        for entry in members.difference(&want.entries) {
            let cidr = entry.trim_start_matches('!');
            self.client.delete(&format!("{call}/{}", entry_segment(cidr)), Vec::new()).await?;
        }
        for entry in want.entries.difference(&members) {
            let params = match entry.strip_prefix('!') {
                Some(cidr) => pairs(&[("cidr", cidr), ("nomatch", "1")]),
                None => pairs(&[("cidr", entry)]),
            };
            self.client.post(&call, params).await?;
        }
        Ok(())
    }
}

fn of_alias(alias: &Alias) -> Params {
    pairs(&[("cidr", &alias.cidr), ("comment", &alias.comment)])
}

fn pairs(pairs: &[(&str, &str)]) -> Params {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// Returns an address as a segment of a path, with the slash of its network's length.
fn entry_segment(cidr: &str) -> String {
    cidr.replace('%', "%25").replace('/', "%2F").replace(':', "%3A")
}
