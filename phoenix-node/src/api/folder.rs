//! Folders: branches of the tree whose entries are the sections of a file, with the calls that all of them have.

use serde_json::{Map, Value};

use crate::{
    api::{
        Call,
        firewall::CHANGED,
        reply::{Answer, Refusal, Reply},
        schema::Given,
    },
    state::{
        cluster::Cluster,
        sections::{Section, Sections},
    },
};

/// A folder.
pub(in crate::api) struct Folder {
    /// The parameter that names an entry.
    pub(in crate::api) id: &'static str,
    /// What an entry is called in messages of the folder's lock: `create sdn zone object failed`.
    pub(in crate::api) noun: &'static str,
    /// The properties that every entry has, besides its type.
    pub(in crate::api) required: &'static [&'static str],
    /// The type of all entries, where they have one and the caller need not give it.
    pub(in crate::api) kind: &'static str,
    pub(in crate::api) shelf: fn(&Cluster) -> &Sections,
    pub(in crate::api) shelf_mut: fn(&mut Cluster) -> &mut Sections,
    /// Says that a name is taken.
    pub(in crate::api) taken: fn(&str) -> String,
    /// Says that there is no such entry.
    pub(in crate::api) missing: fn(&str) -> String,
}

/// Parameters that are no properties.
const CONTROL: &[&str] = &[
    "allow-pending",
    "delete",
    "digest",
    "force",
    "keep",
    "lock-token",
    "node",
    "pending",
    "purge",
    "release-lock",
    "running",
    "type",
];

impl Folder {
    /// Returns the rows of all entries.
    pub(in crate::api) fn rows(&self, call: &Call<'_>) -> Vec<Map<String, Value>> {
        let shelf = (self.shelf)(&call.state.cluster);
        let digest = shelf.digest(self.required);
        let wanted = call.args.get("type");
        let sections = shelf.iter().filter(|section| wanted.is_none_or(|kind| section.kind == kind));
        sections.map(|section| self.row(section, Some(&digest))).collect()
    }

    /// Answers with the rows of all entries.
    pub(in crate::api) fn list(&self, call: &Call<'_>) -> Reply {
        Ok(Value::from(self.rows(call).into_iter().map(Value::from).collect::<Vec<_>>()).into())
    }

    /// Answers with an entry.
    pub(in crate::api) fn read(&self, call: &Call<'_>) -> Reply {
        let shelf = (self.shelf)(&call.state.cluster);
        let row = self.row(self.find(call)?, Some(&shelf.digest(self.required)));
        Ok(Value::from(row).into())
    }

    /// Returns the entry that a call names.
    pub(in crate::api) fn find<'a>(&self, call: &'a Call<'_>) -> Result<&'a Section, Refusal> {
        let id = call.args.text(self.id);
        (self.shelf)(&call.state.cluster).get(id).ok_or_else(|| Refusal::failed((self.missing)(id)))
    }

    /// Returns an entry as it is shown.
    pub(in crate::api) fn row(&self, section: &Section, digest: Option<&str>) -> Map<String, Value> {
        let mut row = section.values.clone();
        row.insert(self.id.to_owned(), section.id.as_str().into());
        let kind = if section.kind.is_empty() { self.kind } else { section.kind.as_str() };
        if !kind.is_empty() {
            row.insert("type".to_owned(), kind.into());
        }
        if let Some(digest) = digest {
            row.insert("digest".to_owned(), digest.into());
        }
        row
    }

    /// Adds an entry.
    pub(in crate::api) fn create(&self, call: &mut Call<'_>) -> Reply {
        let id = call.args.text(self.id).to_owned();
        if (self.shelf)(&call.state.cluster).get(&id).is_some() {
            return Err(self.refuse("create", &(self.taken)(&id)));
        }
        let kind = call.args.get("type").unwrap_or(self.kind).to_owned();
        let values = given(call, &[self.id]);
        (self.shelf_mut)(&mut call.state.cluster).put(Section { id, kind, values });
        Ok(Answer::null())
    }

    /// Changes an entry: refuses what somebody else changed since, and what cannot be deleted.
    pub(in crate::api) fn update(&self, call: &mut Call<'_>) -> Reply {
        let fail = |text: &str| self.refuse("update", text);
        let shelf = (self.shelf)(&call.state.cluster);
        if call.args.get("digest").is_some_and(|seen| seen != shelf.digest(self.required)) {
            return Err(fail(CHANGED));
        }
        let id = call.args.text(self.id).to_owned();
        let mut section = shelf.get(&id).cloned().ok_or_else(|| fail(&(self.missing)(&id)))?;
        let given = given(call, &[self.id]);
        for key in call.args.list("delete") {
            if self.required.contains(&key.as_str()) {
                return Err(fail(&format!("unable to delete required option '{key}'")));
            }
            if !call.entry.has(&key) || CONTROL.contains(&key.as_str()) || key == self.id {
                return Err(fail(&format!("no such option '{key}'")));
            }
            if given.contains_key(&key) {
                return Err(fail(&format!("cannot set and delete property '{key}' at the same time!")));
            }
            section.values.remove(&key);
        }
        section.values.extend(given);
        (self.shelf_mut)(&mut call.state.cluster).put(section);
        Ok(Answer::null())
    }

    /// Removes an entry; one that is not there is no matter.
    pub(in crate::api) fn remove(&self, call: &mut Call<'_>) -> Reply {
        let id = call.args.text(self.id).to_owned();
        if (self.shelf)(&call.state.cluster).get(&id).is_some() {
            (self.shelf_mut)(&mut call.state.cluster).remove(&id);
        }
        Ok(Answer::null())
    }

    /// Refuses under the folder's lock, whose name stands before the reason.
    pub(in crate::api) fn refuse(&self, verb: &str, text: &str) -> Refusal {
        Refusal::failed(match self.noun {
            "" => text.to_owned(),
            noun => format!("{verb} {noun} failed: {text}"),
        })
    }
}

/// Returns the properties that a call gives, with their types.
pub(in crate::api) fn given(call: &Call<'_>, except: &[&str]) -> Map<String, Value> {
    let keys = call.args.keys().filter(|key| !CONTROL.contains(key) && !except.contains(key));
    keys.filter_map(|key| Some((key.to_owned(), value(call, key)?))).collect()
}

fn value(call: &Call<'_>, key: &str) -> Option<Value> {
    let typed = |text: &String| call.entry.value(key, text);
    match call.args.given(key)? {
        Given::List(values) => Some(values.iter().map(typed).collect::<Vec<_>>().into()),
        Given::Text(text) if call.entry.is_array(key) => Some(vec![typed(text)].into()),
        Given::Text(text) => Some(typed(text)),
        Given::Null | Given::Table => None,
    }
}
