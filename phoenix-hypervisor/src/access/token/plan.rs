//! The manager of API tokens.

use phoenix_core::{
    Action, Change, Condition, Content, Diagnostic, Diagnostics, Expect, Facts, Lifecycle, Manager,
    ObjectChange, ObjectKind, Phase, Probe, ResourceId, Step,
    manager::Planned,
    object::{Secrets, is_marked, marked},
};

use super::{
    Kept, Observed, TokenSpec,
    observed::{file, file_probe, is_recorded, record_line, site},
};
use crate::{
    access::ROOT,
    object::{Owner, Wish, plan as plan_object, write_record},
};

/// Plans API tokens.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tokens;

impl Manager for Tokens {
    type Spec = TokenSpec;
    type Observed = Observed;

    fn probes(&self, _: &ResourceId, want: Option<&TokenSpec>, _: &Facts) -> Vec<Probe> {
        let mut probes = vec![ObjectKind::Token.probe()];
        if let Some(want) = want {
            probes.extend(Kept::probes(want));
        }
        probes
    }

    fn observe(&self, id: &ResourceId, facts: &Facts) -> Result<Option<Observed>, Diagnostics> {
        Ok(Observed::read(id.name(), facts))
    }

    fn plan(
        &self,
        id: &ResourceId,
        want: Option<&TokenSpec>,
        found: Option<&Observed>,
        facts: &Facts,
    ) -> Result<Planned, Diagnostics> {
        let Some(want) = want else { return Ok(Planned::default()) };
        if want.name.starts_with(&format!("{ROOT}!")) {
            let message = format!("`{}` would be a token of `{ROOT}`, who is never touched", want.name);
            let hint = "declare a user of your own, and a token of it";
            return Err(Diagnostic::error("untouchable-object", message).with_hint(hint).into());
        }
        let kept = Kept::read(want, facts);
        let is_recorded = is_recorded(want, facts);
        let issued = |reason: &str| match kept {
            Kept::Other => Err(foreign_file(want).into()),
            Kept::Missing | Kept::Reserved | Kept::Secret => {
                Ok(issued(id, want, (kept, is_recorded), reason))
            }
        };
        let Some(found) = found else { return issued("it is not there") };
        let is_ours = found.values.get("comment").is_some_and(|comment| is_marked(comment));
        let mut planned = plan_object(wish(id, want), Some(&found.values))?;
        match (kept, is_ours) {
            (Kept::Secret, _) => planned.steps.extend(closed(id, want, facts)),
            // Somebody has written it by hand.
            (Kept::Other, _) => {}
            (Kept::Missing | Kept::Reserved, false) if want.adopt => {
                return issued("it is taken over, and its secret is not known here");
            }
            (Kept::Reserved, true) => {
                return issued("a run ended before its secret was written");
            }
            (Kept::Missing, true) if want.renew => {
                return issued("its file is gone, and it is declared to get a new secret");
            }
            (Kept::Missing | Kept::Reserved, _) => planned.notes.push(lost(want)),
        }
        Ok(planned)
    }

    fn lifecycle(&self, _: Option<&TokenSpec>, found: Option<&Observed>) -> Lifecycle {
        if found.is_some() { Lifecycle::Healthy } else { Lifecycle::Absent }
    }
}

fn wish<'a>(id: &ResourceId, want: &'a TokenSpec) -> Wish<'a> {
    Wish {
        id: id.clone(),
        kind: ObjectKind::Token,
        name: &want.name,
        values: want.values.clone(),
        fixed: &[],
        secrets: Secrets::new(),
        is_adopted: want.adopt,
        owner: Owner::Comment,
    }
}

/// Returns the steps that make a token, or a new secret for one: first the file says for whom it is, so that a run that ends
/// between leaves something to go on from.
fn issued(id: &ResourceId, want: &TokenSpec, (kept, is_recorded): (Kept, bool), reason: &str) -> Planned {
    let mut steps = Vec::new();
    if !is_recorded {
        let lines = [record_line(want)];
        let record = write_record(id, &want.node, (&ObjectKind::Token, &want.name), &lines);
        steps.push(Step {
            reason: "what proves that the file for its secret is Phoenix's".to_owned(),
            ..record
        });
    }
    if kept == Kept::Missing {
        let action = Action::WriteFile {
            site: site(want),
            path: want.file.clone(),
            content: Content::Text(String::new()),
            mode: 0o600,
            owner: "root".to_owned(),
            group: "root".to_owned(),
            check: Vec::new(),
        };
        let why = "the file for its secret, which is told once";
        let step = Step::new(id, "token", "reserve", Phase::Create, action, why);
        let record: Vec<_> = steps.iter().map(|step| step.id.clone()).collect();
        steps.push(record.iter().fold(step, Step::after));
    }
    let mut values = want.values.clone();
    let comment = marked(values.get("comment").map_or("", String::as_str));
    values.insert("comment".to_owned(), comment);
    let changes: Vec<Change> =
        values.iter().map(|(key, value)| Change::new(key, None, Some(value.clone()))).collect();
    let change = ObjectChange::Issue { values, node: want.node.as_str().into(), file: want.file.clone() };
    let action = Action::Object { of: ObjectKind::Token, name: want.name.clone(), change };
    let step = Step::new(id, "token", "issue", Phase::Configure, action, reason).with_changes(changes);
    steps.push(step.with_changes([Change::new("file", None, Some(want.file.clone()))]));
    Planned { steps, ..Planned::default() }
}

/// Returns the step that lets nobody but root read the file.
fn closed(id: &ResourceId, want: &TokenSpec, facts: &Facts) -> Option<Step> {
    let (size, mode) = file(want, facts)?;
    if mode == "600" {
        return None;
    }
    let line = format!("{size} 600");
    let proof = Condition { probe: file_probe(want), expect: Expect::SaysLine { line } };
    let argv = ["chmod", "600", &want.file].map(str::to_owned).to_vec();
    let action = Action::Run { site: site(want), argv, stdin: None, proof };
    let change = Change::new("mode", Some(mode.to_owned()), Some("600".to_owned()));
    let step = Step::new(id, "token", "close", Phase::Configure, action, "others could read the secret");
    Some(step.with_changes([change]))
}

fn foreign_file(want: &TokenSpec) -> Diagnostic {
    let message = format!("`{}` is there, and nothing tells that Phoenix has written it", want.file);
    Diagnostic::error("foreign-file", message)
        .with_hint("name another file, or move this one away: Phoenix does not write over it")
}

fn lost(want: &TokenSpec) -> Diagnostic {
    let message = format!("the secret of the token `{}` is not in `{}`", want.name, want.file);
    Diagnostic::warning("token-secret-lost", message).with_hint(
        "write it there as `name@realm!token=SECRET`; or write `\"renew\": true` beside the token: then it gets a new one, \
         and whoever uses the old one must be told",
    )
}
