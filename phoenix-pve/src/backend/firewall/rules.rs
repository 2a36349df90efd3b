//! Rules: each change finds its rule by the key, and is held against the digest of what it found. PVE adds every rule at
//! the top, whatever position it is told; elsewhere it comes by a move.

use std::collections::BTreeSet;

use phoenix_core::{
    BackendError, ErrorKind,
    firewall::{Found, Rule, mark},
};

use super::PveBackend;
use crate::{client::Params, error::PveError};

/// The rules as they are now.
struct Rules {
    list: Vec<Rule>,
    digest: String,
}

impl PveBackend {
    pub(super) async fn insert_rule(
        &self,
        path: &str,
        (key, rule): (&str, &Rule),
        pos: usize,
        digest: Option<&str>,
    ) -> Result<(), BackendError> {
        // What the plan saw no digest of is read first: a rule must not be added twice.
        let digest = match digest {
            Some(digest) => digest.to_owned(),
            None => {
                let now = self.rules_of(path).await?;
                if now.find(key).is_some() {
                    return self.settle_rule(path, (key, rule), pos).await;
                }
                now.digest
            }
        };
        let mut first = rule.clone();
        // It stands above everything until it is moved: what blocks is off until then.
        if pos > 0 && rule.get("action").is_none_or(|action| action != "ACCEPT") {
            first.insert("enable".to_owned(), "0".to_owned());
        }
        match self.client.post(&format!("{path}/rules"), params(&first, &BTreeSet::new(), &digest)).await {
            Ok(_) if pos == 0 => Ok(()),
            Ok(_) => self.settle_rule(path, (key, rule), pos).await,
            Err(error) if error.kind() == ErrorKind::Changed => match self.rules_of(path).await?.find(key) {
                Some(_) => self.settle_rule(path, (key, rule), pos).await,
                None => Err(error.into()),
            },
            Err(error) => Err(error.into()),
        }
    }

    /// Brings a rule that is there to its place, and to what it shall say.
    async fn settle_rule(
        &self,
        path: &str,
        (key, rule): (&str, &Rule),
        pos: usize,
    ) -> Result<(), BackendError> {
        self.move_rule(path, key, pos, None).await?;
        let now = self.rules_of(path).await?;
        let have = now.find(key).map(|at| &now.list[at]).ok_or_else(|| gone(key))?;
        let set: Rule = rule
            .iter()
            .filter(|(property, value)| have.get(*property) != Some(value))
            .map(|(property, value)| (property.clone(), value.clone()))
            .collect();
        let delete = have.keys().filter(|property| !rule.contains_key(*property)).cloned().collect();
        self.write_rule(path, &now, key, (&set, &delete)).await
    }

    pub(super) async fn update_rule(
        &self,
        path: &str,
        key: &str,
        (set, delete): (&Rule, &BTreeSet<String>),
        found: Option<&Found>,
    ) -> Result<(), BackendError> {
        if let Some(Found { pos, digest }) = found {
            let call = format!("{path}/rules/{pos}");
            match self.client.put(&call, params(set, delete, digest)).await {
                Err(error) if error.kind() == ErrorKind::Changed => {
                    let now = self.rules_of(path).await?;
                    let is_so = now.find(key).is_some_and(|at| is_met(&now.list[at], set, delete));
                    return if is_so { Ok(()) } else { Err(error.into()) };
                }
                answer => return Ok(answer.map(drop)?),
            }
        }
        let now = self.rules_of(path).await?;
        self.write_rule(path, &now, key, (set, delete)).await
    }

    async fn write_rule(
        &self,
        path: &str,
        now: &Rules,
        key: &str,
        (set, delete): (&Rule, &BTreeSet<String>),
    ) -> Result<(), BackendError> {
        let at = now.find(key).ok_or_else(|| gone(key))?;
        if !is_met(&now.list[at], set, delete) {
            self.client.put(&format!("{path}/rules/{at}"), params(set, delete, &now.digest)).await?;
        }
        Ok(())
    }

    pub(super) async fn move_rule(
        &self,
        path: &str,
        key: &str,
        pos: usize,
        found: Option<&Found>,
    ) -> Result<(), BackendError> {
        if let Some(found) = found {
            match self.put_to(path, found.pos, pos, &found.digest).await {
                Err(error) if error.kind() == ErrorKind::Changed => {
                    let now = self.rules_of(path).await?;
                    return if now.find(key) == Some(pos) { Ok(()) } else { Err(error.into()) };
                }
                answer => return Ok(answer?),
            }
        }
        let now = self.rules_of(path).await?;
        let at = now.find(key).ok_or_else(|| gone(key))?;
        if at != pos {
            self.put_to(path, at, pos, &now.digest).await?;
        }
        Ok(())
    }

    /// Moves the rule at a position to another one.
    async fn put_to(&self, path: &str, at: usize, pos: usize, digest: &str) -> Result<(), PveError> {
        // PVE puts it before the rule that stands at the target, while it still stands where it was.
        let target = if pos > at { pos + 1 } else { pos };
        let moved = Rule::from([("moveto".to_owned(), target.to_string())]);
        let call = format!("{path}/rules/{at}");
        self.client.put(&call, params(&moved, &BTreeSet::new(), digest)).await.map(drop)
    }

    pub(super) async fn remove_rule(
        &self,
        path: &str,
        key: &str,
        found: Option<&Found>,
    ) -> Result<(), BackendError> {
        let nothing = Rule::new();
        if let Some(Found { pos, digest }) = found {
            let call = format!("{path}/rules/{pos}");
            match self.client.delete(&call, params(&nothing, &BTreeSet::new(), digest)).await {
                // Done before, it meets a new digest, or a list that ends before it.
                Err(error) if self.rules_of(path).await?.find(key).is_none() => {
                    tracing::debug!(%error, key, "refused, and yet it is so");
                    return Ok(());
                }
                answer => return Ok(answer.map(drop)?),
            }
        }
        let now = self.rules_of(path).await?;
        let Some(at) = now.find(key) else { return Ok(()) };
        let call = format!("{path}/rules/{at}");
        self.client.delete(&call, params(&nothing, &BTreeSet::new(), &now.digest)).await?;
        Ok(())
    }

    async fn rules_of(&self, path: &str) -> Result<Rules, PveError> {
        let (list, digest) = self.firewall_rules(path).await?;
        Ok(Rules { list, digest })
    }
}

impl Rules {
    fn find(&self, key: &str) -> Option<usize> {
        self.list.iter().position(|rule| mark::key(rule) == Some(key))
    }
}

/// Returns the parameters of a write; an empty list of rules has no digest.
fn params(set: &Rule, delete: &BTreeSet<String>, digest: &str) -> Params {
    let mut params: Params = set.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    if !delete.is_empty() {
        params.push(("delete".to_owned(), delete.iter().cloned().collect::<Vec<_>>().join(",")));
    }
    if !digest.is_empty() {
        params.push(("digest".to_owned(), digest.to_owned()));
    }
    params
}

fn is_met(have: &Rule, set: &Rule, delete: &BTreeSet<String>) -> bool {
    set.iter().all(|(key, value)| have.get(key) == Some(value))
        && delete.iter().all(|key| !have.contains_key(key))
}

fn gone(key: &str) -> BackendError {
    BackendError::new(ErrorKind::Changed, format!("somebody has removed the rule `{key}` meanwhile"))
        .with_hint("run `phoenix plan` again")
}
