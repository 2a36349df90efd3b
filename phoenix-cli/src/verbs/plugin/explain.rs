//! `plugin explain`: what a plugin says of itself, and the entry that lets it in.

use std::path::Path;

use clap::Args;
use phoenix_core::Capabilities;
use phoenix_plugin::host::Library;
use serde_json::{Value, json};

use crate::{
    config,
    context::Context,
    error::{Error, Exit},
    targets,
};

/// Show what a plugin says of itself: its features, what they ask for and do, and the entry for the configuration. The
/// library is read and not opened.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    phoenix plugin explain ./libmotd.so    a library\n  \
    phoenix plugin explain motd            one that the configuration lists")]
pub(super) struct Explain {
    /// A library, or the name of a plugin that the configuration lists.
    #[arg(value_name = "FILE|NAME")]
    subject: String,
}

impl Explain {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        let (library, granted) = find(context, &self.subject)?;
        let entry = entry(&library);
        let record = json!({
            "path": library.path,
            "sha256": library.sha256,
            "manifest": library.manifest,
            "granted": granted,
            "entry": entry,
        });
        match context.ui.is_json() {
            true => context.ui.document(&record)?,
            false => context.ui.data(&text(&library, granted.as_ref(), &entry)?),
        }
        Ok(Exit::Done)
    }
}

/// Returns a plugin by its file or its name, and what it is granted if the configuration lists it.
pub(super) fn find(context: &Context, subject: &str) -> Result<(Library, Option<Capabilities>), Error> {
    let path = Path::new(subject);
    if subject.contains('/') || path.is_file() {
        return Ok((Library::read(path, None).map_err(Error::Plugin)?, None));
    }
    let plugins = config::assemble(context).plugins;
    let named = |listed: &crate::plugins::Listed| {
        let plugin = listed.plugin.as_ref().ok()?;
        Some((plugin.library().clone(), Some(listed.entry.grant.clone())))
    };
    let all: Vec<_> = plugins.iter().filter_map(named).collect();
    let names: Vec<String> = all.iter().map(|(library, _)| library.manifest.name.clone()).collect();
    match all.into_iter().find(|(library, _)| library.manifest.name == subject) {
        Some(found) => Ok(found),
        None => Err(Error::NoPlugin {
            name: subject.to_owned(),
            nearest: targets::nearest(subject, names.into_iter()),
        }),
    }
}

/// Returns the entry that lets a plugin do all that it declares.
fn entry(library: &Library) -> Value {
    let path = library.path.canonicalize().unwrap_or_else(|_| library.path.clone());
    json!({ "path": path, "sha256": library.sha256, "grant": library.manifest.capabilities })
}

fn text(library: &Library, granted: Option<&Capabilities>, entry: &Value) -> Result<String, Error> {
    let manifest = &library.manifest;
    let mut lines = vec![
        format!("{} {}, for Phoenix {}", manifest.name, manifest.version, manifest.phoenix),
        format!("file: {}", library.path.display()),
        format!("SHA-256: {}", library.sha256),
    ];
    for feature in &manifest.features {
        lines.push(format!("feature {}: {}", feature.name, feature.summary));
    }
    lines.push("it declares that it will at most:".to_owned());
    lines.extend(list(&manifest.capabilities)?);
    match granted {
        Some(granted) => {
            lines.push("it is granted:".to_owned());
            lines.extend(list(granted)?);
        }
        None => {
            lines.push(String::new());
            lines.push(
                "to let it do all that, add to `plugins` in phoenix_hypervisor_config.json:".to_owned(),
            );
            lines.push(serde_json::to_string_pretty(entry).map_err(Error::Json)?);
        }
    }
    Ok(lines.join("\n"))
}

/// Returns capabilities, a line a kind.
fn list(capabilities: &Capabilities) -> Result<Vec<String>, Error> {
    let value = serde_json::to_value(capabilities).map_err(Error::Json)?;
    let lines: Vec<String> = value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(kind, list)| {
            let words: Vec<_> = list.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            format!("  {kind}: {}", words.join(", "))
        })
        .collect();
    Ok(if lines.is_empty() { vec!["  nothing".to_owned()] } else { lines })
}
