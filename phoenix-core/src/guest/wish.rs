//! A wish: what one key of a guest's configuration shall hold. Held against what it does hold, wishes give a drift.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use crate::{
    action::Action,
    guest::form::{self, Form},
    id::{GuestId, GuestKind},
    plan::Change,
};

/// What one key shall hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Nothing.
    Absent,
    /// This value.
    Value {
        /// In PVE's form; a key that shall be empty is not set at all.
        text: String,
        /// What PVE takes for granted where the key is not set.
        absent: Option<&'static str>,
    },
    /// A property string with these fields.
    Fields(Fields),
}

/// What a property string shall hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    fields: Vec<Field>,
    /// Keys beside these are taken away, where they are not `0`.
    is_closed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Field {
    key: Cow<'static, str>,
    want: Option<String>,
    absent: &'static str,
}

/// The wishes of a guest, by key.
pub type Wishes = Vec<(Cow<'static, str>, Wish)>;

/// The difference between wishes and what is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drift {
    /// Keys to set.
    pub set: BTreeMap<String, String>,
    /// Keys to delete.
    pub delete: BTreeSet<String>,
    /// The same for the reader of the plan.
    pub changes: Vec<Change>,
}

impl Wish {
    /// Returns the wish for a text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Value { text: text.into(), absent: None }
    }

    /// Returns the wish for a number, for which PVE takes `absent` where the key is not set.
    pub fn number(number: impl Into<u64>, absent: &'static str) -> Self {
        Self::Value { text: number.into().to_string(), absent: Some(absent) }
    }

    /// Returns the wish for a boolean that is false where the key is not set.
    pub fn flag(value: bool) -> Self {
        Self::Value { text: u8::from(value).to_string(), absent: Some("0") }
    }
}

impl Fields {
    /// Returns fields beside which others are left alone.
    pub fn open() -> Self {
        Self::default()
    }

    /// Returns fields beside which there shall be no others.
    pub fn closed() -> Self {
        Self { fields: Vec::new(), is_closed: true }
    }

    /// Adds a field. Not to have it is the same as to have it at `absent`.
    #[must_use]
    pub fn with(
        mut self,
        key: impl Into<Cow<'static, str>>,
        want: Option<String>,
        absent: &'static str,
    ) -> Self {
        self.fields.push(Field { key: key.into(), want, absent });
        self
    }

    /// Adds a boolean field that is false where it is not set.
    #[must_use]
    pub fn with_flag(self, key: &'static str, want: bool) -> Self {
        self.with(key, want.then(|| "1".to_owned()), "0")
    }

    /// Adds a field, or leaves what is there if nothing special is wanted.
    #[must_use]
    pub fn or_kept(self, key: &'static str, want: Option<String>) -> Self {
        if want.is_some() { self.with(key, want, "") } else { self }
    }

    /// Returns the new text and what changes, field by field; nothing if `have` is as wished.
    fn rewrite(&self, key: &str, form: Form, have: Option<&str>) -> Option<(String, Vec<Change>)> {
        let mut value = form.parse(have.unwrap_or(""));
        let mut changes = Vec::new();
        for field in &self.fields {
            let found = value.get(&field.key);
            let want = field.want.as_deref();
            if form::is_same_word(want.unwrap_or(field.absent), found.unwrap_or(field.absent)) {
                continue;
            }
            changes.push(change(format!("{key}.{}", field.key), found, want));
            value.put(&field.key, want);
        }
        if self.is_closed {
            let strangers: Vec<String> = value
                .iter()
                .filter(|(name, text)| *text != "0" && self.fields.iter().all(|field| field.key != *name))
                .map(|(name, _)| name.to_owned())
                .collect();
            for name in strangers {
                changes.push(change(format!("{key}.{name}"), value.take(&name).as_deref(), None));
            }
        }
        if changes.is_empty() {
            return None;
        }
        let text = print(form, value);
        if have.is_none() {
            changes = vec![change(key.to_owned(), None, Some(&text))];
        }
        Some((text, changes))
    }
}

impl Drift {
    /// Returns the difference between wishes and a configuration.
    pub fn between(kind: GuestKind, wishes: &Wishes, have: &BTreeMap<String, String>) -> Self {
        let mut drift = Self::default();
        for (key, wish) in wishes {
            // PVE writes a value that was emptied as one blank.
            let found = have.get(&**key).map(|text| text.trim()).filter(|text| !text.is_empty());
            let form = form::of(kind, key);
            match wish {
                Wish::Value { text, absent } if !text.is_empty() => match found.or(*absent) {
                    Some(found) if form.is_met(text, found) => {}
                    _ => drift.put(key, form, found, text),
                },
                Wish::Fields(fields) => {
                    if let Some((text, changes)) = fields.rewrite(key, form, found) {
                        drift.changes.extend(changes);
                        if text.is_empty() {
                            drift.delete.insert(key.clone().into_owned());
                        } else {
                            drift.set.insert(key.clone().into_owned(), text);
                        }
                    }
                }
                Wish::Absent | Wish::Value { .. } => {
                    if let Some(found) = found {
                        drift.delete.insert(key.clone().into_owned());
                        drift.changes.push(change(key.clone().into_owned(), Some(found), None));
                    }
                }
            }
        }
        drift
    }

    /// Adds a key with its new text.
    pub fn put(&mut self, key: &str, form: Form, found: Option<&str>, want: &str) {
        let mut text = want.to_owned();
        if let (Form::Card | Form::Property(""), Some(found)) = (form, found) {
            // Rewritten without its address, a network card would get a new one.
            for address in ["hwaddr", "macaddr"] {
                let mut value = form.parse(&text);
                if let (None, Some(kept)) = (value.get(address), form.parse(found).get(address)) {
                    value.set(address, kept);
                    text = print(form, value);
                }
            }
        }
        self.changes.push(change(key.to_owned(), found, Some(&text)));
        self.set.insert(key.to_owned(), text);
    }

    /// Tells whether there is no difference.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.delete.is_empty()
    }

    /// Makes a configuration what it will be.
    pub fn apply(&self, values: &mut BTreeMap<String, String>) {
        values.extend(self.set.iter().map(|(key, value)| (key.clone(), value.clone())));
        values.retain(|key, _| !self.delete.contains(key));
    }

    /// Returns the action that ends the difference.
    pub fn configure(&self, guest: GuestId, digest: Option<&str>) -> Action {
        Action::Configure {
            guest,
            set: self.set.clone(),
            delete: self.delete.clone(),
            digest: digest.map(str::to_owned),
        }
    }

    /// Returns the keys that differ as the subject and verb of a sentence: "`memory` and `net0` differ".
    pub fn sentence(&self) -> String {
        let keys: BTreeSet<&String> = self.set.keys().chain(&self.delete).collect();
        let mut names: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
        match names.pop() {
            None => "nothing differs".to_owned(),
            Some(last) if names.is_empty() => format!("{last} differs"),
            Some(last) => format!("{} and {last} differ", names.join(", ")),
        }
    }
}

fn change(field: String, old: Option<&str>, new: Option<&str>) -> Change {
    Change::new(field, old.map(str::to_owned), new.map(str::to_owned))
}

fn print(form: Form, mut value: crate::property::PropertyString) -> String {
    if form == Form::Card
        && let Some(mac) = value.take("macaddr")
    {
        let model = value.take("model").unwrap_or_else(|| "virtio".to_owned());
        value.set(&model, mac);
        return value.printed_first(&[&model]).to_string();
    }
    // A default key stands first and without its name, as PVE prints it; in the boot order the name is usual.
    let bare = match form {
        Form::Volume(key) | Form::Property(key) if !matches!(key, "" | "order") => value.take(key),
        Form::Text | Form::Tags | Form::Words | Form::Property(_) | Form::Volume(_) | Form::Card => None,
    };
    let rest = value.printed_first(&["model", "order", "name", "bridge"]).to_string();
    match bare {
        Some(bare) if rest.is_empty() => bare,
        Some(bare) => format!("{bare},{rest}"),
        None => rest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn have(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    fn drift(key: &'static str, wish: Wish, found: &[(&str, &str)]) -> Drift {
        Drift::between(GuestKind::Lxc, &vec![(key.into(), wish)], &have(found))
    }

    #[test]
    fn defaults_and_blanks_are_no_drift() {
        assert!(drift("onboot", Wish::flag(false), &[]).is_empty());
        assert!(drift("onboot", Wish::flag(true), &[("onboot", "1")]).is_empty());
        assert!(drift("swap", Wish::number(512_u64, "512"), &[]).is_empty());
        assert!(drift("tags", Wish::text(""), &[("tags", " ")]).is_empty());
        assert!(drift("tags", Wish::Absent, &[]).is_empty());
    }

    #[test]
    fn a_rewrite_keeps_what_it_does_not_know() {
        let fields = Fields::open().with("bridge", Some("vmbr1".into()), "").with("tag", None, "");
        let found = [("net0", "name=eth0,bridge=vmbr0,future=9,hwaddr=BC:24:11:00:00:01,tag=4,type=veth")];
        let drift = drift("net0", Wish::Fields(fields), &found);
        assert_eq!(drift.set["net0"], "name=eth0,bridge=vmbr1,future=9,hwaddr=BC:24:11:00:00:01,type=veth");
        assert_eq!(drift.changes.len(), 2);
        assert_eq!(drift.changes[0].field, "net0.bridge");
    }

    #[test]
    fn closed_fields_take_strangers_away() {
        let fields = || Fields::closed().with("nesting", Some("1".into()), "0");
        let found = drift("features", Wish::Fields(fields()), &[("features", "nesting=1,fuse=1")]);
        assert_eq!(found.set["features"], "nesting=1");
        assert!(drift("features", Wish::Fields(fields()), &[("features", "fuse=0,nesting=1")]).is_empty());
        let none = drift("features", Wish::Fields(Fields::closed()), &[("features", "fuse=1")]);
        assert_eq!(none.delete, BTreeSet::from(["features".to_owned()]));
    }

    #[test]
    fn a_whole_network_card_keeps_its_address() {
        let wish = Wish::text("name=eth1,bridge=vmbr1");
        let drift =
            drift("net1", wish, &[("net1", "name=eth1,bridge=vmbr0,hwaddr=BC:24:11:00:00:02,type=veth")]);
        assert_eq!(drift.set["net1"], "name=eth1,bridge=vmbr1,hwaddr=BC:24:11:00:00:02");
    }

    #[test]
    fn sentences_name_the_keys() {
        let drift = Drift { set: have(&[("memory", "1"), ("net0", "2"), ("tags", "x")]), ..Drift::default() };
        assert_eq!(drift.sentence(), "`memory`, `net0` and `tags` differ");
    }
}
