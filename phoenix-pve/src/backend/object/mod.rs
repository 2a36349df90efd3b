//! Objects: lists that Proxmox VE keeps by its API, read by one call each, and the calls that a change of a row is made of.
//! Each change looks first: what is so already is done, and what is not as the plan saw it is not touched.

mod interface;
mod path;
mod read;
mod token;

use std::collections::BTreeSet;

use phoenix_core::{
    BackendError, ErrorKind, ObjectChange, ObjectKind, Objects,
    object::{Secrets, Values},
};

use super::PveBackend;
use crate::{backend::perform::Work, client::Params, secret};

impl PveBackend {
    /// Changes an object.
    pub(super) async fn change_object(
        &self,
        of: &ObjectKind,
        name: &str,
        change: &ObjectChange,
        work: Work<'_>,
    ) -> Result<(), BackendError> {
        match change {
            ObjectChange::Create { values, secrets } => self.create_object(of, name, values, secrets).await,
            ObjectChange::Update { set, delete, seen } => {
                self.update_object(of, name, (set, delete), seen).await
            }
            ObjectChange::Remove { seen } => self.remove_object(of, name, seen).await,
            ObjectChange::Issue { values, node, file } => self.issue_token(name, values, (node, file)).await,
            ObjectChange::Guard { seconds } => self.guard_interfaces(node_of(of), *seconds).await,
            ObjectChange::Apply => self.apply_interfaces(node_of(of), work).await,
            ObjectChange::Confirm => self.confirm_interfaces(node_of(of)).await,
        }
    }

    async fn create_object(
        &self,
        of: &ObjectKind,
        name: &str,
        values: &Values,
        secrets: &Secrets,
    ) -> Result<(), BackendError> {
        let found = self.object_list(of).await?;
        if let Some(row) = found.rows.get(name) {
            return if holds(row, values) { Ok(()) } else { Err(changed(of, name)) };
        }
        let mut params = path::creation(of, name, values);
        for (key, reference) in secrets {
            let content = secret::resolve(reference).await?;
            params.push((key.clone(), String::from_utf8_lossy(&content).into_owned()));
        }
        let (method, call) = path::create(of, name)?;
        self.client.call(method, &call, params).await?;
        Ok(())
    }

    async fn update_object(
        &self,
        of: &ObjectKind,
        name: &str,
        (set, delete): (&Values, &BTreeSet<String>),
        seen: &Values,
    ) -> Result<(), BackendError> {
        let found = self.object_list(of).await?;
        let Some(row) = found.rows.get(name) else { return Err(changed(of, name)) };
        if holds(row, set) && delete.iter().all(|key| !row.contains_key(key)) {
            return Ok(());
        }
        let is_touched = |key: &&String| set.contains_key(*key) || delete.contains(*key);
        let is_new = row.keys().filter(is_touched).any(|key| !seen.contains_key(key));
        if is_new || !holds(row, seen) {
            return Err(changed(of, name));
        }
        let (method, call) = path::update(of, name)?;
        let mut params = path::update_params(of, row, (set, delete));
        if !delete.is_empty() {
            params.push(("delete".to_owned(), delete.iter().cloned().collect::<Vec<_>>().join(",")));
        }
        with_digest(&mut params, of, &found);
        self.client.call(method, &call, params).await?;
        Ok(())
    }

    async fn remove_object(&self, of: &ObjectKind, name: &str, seen: &Values) -> Result<(), BackendError> {
        let found = self.object_list(of).await?;
        let Some(row) = found.rows.get(name) else { return Ok(()) };
        if !holds(row, seen) {
            return Err(changed(of, name));
        }
        let (method, call, params) = path::removal(of, name, row)?;
        self.client.call(method, &call, params).await?;
        Ok(())
    }
}

/// Tells whether a row has all of these values.
fn holds(row: &Values, values: &Values) -> bool {
    values.iter().all(|(key, value)| {
        let found = row.get(key).map_or("", String::as_str);
        found == value || words(found) == words(value)
    })
}

/// Returns the words of a list, however they are separated.
fn words(text: &str) -> BTreeSet<&str> {
    text.split([',', ';', ' ']).filter(|word| !word.is_empty()).collect()
}

fn with_digest(params: &mut Params, of: &ObjectKind, found: &Objects) {
    if *of == ObjectKind::Storage && !found.digest.is_empty() {
        params.push(("digest".to_owned(), found.digest.clone()));
    }
}

fn changed(of: &ObjectKind, name: &str) -> BackendError {
    let message = format!("somebody has changed the {} `{name}` meanwhile", of.noun());
    BackendError::new(ErrorKind::Changed, message).with_hint("run `phoenix setup` again")
}

/// Returns the node whose list it is; the list of the whole cluster has none.
fn node_of(of: &ObjectKind) -> &str {
    match of {
        ObjectKind::Interface { node } | ObjectKind::Volume { node, .. } => node,
        ObjectKind::Storage
        | ObjectKind::Role
        | ObjectKind::Group
        | ObjectKind::User
        | ObjectKind::Token
        | ObjectKind::Acl => "",
    }
}
