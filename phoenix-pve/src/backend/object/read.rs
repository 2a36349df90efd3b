//! The lists: one call each, whatever it holds.

use std::collections::BTreeMap;

use phoenix_core::{
    ObjectKind, Objects,
    object::{Values, grant_name},
};
use serde_json::Value;

use super::PveBackend;
use crate::{client::segment, error::PveError, lenient};

impl PveBackend {
    /// Returns the objects of a list.
    pub(in crate::backend) async fn object_list(&self, of: &ObjectKind) -> Result<Objects, PveError> {
        let (path, params) = call(of)?;
        let params: Vec<(String, String)> =
            params.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let (data, pending) = match of {
            ObjectKind::Interface { .. } => {
                let (data, changes) = self.client.get_beside(&path, params, "changes").await?;
                (data, lenient::word(&changes))
            }
            ObjectKind::Storage
            | ObjectKind::Role
            | ObjectKind::Group
            | ObjectKind::User
            | ObjectKind::Token
            | ObjectKind::Acl
            | ObjectKind::Volume { .. } => (self.client.get(&path, params).await?, None),
        };
        let mut objects = Objects { pending, ..Objects::default() };
        for row in lenient::items(&data) {
            if let Some(digest) = lenient::word(&row["digest"]) {
                objects.digest = digest;
            }
            objects.rows.extend(rows(of, row));
        }
        Ok(objects)
    }
}

/// Parameters that are always the same.
type Fixed = &'static [(&'static str, &'static str)];

fn call(of: &ObjectKind) -> Result<(String, Fixed), PveError> {
    Ok(match of {
        ObjectKind::Storage => ("/storage".to_owned(), &[]),
        ObjectKind::Role => ("/access/roles".to_owned(), &[]),
        ObjectKind::Group => ("/access/groups".to_owned(), &[]),
        ObjectKind::User | ObjectKind::Token => ("/access/users".to_owned(), &[("full", "1")]),
        ObjectKind::Acl => ("/access/acl".to_owned(), &[]),
        ObjectKind::Interface { node } => (format!("/nodes/{}/network", segment(node)?), &[]),
        ObjectKind::Volume { node, storage } => {
            (format!("/nodes/{}/storage/{}/content", segment(node)?, segment(storage)?), &[])
        }
    })
}

/// Returns what a row of the answer says: one object, or the tokens of a user.
fn rows(of: &ObjectKind, row: &Value) -> BTreeMap<String, Values> {
    let named = |key: &str| match lenient::word(&row[key]) {
        Some(name) => BTreeMap::from([(name, values(row, key))]),
        None => BTreeMap::new(),
    };
    match of {
        ObjectKind::Storage => named("storage"),
        ObjectKind::Role => named("roleid"),
        ObjectKind::Group => named("groupid"),
        ObjectKind::User => named("userid"),
        ObjectKind::Interface { .. } => named("iface"),
        ObjectKind::Volume { .. } => named("volid"),
        ObjectKind::Token => {
            let Some(user) = lenient::word(&row["userid"]) else { return BTreeMap::new() };
            let tokens = lenient::items(&row["tokens"]).iter();
            tokens
                .filter_map(|token| {
                    let name = lenient::word(&token["tokenid"])?;
                    Some((format!("{user}!{name}"), values(token, "tokenid")))
                })
                .collect()
        }
        ObjectKind::Acl => {
            let word = |key: &str| lenient::word(&row[key]).unwrap_or_default();
            let name = grant_name(&word("path"), &word("type"), &word("ugid"), &word("roleid"));
            BTreeMap::from([(name, values(row, ""))])
        }
    }
}

/// Returns the properties of a row, all but its name and what nests.
fn values(row: &Value, name: &str) -> Values {
    let plain = row.as_object().into_iter().flatten();
    plain
        .filter(|(key, value)| *key != name && *key != "digest" && *key != "tokens" && !value.is_object())
        .filter_map(|(key, value)| Some((key.clone(), lenient::text(value)?)))
        .collect()
}
