//! Migration: the predecessor's files become clean ones, and every change is explained. What the files say is kept;
//! what was never read, cannot work or is a secret in clear goes, and a sentence says why.

mod capacity;
mod certificate;
mod draft;
mod guest;
mod host;
mod lxc;
mod rules;
mod stack;
mod vm;
mod write;

use std::{collections::BTreeSet, path::Path};

use phoenix_core::{Diagnostics, Place};
use serde::{Deserialize, Serialize};

use crate::{ConfigError, load, load::Reader};
use draft::Draft;

/// One change that a migration made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explained {
    /// Where in the old files.
    pub place: Place,
    /// What was done.
    pub what: String,
    /// Why.
    pub why: String,
}

/// Reads the predecessor's files in `old` and writes clean ones to `out`, which must be empty, missing or written by
/// an earlier migration. Nothing is left behind if it fails.
pub fn migrate(old: &Path, out: &Path) -> Result<Vec<Explained>, ConfigError> {
    write::check_free(out)?;
    let mut reader = Reader::new(old);
    let model = reader.read_all();
    let Reader { sources, findings, .. } = reader;
    let fatal: Diagnostics = findings.into_iter().filter(|finding| is_fatal(&finding.code)).collect();
    if !fatal.is_empty() {
        return Err(ConfigError::Unreadable { dir: old.to_owned(), findings: fatal });
    }
    let mut draft = Draft::new(&model, &sources);
    draft.replace_secrets();
    draft.remove_unread();
    host::clean(&mut draft);
    lxc::clean(&mut draft);
    vm::clean(&mut draft);
    stack::clean(&mut draft);
    certificate::clean(&mut draft);
    capacity::fit(&mut draft);
    draft.remove_empty();
    let Draft { files, mut changes, .. } = draft;
    for change in &mut changes {
        let mut located =
            Diagnostics::from(phoenix_core::Diagnostic::note("never-read", "").at(change.place.clone()));
        sources.locate(&mut located);
        if let Some(place) = located.0.pop().and_then(|finding| finding.place) {
            change.place = place;
        }
    }
    changes.sort_by_key(|change| {
        (change.place.file.to_string(), change.place.line, change.place.column, change.place.path.clone())
    });
    let staged = write::stage(old, out, &model, &files, &changes)?;
    let loaded = load(&staged, &BTreeSet::new());
    if loaded.findings.has_errors() {
        let findings =
            loaded.findings.into_iter().filter(|finding| finding.severity == phoenix_core::Severity::Error);
        let findings = findings.collect();
        write::discard(&staged);
        return Err(ConfigError::StillBroken { findings });
    }
    write::publish(&staged, out)?;
    Ok(changes)
}

/// What cannot be read cannot be migrated; everything else can be mended or is reported at the end.
fn is_fatal(code: &str) -> bool {
    ["malformed-json", "unreadable-file", "unreadable-directory", "no-directory", "no-configuration"]
        .contains(&code)
}
