//! The plan of one object: made if it is not there, changed if it is Phoenix's, and otherwise told of.

use phoenix_core::{
    Action, Change, Diagnostic, Diagnostics, ObjectChange, ObjectKind, Phase, ResourceId, Step,
    manager::Planned,
    object::{Secrets, Values, is_marked, marked, unmarked},
};

use super::{difference, write_record};

/// What is wanted of an object.
#[derive(Clone, Debug)]
pub(crate) struct Wish<'a> {
    pub(crate) id: ResourceId,
    pub(crate) kind: ObjectKind,
    pub(crate) name: &'a str,
    pub(crate) values: Values,
    /// Properties that are given once; the others can be changed.
    pub(crate) fixed: &'a [&'a str],
    pub(crate) secrets: Secrets,
    /// What is there and somebody else's is taken over.
    pub(crate) is_adopted: bool,
    pub(crate) owner: Owner,
}

/// What tells whose an object is.
#[derive(Clone, Debug)]
pub(crate) enum Owner {
    /// The mark in its comment.
    Comment,
    /// A record on a node; its lines, and whether there is one that fits what was found.
    Record { node: String, lines: Vec<String>, is_there: bool },
}

/// Returns the steps that make an object what is wanted.
pub(crate) fn plan(wish: Wish<'_>, found: Option<&Values>) -> Result<Planned, Diagnostics> {
    let Some(found) = found else { return Ok(made(wish)) };
    let is_ours = match &wish.owner {
        Owner::Comment => found.get("comment").is_some_and(|comment| is_marked(comment)),
        Owner::Record { is_there, .. } => *is_there,
    };
    let mut values = wish.values.clone();
    if let Owner::Comment = wish.owner {
        let comment = match (values.get("comment"), found.get("comment")) {
            (Some(wanted), _) => unmarked(wanted).to_owned(),
            (None, Some(present)) => unmarked(present).to_owned(),
            (None, None) => String::new(),
        };
        // Without a word of the user's, what is somebody else's keeps its comment.
        let comment = if is_ours || wish.is_adopted { marked(&comment) } else { comment };
        values.insert("comment".to_owned(), comment);
    }
    let (fixed, values): (Values, Values) =
        values.into_iter().partition(|(key, _)| wish.fixed.contains(&key.as_str()));
    if let Some(differs) = difference(&fixed, found) {
        return Err(cannot_change(&wish, &differs.sentence()).into());
    }
    let differs = difference(&values, found);
    if !is_ours && !wish.is_adopted {
        return match differs {
            None => Ok(Planned::default()),
            Some(differs) => Err(foreign(&wish, &differs.sentence()).into()),
        };
    }
    let mut steps = Vec::new();
    if let Owner::Record { node, lines, is_there: false } = &wish.owner {
        steps.push(write_record(&wish.id, node, (&wish.kind, wish.name), lines));
    }
    if let Some(differs) = differs {
        let changes = differs.changes();
        let change = ObjectChange::Update { set: differs.set, delete: differs.delete, seen: differs.seen };
        steps.push(step(&wish, "update", change, "it is not what is declared").with_changes(changes));
    }
    Ok(Planned { steps, ..Planned::default() })
}

fn made(wish: Wish<'_>) -> Planned {
    let mut values: Values = wish.values.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    values.retain(|_, value| !value.is_empty());
    let mut steps = Vec::new();
    match &wish.owner {
        Owner::Comment => {
            let comment = values.get("comment").map_or("", String::as_str);
            values.insert("comment".to_owned(), marked(comment));
        }
        Owner::Record { node, lines, is_there: false } => {
            steps.push(write_record(&wish.id, node, (&wish.kind, wish.name), lines));
        }
        Owner::Record { is_there: true, .. } => {}
    }
    let changes: Vec<Change> =
        values.iter().map(|(key, value)| Change::new(key, None, Some(value.clone()))).collect();
    let change = ObjectChange::Create { values, secrets: wish.secrets.clone() };
    let made = step(&wish, "create", change, "it is not there").with_changes(changes);
    let made = match steps.first() {
        Some(record) => made.after(&record.id),
        None => made,
    };
    steps.push(made);
    Planned { steps, ..Planned::default() }
}

fn step(wish: &Wish<'_>, verb: &str, change: ObjectChange, reason: &str) -> Step {
    let action = Action::Object { of: wish.kind.clone(), name: wish.name.to_owned(), change };
    Step::new(&wish.id, wish.kind.noun(), verb, Phase::Configure, action, reason)
}

fn cannot_change(wish: &Wish<'_>, differs: &str) -> Diagnostic {
    let (noun, name) = (wish.kind.noun(), wish.name);
    let message = format!("the {noun} `{name}` is there and {differs}, which Proxmox VE cannot change");
    let hint = match wish.kind {
        ObjectKind::Storage => format!(
            "declare what is there, give it another name, or take its definition away (`pvesm remove {name}` leaves what \
             lies on it) and run this again"
        ),
        ObjectKind::Role
        | ObjectKind::Group
        | ObjectKind::User
        | ObjectKind::Token
        | ObjectKind::Acl
        | ObjectKind::Interface { .. }
        | ObjectKind::Volume { .. } => "declare what is there, or give it another name".to_owned(),
    };
    Diagnostic::error("fixed-object", message).with_hint(hint)
}

fn foreign(wish: &Wish<'_>, differs: &str) -> Diagnostic {
    let (noun, name) = (wish.kind.noun(), wish.name);
    let message = format!("the {noun} `{name}` is not Phoenix's, and {differs}");
    Diagnostic::error("foreign-object", message).with_hint(
        "declare what is there; or write `\"adopt\": true` beside it: then it is Phoenix's, and is changed",
    )
}
