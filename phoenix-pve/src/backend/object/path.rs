//! The calls that make, change and remove an object.

use std::collections::BTreeSet;

use phoenix_core::{ObjectKind, object::Values};

use crate::{
    client::{Params, segment},
    error::PveError,
    transport::Method,
};

/// Returns the call that makes an object.
pub(super) fn create(of: &ObjectKind, name: &str) -> Result<(Method, String), PveError> {
    Ok(match of {
        ObjectKind::Acl => (Method::Put, "/access/acl".to_owned()),
        ObjectKind::Token => (Method::Post, token(name)?),
        ObjectKind::Storage
        | ObjectKind::Role
        | ObjectKind::Group
        | ObjectKind::User
        | ObjectKind::Interface { .. }
        | ObjectKind::Volume { .. } => (Method::Post, list(of)?),
    })
}

/// Returns the parameters that make an object.
pub(super) fn creation(of: &ObjectKind, name: &str, values: &Values) -> Params {
    let key = match of {
        ObjectKind::Storage => "storage",
        ObjectKind::Role => "roleid",
        ObjectKind::Group => "groupid",
        ObjectKind::User => "userid",
        ObjectKind::Interface { .. } => "iface",
        ObjectKind::Acl => return grant(values),
        ObjectKind::Token | ObjectKind::Volume { .. } => return pairs(values),
    };
    let mut params = vec![(key.to_owned(), name.to_owned())];
    params.extend(pairs(values));
    params
}

/// Returns the call that changes an object.
pub(super) fn update(of: &ObjectKind, name: &str) -> Result<(Method, String), PveError> {
    Ok((Method::Put, one(of, name)?))
}

/// What Proxmox VE takes for gone where an interface is changed without it.
const ADDRESSES: [&str; 4] = ["cidr", "cidr6", "gateway", "gateway6"];

/// Returns the parameters that change an object from what it is.
pub(super) fn update_params(
    of: &ObjectKind,
    row: &Values,
    (set, delete): (&Values, &BTreeSet<String>),
) -> Params {
    let kept = |keys: &[&str]| -> Values {
        let is_kept = |(key, _): &(&String, &String)| keys.contains(&key.as_str()) && !delete.contains(*key);
        let kept = row.iter().filter(is_kept).map(|(key, value)| (key.clone(), value.clone()));
        kept.chain(set.clone()).collect()
    };
    match of {
        ObjectKind::Acl => grant(&row.clone().into_iter().chain(set.clone()).collect()),
        ObjectKind::Interface { .. } => pairs(&kept(&ADDRESSES)),
        ObjectKind::Storage
        | ObjectKind::Role
        | ObjectKind::Group
        | ObjectKind::User
        | ObjectKind::Token
        | ObjectKind::Volume { .. } => pairs(set),
    }
}

/// Returns the call that removes an object.
pub(super) fn removal(
    of: &ObjectKind,
    name: &str,
    row: &Values,
) -> Result<(Method, String, Params), PveError> {
    if *of == ObjectKind::Acl {
        let mut params = grant(row);
        params.retain(|(key, _)| key != "propagate");
        params.push(("delete".to_owned(), "1".to_owned()));
        return Ok((Method::Put, "/access/acl".to_owned(), params));
    }
    Ok((Method::Delete, one(of, name)?, Params::new()))
}

/// Returns the path of a token.
pub(super) fn token(name: &str) -> Result<String, PveError> {
    let wanted = "a token such as `name@realm!token`";
    let (user, token) =
        name.split_once('!').ok_or_else(|| PveError::BadName { text: name.to_owned(), wanted })?;
    Ok(format!("/access/users/{}/token/{}", segment(user)?, segment(token)?))
}

fn one(of: &ObjectKind, name: &str) -> Result<String, PveError> {
    Ok(match of {
        ObjectKind::Acl => list(of)?,
        ObjectKind::Token => token(name)?,
        ObjectKind::Storage
        | ObjectKind::Role
        | ObjectKind::Group
        | ObjectKind::User
        | ObjectKind::Interface { .. }
        | ObjectKind::Volume { .. } => format!("{}/{}", list(of)?, segment(name)?),
    })
}

fn list(of: &ObjectKind) -> Result<String, PveError> {
    Ok(match of {
        ObjectKind::Storage => "/storage".to_owned(),
        ObjectKind::Role => "/access/roles".to_owned(),
        ObjectKind::Group => "/access/groups".to_owned(),
        ObjectKind::User | ObjectKind::Token => "/access/users".to_owned(),
        ObjectKind::Acl => "/access/acl".to_owned(),
        ObjectKind::Interface { node } => format!("/nodes/{}/network", segment(node)?),
        ObjectKind::Volume { node, storage } => {
            format!("/nodes/{}/storage/{}/content", segment(node)?, segment(storage)?)
        }
    })
}

/// Returns an entry of the access control list as the call takes it.
fn grant(values: &Values) -> Params {
    let value = |key: &str| values.get(key).cloned().unwrap_or_default();
    let holder = format!("{}s", value("type"));
    vec![
        ("path".to_owned(), value("path")),
        (holder, value("ugid")),
        ("roles".to_owned(), value("roleid")),
        ("propagate".to_owned(), values.get("propagate").cloned().unwrap_or_else(|| "1".to_owned())),
    ]
}

fn pairs(values: &Values) -> Params {
    values.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}
