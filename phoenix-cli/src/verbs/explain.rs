//! `explain`: what a guest, a step, a feature or a finding is.

use std::collections::BTreeSet;

use clap::Args;
use phoenix_core::{
    GuestKind, Registry, ResourceId, Stage, Step, StepId,
    feature::{Descriptor, SiteKind},
    planner::{Request, Resolved},
};
use serde_json::{Value, json};

use super::{converging, privileges};
use crate::{
    codes,
    config::{self, Config},
    context::Context,
    error::{Error, Exit},
    host::Host,
    runner, targets,
    ui::Table,
};

/// Explain a guest and why each of its steps is planned; or a step, a feature, or the code of a finding.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    phoenix explain Portainer                  what it is made of, and what is planned for it\n  \
    phoenix explain lxc/101:guest:configure    one step of the plan\n  \
    phoenix explain base-setup                 a feature and every key of its configuration\n  \
    phoenix explain unknown-key                what a finding means\n  \
    phoenix explain --privileges               the least roles for this configuration")]
pub(crate) struct Explain {
    /// A vmid, a name, a step, a feature or the code of a finding; without it, what can be explained.
    #[arg(value_name = "SUBJECT")]
    subject: Option<String>,
    /// Explain instead which privileges Phoenix needs for the whole configuration, for this guest, or for `setup`, from nothing to
    /// healthy and back: the least roles, and the commands that make and grant them.
    #[arg(long)]
    privileges: bool,
    /// To whom the commands grant them: a user or a token; without it the one of `PHOENIX_TOKEN` or `PHOENIX_USER`.
    #[arg(long = "for", value_name = "WHO", requires = "privileges")]
    who: Option<String>,
}

impl Explain {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        let registry = config::assemble(context).registry;
        let answer = match self.privileges {
            true => privileges::explain(context, self.subject.as_deref(), self.who)?,
            false => explain(context, &registry, self.subject)?,
        };
        match context.ui.is_json() {
            true => context.ui.document(&answer.record)?,
            false => context.ui.data(&answer.text),
        }
        Ok(Exit::Done)
    }
}

fn explain(context: &Context, registry: &Registry, subject: Option<String>) -> Result<Answer, Error> {
    Ok(match subject {
        None => contents(registry),
        Some(subject) => match (registry.feature(&subject), codes::explanation(&subject)) {
            (Some(feature), _) => explain_feature(feature.descriptor()),
            (None, Some(text)) => Answer {
                text: format!("{subject}: {text}"),
                record: json!({ "code": subject, "meaning": text }),
            },
            (None, None) => explain_planned(context, registry, &subject)?,
        },
    })
}

/// An explanation, for people and for machines.
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) record: Value,
}

fn contents(registry: &Registry) -> Answer {
    let features: Vec<_> = registry.features().map(|feature| feature.descriptor().name.clone()).collect();
    let codes: Vec<_> = codes::all().collect();
    let text = format!(
        "a guest: its vmid or name\na step: its id, as `phoenix plan` shows it\na feature: {}\nthe code of a finding: {}",
        features.join(", "),
        codes.join(", ")
    );
    Answer { text, record: json!({ "features": features, "codes": codes }) }
}

/// Explains what only the configuration and the host can tell.
fn explain_planned(context: &Context, registry: &Registry, subject: &str) -> Result<Answer, Error> {
    let config = config::load(context)?;
    let step: Option<StepId> = subject.parse().ok();
    let target = match &step {
        Some(_) => None,
        None => Some(targets::find_one(&config.resolved, subject).map_err(|complaint| match complaint {
            targets::Complaint::Unknown { nearest, .. } => {
                let others = registry
                    .features()
                    .map(|feature| feature.descriptor().name.clone())
                    .chain(codes::all().map(str::to_owned));
                let nearest = nearest.or_else(|| targets::nearest(subject, others));
                Error::Unexplained { subject: subject.to_owned(), nearest }
            }
            ambiguous @ targets::Complaint::Ambiguous { .. } => Error::Targets { targets: vec![ambiguous] },
        })?),
    };
    let request = match &target {
        Some(_) => converging(&config.resolved, &[subject.to_owned()], None)?,
        None => Request::converge_all(),
    };
    let survey = context.block_on(async {
        let host = Host::open(&context.global, &config.loaded.host).await?;
        let facts = runner::gather(&config, &host, &request).await?;
        runner::plan(&config, &request, &facts)
    })?;
    match (target, step) {
        (Some(id), _) => {
            let standing = survey.standings.iter().find(|standing| standing.id == id);
            let lifecycle = standing.map_or_else(String::new, |standing| standing.lifecycle.to_string());
            let outdated = standing.and_then(|standing| standing.outdated.clone());
            let planned: Vec<&Step> = survey.plan.steps.iter().filter(|step| step.resource == id).collect();
            Ok(explain_guest(&config, &id, &lifecycle, outdated.as_deref(), &planned))
        }
        (None, Some(wanted)) => {
            let step = survey.plan.steps.iter().find(|step| step.id == wanted);
            step.map(explain_step).unwrap_or_else(|| Err(Error::NoSuchStep { step: wanted.to_string() }))
        }
        (None, None) => Err(Error::Unexplained { subject: subject.to_owned(), nearest: None }),
    }
}

fn explain_guest(
    config: &Config,
    id: &ResourceId,
    lifecycle: &str,
    outdated: Option<&str>,
    planned: &[&Step],
) -> Answer {
    let resolved = &config.resolved;
    let kind = id.guest().map_or("resource", |guest| match guest.kind {
        GuestKind::Lxc => "container",
        GuestKind::Vm => "virtual machine",
    });
    let mut lines = vec![format!("{id}  {}  {kind}, {lifecycle}", targets::name(resolved, id))];
    if let Some(declared) = config.loaded.desired.resources.get(id) {
        lines.push(format!("declared at: {}{}", declared.file, declared.path));
    }
    if let Some(origin) = resolved.spec(id).as_ref().and_then(|spec| origin(spec.pointer("/guest/origin")?)) {
        lines.push(format!("comes from: {origin}"));
    }
    let stage = |stage: Stage| match stage {
        Stage::Create => "before it is made",
        Stage::Start => "before it is started",
    };
    let requirements: Vec<_> = resolved
        .requirements(id)
        .iter()
        .map(|requirement| format!("{} {}", called(resolved, &requirement.id), stage(requirement.stage)))
        .collect();
    let dependents: Vec<_> = resolved.dependents(id).iter().map(|other| called(resolved, other)).collect();
    let features: Vec<_> = resolved.features(id).into_iter().map(str::to_owned).collect();
    for (title, list) in [("requires", requirements), ("is required by", dependents), ("features", features)]
    {
        if !list.is_empty() {
            lines.push(format!("{title}: {}", list.join(", ")));
        }
    }
    if let Some(reason) = outdated {
        lines.push(format!("layer: it {reason}"));
    }
    if planned.is_empty() && outdated.is_some() {
        let vmid = id.guest().map_or_else(|| id.to_string(), |guest| guest.vmid.to_string());
        lines.push(format!("planned: nothing; `phoenix converge --rebuild {vmid}` makes it anew"));
    } else if planned.is_empty() {
        lines.push("planned: nothing, it is as the configuration says".to_owned());
    } else {
        lines.push("planned:".to_owned());
        lines.extend(planned.iter().map(|step| format!("  {}", crate::ui::step(step))));
    }
    let record = json!({
        "id": id,
        "name": targets::name(resolved, id),
        "lifecycle": lifecycle,
        "outdated": outdated,
        "origin": resolved.spec(id).and_then(|spec| spec.pointer("/guest/origin").cloned()),
        "requires": resolved.requirements(id),
        "required_by": resolved.dependents(id),
        "features": resolved.features(id),
        "steps": planned,
    });
    Answer { text: lines.join("\n"), record }
}

fn called(resolved: &Resolved, id: &ResourceId) -> String {
    format!("{id} ({})", targets::name(resolved, id))
}

fn origin(origin: &Value) -> Option<String> {
    let text = |key: &str| origin.get(key).and_then(Value::as_str).unwrap_or("?");
    Some(match origin.get("from")?.as_str()? {
        "os-template" => format!("the OS template {} of {}", text("template"), text("storage")),
        "cloud-image" => {
            format!("the disk image {} of {} ({})", text("filename"), text("storage"), text("url"))
        }
        _ => {
            let mode = origin.get("mode").and_then(Value::as_str).unwrap_or("full");
            let snapshot = origin.get("snapshot").and_then(Value::as_str);
            let snapshot = snapshot.map_or_else(String::new, |name| format!(" at its snapshot {name}"));
            format!("a {mode} clone of {}{snapshot}", origin.get("source")?)
        }
    })
}

fn explain_step(step: &Step) -> Result<Answer, Error> {
    let mut lines = vec![crate::ui::step(step)];
    let after: BTreeSet<_> = step.after.iter().map(ToString::to_string).collect();
    if !after.is_empty() {
        lines.push(format!("waits for: {}", after.into_iter().collect::<Vec<_>>().join(", ")));
    }
    lines.push(format!("does: {}", serde_json::to_string_pretty(&step.action).map_err(Error::Json)?));
    Ok(Answer { text: lines.join("\n"), record: json!(step) })
}

fn explain_feature(descriptor: &Descriptor) -> Answer {
    let sites: Vec<_> = descriptor
        .sites
        .iter()
        .map(|site| match site {
            SiteKind::Lxc => "containers",
            SiteKind::Vm => "virtual machines",
            SiteKind::Host => "nodes",
        })
        .collect();
    let mut lines = vec![
        format!("{} {}: {}", descriptor.name, descriptor.version, descriptor.summary),
        format!("lives in: {}", sites.join(", ")),
    ];
    if !descriptor.after.is_empty() {
        let after: Vec<_> = descriptor.after.iter().cloned().collect();
        lines.push(format!("goes after: {}", after.join(", ")));
    }
    let schema = &descriptor.config_schema;
    let required: BTreeSet<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut table = Table::new(&["KEY", "TYPE", "DEFAULT", "MEANING"]);
    for (key, property) in schema["properties"].as_object().into_iter().flatten() {
        let default = match property.get("default") {
            Some(default) => default.to_string(),
            None if required.contains(key.as_str()) => "required".to_owned(),
            None => "-".to_owned(),
        };
        let meaning = property["description"].as_str().unwrap_or("").split_whitespace().collect::<Vec<_>>();
        table.push([key.clone(), type_of(property), default, meaning.join(" ")]);
    }
    lines.push(String::new());
    lines.push(table.render());
    Answer { text: lines.join("\n"), record: json!(descriptor) }
}

/// Returns the type of a property in a word, as JSON Schema has it.
fn type_of(property: &Value) -> String {
    match (&property["type"], property["$ref"].as_str()) {
        (Value::String(name), _) if name == "array" => match property["items"]["type"].as_str() {
            Some(items) => format!("list of {items}"),
            None => "list".to_owned(),
        },
        (Value::String(name), _) => name.clone(),
        (Value::Array(names), _) => names
            .iter()
            .filter_map(Value::as_str)
            .filter(|name| *name != "null")
            .collect::<Vec<_>>()
            .join(" or "),
        (_, Some(reference)) => reference.rsplit('/').next().unwrap_or("").to_owned(),
        _ => "-".to_owned(),
    }
}
