//! Shape: holds a value against a JSON Schema, reports everything that differs with its pointer, and returns the
//! value without what could not be decoded.

mod text;
mod walk;

use phoenix_core::{Diagnostic, Diagnostics, Severity};
use serde_json::Value;

pub(crate) use text::{check_text, ports, raw_line};
pub(crate) use walk::nearest;

/// How findings about the shape are worded and weighed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// Against Phoenix's own schema: what differs is an error.
    Own,
    /// Against a schema that lies beside the file: what differs is a warning.
    Shipped,
}

/// A walk over a value along a schema.
pub(crate) struct Shape<'a> {
    /// The whole schema, in which references are looked up.
    pub(crate) root: &'a Value,
    /// The file that the value is from.
    pub(crate) file: &'a std::sync::Arc<str>,
    /// How findings are worded.
    pub(crate) strictness: Strictness,
    /// What was found.
    pub(crate) findings: Diagnostics,
    /// Properties that the schema does not describe but does not forbid either.
    pub(crate) undescribed: Vec<String>,
}

impl<'a> Shape<'a> {
    pub(crate) fn new(root: &'a Value, file: &'a std::sync::Arc<str>, strictness: Strictness) -> Self {
        Self { root, file, strictness, findings: Diagnostics::new(), undescribed: Vec::new() }
    }

    /// Checks a value and returns what of it can be decoded, if anything can.
    pub(crate) fn check(&mut self, schema: &'a Value, value: &Value, pointer: &str) -> Option<Value> {
        self.walk(schema, value, pointer)
    }

    fn report(&mut self, code: &str, pointer: &str, message: String, hint: Option<String>) {
        let mut finding = match self.strictness {
            Strictness::Own => Diagnostic::error(code, message),
            Strictness::Shipped => {
                Diagnostic { severity: Severity::Warning, ..Diagnostic::error("schema-mismatch", message) }
            }
        };
        finding.hint = hint;
        self.findings.push(finding.at_path(self.file, pointer));
    }
}
