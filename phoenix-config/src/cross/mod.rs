//! Cross checks: what is wrong between values that are right each for itself. Each concern has a file of its own.

mod address;
mod boot;
mod capacity;
mod catalogue;
mod certificate;
mod clone;
mod cycle;
mod dns;
mod firewall;
mod gpu;
mod identity;
mod key;
mod label;
mod misplaced;
mod name;
mod path;
mod reference;
mod script;
mod secret;
mod shipped;
mod stack;
mod storage;

use phoenix_core::{Diagnostic, Diagnostics, Severity};

pub(crate) use firewall::{same_effect, subsumes};
pub(crate) use key::{NEVER_READ, matches as key_matches};
pub(crate) use misplaced::firewall_in_shared_volumes;
pub(crate) use path::served as served_path;
pub(crate) use shipped::FILES as SHIPPED_SCHEMAS;

use crate::{
    Sources,
    host::Host,
    model::{Guest, Index, Model, Spot},
};

/// What the checks look at and where they report.
pub(crate) struct Check<'a> {
    pub(crate) model: &'a Model,
    pub(crate) host: &'a Host,
    pub(crate) sources: &'a Sources,
    pub(crate) guests: &'a [Guest<'a>],
    index: Index,
    findings: &'a mut Diagnostics,
}

/// Adds every finding.
pub(crate) fn check(model: &Model, host: &Host, sources: &Sources, findings: &mut Diagnostics) {
    let guests = model.guests();
    let mut check = Check { model, host, sources, guests: &guests, index: Index::new(&guests), findings };
    for concern in [
        identity::check,
        address::check,
        reference::check,
        cycle::check,
        clone::check,
        boot::check,
        storage::check,
        capacity::check,
        gpu::check,
        path::check,
        firewall::check,
        misplaced::check,
        name::check,
        dns::check,
        script::check,
        stack::check,
        label::check,
        catalogue::check,
        certificate::check,
        secret::check,
        key::check,
        shipped::check,
    ] {
        concern(&mut check);
    }
}

impl<'a> Check<'a> {
    fn report(&mut self, severity: Severity, spot: &Spot, code: &str, message: String, hint: &str) {
        let finding = Diagnostic { severity, ..Diagnostic::error(code, message) };
        let finding = if hint.is_empty() { finding } else { finding.with_hint(hint) };
        self.findings.push(spot.put(finding));
    }

    fn error(&mut self, spot: &Spot, code: &str, message: String, hint: impl AsRef<str>) {
        self.report(Severity::Error, spot, code, message, hint.as_ref());
    }

    fn warning(&mut self, spot: &Spot, code: &str, message: String, hint: impl AsRef<str>) {
        self.report(Severity::Warning, spot, code, message, hint.as_ref());
    }

    fn note(&mut self, spot: &Spot, code: &str, message: String, hint: impl AsRef<str>) {
        self.report(Severity::Note, spot, code, message, hint.as_ref());
    }

    fn guest(&self, vmid: u32) -> Option<&'a Guest<'a>> {
        self.index.find(self.guests, vmid)
    }

    /// Returns the place that comes first in its file.
    fn first(&self, mut spots: Vec<Spot>) -> Option<Spot> {
        spots.sort_by_cached_key(|spot| {
            let file = self.sources.document(&spot.file);
            (spot.file.clone(), file.and_then(|file| file.position(&spot.pointer, true)))
        });
        spots.into_iter().next()
    }

    /// Returns the line of a place, for a hint that points elsewhere.
    fn line(&self, spot: &Spot) -> String {
        let line = self.sources.document(&spot.file).and_then(|file| file.position(&spot.pointer, false));
        match line {
            Some((line, _)) => format!("{}:{line}", spot.file),
            None => spot.file.to_string(),
        }
    }
}
