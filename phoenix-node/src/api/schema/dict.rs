//! Property strings: `key=value` pairs with commas between them. What is wrong with one, what one holds, and the form
//! in which PVE writes one down again: the value without a key, what is required, then the rest by name.

use std::collections::BTreeMap;

use super::{
    Kind, Param, SCHEMA, Schema,
    check::{self, MISSING, NOT_DEFINED},
    formats,
};

/// The parts of a property string by their keys.
pub(crate) type Parts = BTreeMap<String, String>;

/// Returns the parts of a property string of a form, aliases resolved. What the form does not know keeps its key.
pub(crate) fn parts(form: &str, value: &str) -> Parts {
    let Some(params) = SCHEMA.dicts.get(form) else { return Parts::new() };
    split(params, value).unwrap_or_default()
}

/// Writes a property string of a form.
pub(crate) fn print(form: &str, parts: &Parts) -> String {
    let none = Vec::new();
    let params = SCHEMA.dicts.get(form).unwrap_or(&none);
    let find = |key: &str| params.iter().find(|param| param.is_named(key));
    let rank = |key: &str| match find(key) {
        Some(param) if param.is_default => 0,
        Some(param) if param.required => 1,
        Some(_) | None => 2,
    };
    let mut keys: Vec<&String> = parts.keys().collect();
    keys.sort_by_key(|key| (rank(key), key.as_str()));
    // A word that stood for a key stands before that key's value again: `virtio=<address>`.
    let joined = keys.iter().find_map(|key| Some((*key, alias_of(params, key, &parts[*key])?)));
    let mut words = Vec::new();
    for key in keys {
        let text = &parts[key];
        match joined {
            Some((head, of)) if head == key && parts.contains_key(of) => {
                words.push(format!("{text}={}", parts[of]));
            }
            Some((head, of)) if of == key && parts.contains_key(head) => {}
            _ if rank(key) == 0 => words.push(text.clone()),
            _ => words.push(format!("{key}={text}")),
        }
    }
    words.join(",")
}

/// Returns a property string of a form as PVE writes it down.
pub(crate) fn normal(form: &str, value: &str) -> String {
    match SCHEMA.dicts.get(form).map(|params| split(params, value)) {
        Some(Ok(parts)) => print(form, &parts),
        Some(Err(_)) | None => value.to_owned(),
    }
}

/// Says what is wrong with a property string.
pub(super) fn complaint(schema: &Schema, name: &str, key: &str, value: &str) -> Option<String> {
    let params = schema.dicts.get(name)?;
    let parts = match split(params, value) {
        Ok(parts) => parts,
        Err(text) => return Some(format!("invalid format - {text}\n")),
    };
    let mut wrong = String::new();
    let mut complain = |name: &str, text: &str| wrong.push_str(&format!("{key}.{name}: {text}\n"));
    for (own, text) in &parts {
        let Some(param) = params.iter().find(|param| param.is_named(own)) else {
            complain(own, NOT_DEFINED);
            continue;
        };
        if let Some(text) = check::text(schema, param, key, text) {
            complain(own, &text);
        }
        if let Some(other) = param.requires.as_ref().filter(|other| !parts.contains_key(*other)) {
            complain(other, &format!("missing property - '{key}.{own}' requires this property"));
        }
    }
    for param in params.iter().filter(|param| param.required && !parts.contains_key(&param.name)) {
        complain(&param.name, MISSING);
    }
    if wrong.is_empty() {
        return formats::of_whole(name, &parts).map(|text| format!("invalid format - {text}\n"));
    }
    Some(format!("invalid format - format error\n{wrong}"))
}

/// Returns the names of the required parts that a property string lacks.
pub(crate) fn missing(form: &str, value: &str) -> Vec<String> {
    let Some(params) = SCHEMA.dicts.get(form) else { return Vec::new() };
    let parts = split(params, value).unwrap_or_default();
    let lacks = |param: &&Param| param.required && !parts.contains_key(&param.name);
    params.iter().filter(lacks).map(|param| param.name.clone()).collect()
}

fn split(params: &[Param], value: &str) -> Result<Parts, String> {
    let mut parts = Parts::new();
    let mut put = |key: &str, value: String| match parts.insert(key.to_owned(), value) {
        Some(_) => Err(format!("duplicate key in comma-separated list property: {key}")),
        None => Ok(()),
    };
    for part in value.split(',').filter(|part| !part.trim().is_empty()) {
        let Some((key, text)) = part.split_once('=') else {
            let param = params.iter().find(|param| param.is_default);
            let param = param.ok_or("value without key, but schema does not define a default key")?;
            put(&param.name, value_of(param, part))?;
            continue;
        };
        if key.is_empty() || text.is_empty() {
            return Err("missing key in comma-separated list property".to_owned());
        }
        let found = params.iter().find(|param| param.is_named(key));
        let Some((of, word)) = found.and_then(|param| param.alias.as_ref()) else {
            put(key, found.map_or_else(|| text.to_owned(), |param| value_of(param, text)))?;
            continue;
        };
        if let Some(word) = word {
            put(word, key.to_owned())?;
        }
        let target = params.iter().find(|param| param.is_named(of));
        put(of, target.map_or_else(|| text.to_owned(), |param| value_of(param, text)))?;
    }
    Ok(parts)
}

/// Returns the key whose value the word of this key is written before.
fn alias_of<'a>(params: &'a [Param], key: &str, word: &str) -> Option<&'a str> {
    let (of, head) = params.iter().find(|param| param.is_named(word))?.alias.as_ref()?;
    (head.as_deref() == Some(key)).then_some(of.as_str())
}

/// Returns a text as it is kept: truth values are numbers.
fn value_of(param: &Param, text: &str) -> String {
    match (param.kind, text.to_ascii_lowercase().as_str()) {
        (Kind::Bool, "1" | "on" | "yes" | "true") => "1".to_owned(),
        (Kind::Bool, "0" | "off" | "no" | "false") => "0".to_owned(),
        (Kind::Bool | Kind::Int | Kind::Num | Kind::Text, _) => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_key_comes_first_then_what_is_required() {
        assert_eq!(normal("lxc-mp", "ro=yes,mp=/b,/srv,backup=0"), "/srv,mp=/b,backup=0,ro=1");
        assert_eq!(normal("lxc-net", "ip=dhcp,bridge=vmbr0,name=eth0"), "name=eth0,bridge=vmbr0,ip=dhcp");
    }

    #[test]
    fn a_word_that_stands_for_a_key_stays_before_its_value() {
        let long = "model=virtio,macaddr=02:00:00:00:00:01,bridge=vmbr0";
        assert_eq!(normal("qemu-net", long), "virtio=02:00:00:00:00:01,bridge=vmbr0");
        let turned = "bridge=vmbr0,e1000=02:00:00:00:00:01";
        assert_eq!(normal("qemu-net", turned), "e1000=02:00:00:00:00:01,bridge=vmbr0");
        assert_eq!(normal("qemu-net", "virtio"), "virtio");
    }

    #[test]
    fn a_part_may_ask_for_another() {
        let text =
            complaint(&SCHEMA, "pve-qm-ipconfig", "ipconfig0", "gw=10.0.0.1").expect("`ip` is missing");
        assert!(text.contains("ipconfig0.ip: missing property - 'ipconfig0.gw' requires this property"));
        assert_eq!(complaint(&SCHEMA, "pve-qm-ipconfig", "ipconfig0", "gw=10.0.0.1,ip=10.0.0.2/24"), None);
    }

    #[test]
    fn a_part_comes_once() {
        let text = complaint(&SCHEMA, "lxc-net", "net0", "name=a,name=b").expect("`name` comes twice");
        assert!(text.contains("duplicate key in comma-separated list property: name"));
    }
}
