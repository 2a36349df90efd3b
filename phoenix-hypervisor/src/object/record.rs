//! The record: a file on the node, written before an object without a comment is made, with what it will be. An object that
//! is as its record says is Phoenix's; where nothing tells, it is not.

use phoenix_core::{
    Action, Content, Evidence, Facts, ObjectKind, Phase, ResourceId, Site, Step,
    object::{Values, record_path, record_probe},
};

/// Returns the properties that the record of an object has, if there is a record.
pub(crate) fn record(node: &str, kind: &ObjectKind, name: &str, facts: &Facts) -> Option<Values> {
    let lines = lines_of(node, kind, name, facts)?;
    let pair = |line: &str| line.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
    let values: Values = lines.iter().filter_map(|line| pair(line)).collect();
    (!values.is_empty()).then_some(values)
}

/// Returns the lines of a record, if there is one that only root could write.
pub(crate) fn lines_of(node: &str, kind: &ObjectKind, name: &str, facts: &Facts) -> Option<Vec<String>> {
    match facts.get(&record_probe(node, kind, name))? {
        Evidence::File(file) if file.owner == "root" && file.mode & 0o022 == 0 && !file.directory => {
            let text = file.text.as_deref()?;
            Some(text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect())
        }
        _ => None,
    }
}

/// Returns the step that writes a record.
pub(crate) fn write_record(
    id: &ResourceId,
    node: &str,
    (kind, name): (&ObjectKind, &str),
    lines: &[String],
) -> Step {
    let mut text = format!("# What Phoenix has made: the proof that this {} is its own.\n", kind.noun());
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    let action = Action::WriteFile {
        site: Site::Host(node.into()),
        path: record_path(kind, name),
        content: Content::Text(text),
        mode: 0o600,
        owner: "root".to_owned(),
        group: "root".to_owned(),
        check: Vec::new(),
    };
    let reason = "it has no comment that could tell that it is Phoenix's";
    Step::new(id, kind.noun(), "record", Phase::Create, action, reason)
}

/// Returns the step that removes a record.
pub(crate) fn remove_record(id: &ResourceId, node: &str, kind: &ObjectKind, name: &str) -> Step {
    let action = Action::RemoveFile { site: Site::Host(node.into()), path: record_path(kind, name) };
    let verb = format!("forget-{}-{name}", kind.noun());
    Step::new(id, "inventory", &verb, Phase::Remove, action, "what it proves is removed")
}
