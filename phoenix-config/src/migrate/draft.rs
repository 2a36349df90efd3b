//! The draft of the new files: the old values, changed one by one, each change with its reason.

use std::{collections::BTreeMap, sync::Arc};

use phoenix_core::Place;
use serde_json::{Map, Value};

use super::Explained;
use crate::{
    Sources, cross,
    model::{CERTIFICATE_FILE, HYPERVISOR_FILE, LXC_FILE, Model, VM_FILE},
    source::last_key,
};

/// The new files and the changes so far.
pub(super) struct Draft<'a> {
    pub(super) model: &'a Model,
    pub(super) sources: &'a Sources,
    pub(super) files: BTreeMap<String, Value>,
    pub(super) changes: Vec<Explained>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(model: &'a Model, sources: &'a Sources) -> Self {
        let manifests = model.stacks.values().map(|files| files.manifest_file.to_string());
        let files = [HYPERVISOR_FILE, LXC_FILE, VM_FILE, CERTIFICATE_FILE]
            .into_iter()
            .map(str::to_owned)
            .chain(manifests)
            .filter_map(|file| {
                let value = sources.document(&file)?.value.clone();
                (!value.is_null()).then_some((file, value))
            })
            .collect();
        Self { model, sources, files, changes: Vec::new() }
    }

    /// Notes a change at a place of the old files.
    pub(super) fn explain(
        &mut self,
        file: &str,
        pointer: &str,
        what: impl Into<String>,
        why: impl Into<String>,
    ) {
        let file: Arc<str> = file.into();
        let place = Place { file, path: pointer.to_owned(), line: 0, column: 0 };
        self.changes.push(Explained { place, what: what.into(), why: why.into() });
    }

    pub(super) fn object(&mut self, file: &str, pointer: &str) -> Option<&mut Map<String, Value>> {
        self.files.get_mut(file)?.pointer_mut(pointer)?.as_object_mut()
    }

    /// Removes a key of an object. Tells whether it was there.
    pub(super) fn take(&mut self, file: &str, pointer: &str) -> Option<Value> {
        let (parent, _) = pointer.rsplit_once('/')?;
        self.object(file, parent)?.remove(&last_key(pointer))
    }

    /// Removes a key and explains it, if it is there.
    pub(super) fn remove(&mut self, file: &str, pointer: &str, why: &str) -> bool {
        let is_there = self.take(file, pointer).is_some();
        if is_there {
            self.explain(file, pointer, format!("removed `{}`", last_key(pointer)), why);
        }
        is_there
    }

    /// A secret in clear becomes a reference to an environment variable; its text is written nowhere.
    pub(super) fn replace_secrets(&mut self) {
        for document in self.sources.documents() {
            let file = document.file.to_string();
            for pointer in document.secrets() {
                let variable = self.variable(&file, pointer);
                let Some(value) = self.files.get_mut(&file).and_then(|root| root.pointer_mut(pointer)) else {
                    continue;
                };
                *value = Value::String(format!("env:{variable}"));
                let what = format!("replaced the value of `{}` by `env:{variable}`", last_key(pointer));
                self.explain(
                    &file,
                    pointer,
                    what,
                    format!("secrets do not stand in files: set {variable} before running phoenix"),
                );
            }
        }
    }

    /// Returns the environment variable that takes the place of a secret.
    pub(super) fn variable(&self, file: &str, pointer: &str) -> String {
        let (parent, _) = pointer.rsplit_once('/').unwrap_or(("", ""));
        let document = self.sources.document(file);
        let sibling = document.and_then(|document| document.get(parent)?.get("name")?.as_str());
        let key = last_key(pointer);
        let name = sibling.filter(|_| key == "value").map_or(key.clone(), str::to_owned);
        let name: String = name
            .chars()
            .map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' })
            .collect();
        format!("PHOENIX_{name}")
    }

    /// Removes what nobody ever read.
    pub(super) fn remove_unread(&mut self) {
        for (file, pattern, _) in cross::NEVER_READ {
            if pattern.ends_with("/shares/*/options") {
                continue;
            }
            for pointer in cross::key_matches(self.files.get(file), pattern) {
                if pointer != "/shared_volumes/firewall" {
                    self.remove(file, &pointer, "it was never read");
                }
            }
        }
    }

    /// Removes empty arrays, objects and nulls, which say nothing.
    pub(super) fn remove_empty(&mut self) {
        for value in self.files.values_mut() {
            prune(value);
        }
    }

    /// Returns the host's own address without prefix length and its network.
    pub(super) fn host_net(&self) -> Option<ipnet::IpNet> {
        self.model.hypervisor.network.as_ref()?.interfaces.as_ref()?.address.as_ref()?.parse().ok()
    }

    /// Returns the host's own address if it serves DNS.
    pub(super) fn dns_server(&self) -> Option<String> {
        let serves = self.model.hypervisor.dns_server.as_ref().is_some_and(|server| server.enabled);
        self.host_net().filter(|_| serves).map(|net| net.addr().to_string())
    }
}

fn prune(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.values_mut().for_each(prune);
            map.retain(|_, value| match value {
                Value::Null => false,
                Value::Array(items) => !items.is_empty(),
                Value::Object(map) => !map.is_empty(),
                Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
            });
        }
        Value::Array(items) => items.iter_mut().for_each(prune),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
