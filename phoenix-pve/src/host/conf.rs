//! The file of a guest, read into what the API says of it: the main section with what waits for a start merged in, the
//! description from its comment lines, snapshots left out, and the digest of the whole file.

use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::percent_decode_str;
use phoenix_core::GuestKind;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use serde_json::{Map, Value, json};

/// What the API says in place of a password.
const HIDDEN: &str = "**********";

#[derive(Debug, Default)]
struct Conf {
    values: BTreeMap<String, String>,
    raw: Vec<(String, String)>,
    pending: BTreeMap<String, String>,
    deleted: BTreeSet<String>,
    digest: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Main,
    Pending,
    Other,
}

/// Returns what `config` answers.
pub(super) fn config(kind: GuestKind, file: &[u8]) -> Value {
    let conf = read(kind, file);
    let mut data: Map<String, Value> = conf
        .values
        .into_iter()
        .chain(conf.pending)
        .filter(|(key, _)| !conf.deleted.contains(key))
        .map(|(key, value)| (key, Value::from(value)))
        .collect();
    if !conf.raw.is_empty() {
        data.insert("lxc".to_owned(), json!(conf.raw));
    }
    data.insert("digest".to_owned(), Value::from(conf.digest));
    Value::Object(data)
}

/// Returns what `pending` answers.
pub(super) fn pending(kind: GuestKind, file: &[u8]) -> Value {
    let conf = read(kind, file);
    let keys: BTreeSet<&String> = conf.values.keys().chain(conf.pending.keys()).collect();
    let rows = keys.into_iter().map(|key| {
        let mut row = Map::from_iter([("key".to_owned(), Value::from(key.clone()))]);
        if let Some(value) = conf.values.get(key) {
            row.insert("value".to_owned(), Value::from(value.clone()));
        }
        if let Some(next) = conf.pending.get(key) {
            row.insert("pending".to_owned(), Value::from(next.clone()));
        }
        if conf.deleted.contains(key) {
            row.insert("delete".to_owned(), Value::from(1));
        }
        Value::Object(row)
    });
    rows.chain([json!({"key": "digest", "value": conf.digest})]).collect()
}

fn read(kind: GuestKind, file: &[u8]) -> Conf {
    let sum = digest(&SHA1_FOR_LEGACY_USE_ONLY, file);
    let digest = sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let mut conf = Conf { digest, ..Conf::default() };
    let mut description = None::<String>;
    let mut section = Section::Main;
    for line in String::from_utf8_lossy(file).lines() {
        if let Some(name) = line.trim_end().strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let name = name.to_ascii_lowercase();
            section = match name.as_str() {
                "pending" | "pve:pending" => Section::Pending,
                _ => Section::Other,
            };
            continue;
        }
        if section == Section::Other || line.trim().is_empty() {
            continue;
        }
        if let Some(comment) = line.strip_prefix('#') {
            if section == Section::Main {
                let text = description.get_or_insert_default();
                text.push_str(&percent_decode_str(comment.trim_end()).decode_utf8_lossy());
                text.push('\n');
            }
            continue;
        }
        if let Some((key, value)) = raw(line).filter(|_| kind == GuestKind::Lxc) {
            if section == Section::Main {
                conf.raw.push((key, value));
            }
            continue;
        }
        let Some((key, value)) = pair(line) else { continue };
        match (section, key.as_str()) {
            (Section::Pending, "delete") => {
                let keys = value.split([',', ';', ' ']).map(|key| key.trim_start_matches('!'));
                conf.deleted.extend(keys.filter(|key| !key.is_empty()).map(str::to_owned));
            }
            (Section::Pending, _) => {
                conf.pending.insert(key.clone(), shown(&key, value));
            }
            (Section::Main | Section::Other, _) => {
                conf.values.insert(key.clone(), shown(&key, value));
            }
        }
    }
    if let Some(text) = description {
        // The one kind keeps the last line end, the other does not.
        let text = match kind {
            GuestKind::Lxc => text,
            GuestKind::Vm => text.trim_end().to_owned(),
        };
        conf.values.insert("description".to_owned(), text);
    }
    conf
}

/// Reads `key: value`. A value of blanks alone is one blank, as PVE has it.
fn pair(line: &str) -> Option<(String, String)> {
    let (key, rest) = line.split_once(':')?;
    let is_key = key.starts_with(|c: char| c.is_ascii_lowercase())
        && key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let value = match rest.trim() {
        "" if rest.is_empty() => return None,
        "" => " ",
        value => value,
    };
    let key = if key == "cdrom" { "ide2" } else { key };
    is_key.then(|| (key.to_owned(), value.to_owned()))
}

/// Reads `lxc.key: value`, which may have `=` instead.
fn raw(line: &str) -> Option<(String, String)> {
    let end = line.find([':', '=', ' '])?;
    let (key, rest) = line.split_at(end);
    let value = rest.trim_start().strip_prefix([':', '='])?;
    key.starts_with("lxc.").then(|| (key.to_owned(), value.trim().to_owned()))
}

fn shown(key: &str, value: String) -> String {
    match key {
        "cipassword" => HIDDEN.to_owned(),
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lenient;

    const LXC: &str = "#a line%3A with 100%25\n#\n#phoenix ü\narch: amd64\ncores: 2\ntags: \nlxc.apparmor.profile: unconfined\nlxc.cap.drop =\n\n[pve:pending]\ncores: 4\ndelete: !onboot,swap\nswap: 1\n\n[clean]\n#of the snapshot\ncores: 9\n";
    const VM: &str = "#one line\nagent: 1\ncipassword: secret\ncdrom: none\nmemory: 2048\n\n[PENDING]\nmemory: 4096\ndelete: agent\n\n[special:cloudinit]\nname: x\n";

    #[test]
    fn a_container_is_as_the_api_tells_it() {
        let config = lenient::config(&config(GuestKind::Lxc, LXC.as_bytes()));
        let value = |key: &str| config.values.get(key).map(String::as_str);
        assert_eq!(value("description"), Some("a line: with 100%\n\nphoenix ü\n"));
        assert_eq!((value("cores"), value("tags"), value("swap")), (Some("4"), Some(" "), None));
        assert_eq!(value("lxc"), Some("lxc.apparmor.profile: unconfined\nlxc.cap.drop: "));
        assert_eq!(value("arch"), Some("amd64"));
        assert_eq!(config.values.len(), 5);
    }

    #[test]
    fn a_virtual_machine_is_as_the_api_tells_it() {
        let found = lenient::config(&config(GuestKind::Vm, VM.as_bytes()));
        let value = |key: &str| found.values.get(key).map(String::as_str);
        assert_eq!((value("description"), value("memory")), (Some("one line"), Some("4096")));
        assert_eq!((value("cipassword"), value("ide2"), value("agent")), (Some(HIDDEN), Some("none"), None));
        let next = lenient::pending(&pending(GuestKind::Vm, VM.as_bytes()));
        assert_eq!(next.values, found.values);
        assert_eq!(next.pending.iter().map(String::as_str).collect::<Vec<_>>(), ["agent", "memory"]);
        assert_eq!((next.digest.len(), &next.digest), (40, &found.digest));
    }

    #[test]
    fn the_digest_is_of_the_whole_file() {
        let of = |text: &str| config(GuestKind::Lxc, text.as_bytes())["digest"].clone();
        assert_eq!(of("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_ne!(of("memory: 1\n"), of("memory: 1\n\n"));
    }
}
