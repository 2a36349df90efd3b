//! What firewalls hold. Two calls a firewall; what its rules can name is asked apart, because most name nothing.

use std::collections::BTreeMap;

use phoenix_core::{
    Evidence, FirewallScope,
    firewall::{AddressSet, Alias, FirewallNames, FirewallState, Rule},
};
use serde_json::Value;

use super::PveBackend;
use crate::{client::segment, error::PveError, lenient};

/// What a row of a rule says beside the rule: where it stands, and what was worked out about it.
const BESIDE: [&str; 4] = ["pos", "digest", "errors", "ipversion"];

impl PveBackend {
    /// Returns a firewall's options and rules.
    pub(in crate::backend) async fn firewall(&self, scope: &FirewallScope) -> Result<Evidence, PveError> {
        let Some(path) = self.firewall_path(scope).await? else { return Ok(Evidence::Absent) };
        let (options, options_digest) = self.firewall_options(&path).await?;
        let (rules, digest) = self.firewall_rules(&path).await?;
        Ok(Evidence::Firewall(FirewallState { digest, options_digest, options, rules }))
    }

    /// Returns what the rules of a firewall can name. A node has nothing of that sort.
    pub(in crate::backend) async fn firewall_names(
        &self,
        scope: &FirewallScope,
    ) -> Result<Evidence, PveError> {
        let mut names = FirewallNames::default();
        let Some(path) = self.firewall_path(scope).await? else { return Ok(Evidence::Absent) };
        if matches!(scope, FirewallScope::Node(_)) {
            return Ok(Evidence::FirewallNames(names));
        }
        names.aliases = self.aliases(&path).await?;
        names.ipsets = self.ipsets(&path).await?;
        if *scope == FirewallScope::Cluster {
            let groups = self.client.get(&format!("{path}/groups"), Vec::new()).await?;
            for name in lenient::items(&groups).iter().filter_map(|row| lenient::word(&row["group"])) {
                let call = format!("{path}/groups/{}", segment(&name)?);
                let rules = rules(&self.client.get(&call, Vec::new()).await?).0;
                names.groups.insert(name, rules);
            }
        }
        Ok(Evidence::FirewallNames(names))
    }

    /// Returns the options that are set, and their digest.
    pub(super) async fn firewall_options(
        &self,
        path: &str,
    ) -> Result<(BTreeMap<String, String>, String), PveError> {
        let data = self.client.get(&format!("{path}/options"), Vec::new()).await?;
        let mut options = texts(&data);
        let digest = options.remove("digest").unwrap_or_default();
        Ok((options, digest))
    }

    /// Returns the rules in their order, and their digest.
    pub(super) async fn firewall_rules(&self, path: &str) -> Result<(Vec<Rule>, String), PveError> {
        Ok(rules(&self.client.get(&format!("{path}/rules"), Vec::new()).await?))
    }

    pub(super) async fn aliases(&self, path: &str) -> Result<BTreeMap<String, Alias>, PveError> {
        let data = self.client.get(&format!("{path}/aliases"), Vec::new()).await?;
        let alias = |row: &Value| Alias {
            cidr: lenient::word(&row["cidr"]).unwrap_or_default(),
            comment: lenient::word(&row["comment"]).unwrap_or_default(),
        };
        let rows = lenient::items(&data).iter();
        Ok(rows.filter_map(|row| Some((lenient::word(&row["name"])?, alias(row)))).collect())
    }

    async fn ipsets(&self, path: &str) -> Result<BTreeMap<String, AddressSet>, PveError> {
        let data = self.client.get(&format!("{path}/ipset"), Vec::new()).await?;
        let mut sets = BTreeMap::new();
        for row in lenient::items(&data) {
            let Some(name) = lenient::word(&row["name"]) else { continue };
            let comment = lenient::word(&row["comment"]).unwrap_or_default();
            let entries = self.members(&format!("{path}/ipset/{}", segment(&name)?)).await?;
            sets.insert(name, AddressSet { entries, comment });
        }
        Ok(sets)
    }

    /// Returns the members of a set of addresses.
    pub(super) async fn members(&self, path: &str) -> Result<std::collections::BTreeSet<String>, PveError> {
        let data = self.client.get(path, Vec::new()).await?;
        let member = |row: &Value| {
            let out = if lenient::flag(&row["nomatch"]) { "!" } else { "" };
            Some(format!("{out}{}", lenient::word(&row["cidr"])?))
        };
        Ok(lenient::items(&data).iter().filter_map(member).collect())
    }
}

/// Returns the rules of a list in their order, and its digest.
fn rules(data: &Value) -> (Vec<Rule>, String) {
    let rows = lenient::items(data);
    let digest = rows.first().and_then(|row| lenient::word(&row["digest"])).unwrap_or_default();
    let mut placed: Vec<(u64, Rule)> = rows
        .iter()
        .map(|row| {
            let mut rule = texts(row);
            rule.retain(|key, _| !BESIDE.contains(&key.as_str()));
            (lenient::number(&row["pos"]).unwrap_or(0), rule)
        })
        .collect();
    placed.sort_by_key(|(pos, _)| *pos);
    (placed.into_iter().map(|(_, rule)| rule).collect(), digest)
}

fn texts(data: &Value) -> BTreeMap<String, String> {
    let pairs = data.as_object().into_iter().flatten();
    let texts = pairs.filter_map(|(key, value)| Some((key.clone(), lenient::text(value)?)));
    texts.map(|(key, text)| (key, text.trim_end().to_owned())).collect()
}
