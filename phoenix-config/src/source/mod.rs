//! Sources: the texts that were read, and where in them each value stands. A pointer finds a line and a column here,
//! and nothing outside this module counts bytes.

mod json;
mod mask;
mod yaml;

use std::{collections::BTreeMap, sync::Arc};

use phoenix_core::{Diagnostic, Diagnostics, Place};
use serde_json::Value;

/// All files that were read, by their paths relative to the config directory.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    documents: BTreeMap<Arc<str>, Document>,
}

/// One file: its text, its value and the places of all values in it.
#[derive(Clone, Debug)]
pub struct Document {
    /// The path relative to the config directory.
    pub file: Arc<str>,
    /// The value, if the text could be parsed.
    pub value: Value,
    text: String,
    entries: BTreeMap<String, Entry>,
    /// The text with every secret replaced, and the places in it: the only thing that is ever shown.
    shown: String,
    shown_entries: BTreeMap<String, Entry>,
    secrets: Vec<String>,
    /// Where each line of the text starts.
    lines: Vec<usize>,
}

impl Document {
    /// Returns the text as it was read, secrets and all: for what it is for, never to be shown.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

/// A range of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Where a value stands, and where its key does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: Option<Span>,
    pub(crate) value: Span,
    pub(crate) is_scalar: bool,
}

/// What a parser makes of a text.
pub(crate) struct Parsed {
    pub(crate) value: Value,
    pub(crate) entries: BTreeMap<String, Entry>,
    pub(crate) findings: Diagnostics,
}

/// The syntax of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Syntax {
    Json,
    Yaml,
}

impl Sources {
    /// Parses a text and keeps it. Findings about its syntax are returned; the value is `null` if there is an error.
    pub(crate) fn read(&mut self, file: &str, text: String, syntax: Syntax) -> (Arc<str>, Diagnostics) {
        let file: Arc<str> = file.into();
        let parse = match syntax {
            Syntax::Json => json::parse,
            Syntax::Yaml => yaml::parse,
        };
        let parsed = parse(&file, &text);
        let secrets = mask::secrets(&parsed.value, &parsed.entries);
        let shown = if parsed.findings.has_errors() {
            mask::mask_lines(&text)
        } else {
            mask::mask_values(&text, &parsed.entries, &secrets)
        };
        let shown_entries = parse(&file, &shown).entries;
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let document = Document {
            file: Arc::clone(&file),
            value: parsed.value,
            text,
            entries: parsed.entries,
            shown,
            shown_entries,
            secrets,
            lines,
        };
        self.documents.insert(Arc::clone(&file), document);
        (file, parsed.findings)
    }

    /// Returns the document of that name.
    pub fn document(&self, file: &str) -> Option<&Document> {
        self.documents.get(file)
    }

    /// Goes through the documents, sorted by name.
    pub fn documents(&self) -> impl Iterator<Item = &Document> {
        self.documents.values()
    }

    /// Fills in line and column of every finding that has only a file and a JSON pointer. A pointer that leads
    /// nowhere is cut until it leads somewhere.
    pub fn locate(&self, findings: &mut Diagnostics) {
        for finding in &mut findings.0 {
            let about_key = is_about_key(finding);
            let Some(place) = &mut finding.place else { continue };
            if place.line != 0 {
                continue;
            }
            if let Some((line, column)) =
                self.documents.get(&place.file).and_then(|document| document.position(&place.path, about_key))
            {
                (place.line, place.column) = (line, column);
            }
        }
    }

    /// Returns the line at a place as it may be shown, and the range in it that the finding is about. Only the one
    /// line: whoever renders it goes through all that it is given, for every finding again.
    pub(crate) fn excerpt(&self, finding: &Diagnostic, place: &Place) -> Option<(&str, Span)> {
        let document = self.documents.get(&place.file).filter(|_| place.line > 0)?;
        let by_pointer = lookup(&document.shown_entries, &place.path)
            .filter(|_| !place.path.is_empty())
            .map(|entry| entry.best(is_about_key(finding)));
        let span = by_pointer.unwrap_or_else(|| document.span_at(place.line, place.column));
        let first = document.shown.get(..span.start)?.rfind('\n').map_or(0, |at| at + 1);
        let line = document.shown[first..].split('\n').next().unwrap_or("");
        let start = span.start - first;
        let end = (span.end - first).max(start + 1).min(line.len()).max(start);
        Some((line, Span { start, end }))
    }
}

impl Document {
    /// Returns the value at a pointer.
    pub fn get(&self, pointer: &str) -> Option<&Value> {
        self.value.pointer(pointer)
    }

    /// Returns the pointers of the values that are secrets in clear.
    pub(crate) fn secrets(&self) -> &[String] {
        &self.secrets
    }

    /// Returns line and column, from 1, of the value at a pointer, or of its nearest parent that exists.
    pub fn position(&self, pointer: &str, about_key: bool) -> Option<(u32, u32)> {
        let start = lookup(&self.entries, pointer)?.best(about_key).start;
        let line = self.lines.partition_point(|first| *first <= start).checked_sub(1)?;
        let (_, column) = line_column(&self.text[*self.lines.get(line)?..], start - self.lines.get(line)?);
        Some((u32::try_from(line + 1).unwrap_or(u32::MAX), column))
    }

    fn span_at(&self, line: u32, column: u32) -> Span {
        let start = self
            .shown
            .split_inclusive('\n')
            .take(line.saturating_sub(1) as usize)
            .map(str::len)
            .sum::<usize>()
            .min(self.shown.len());
        let rest = &self.shown[start..];
        let length = rest.split('\n').next().map_or(0, str::len);
        let skipped = rest[..length]
            .char_indices()
            .nth(column.saturating_sub(1) as usize)
            .map_or(length, |(offset, _)| offset);
        let end = rest[skipped..length].chars().next().map_or(0, char::len_utf8);
        Span { start: start + skipped, end: start + skipped + end }
    }
}

impl Entry {
    fn best(&self, about_key: bool) -> Span {
        match self.key {
            Some(key) if about_key || !self.is_scalar => key,
            Some(_) | None => self.value,
        }
    }
}

/// Returns a key as a part of a JSON pointer.
pub(crate) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Returns the last part of a JSON pointer as a key.
pub(crate) fn last_key(pointer: &str) -> String {
    pointer.rsplit('/').next().unwrap_or("").replace("~1", "/").replace("~0", "~")
}

/// Returns line and column, from 1, of a byte.
pub(crate) fn line_column(text: &str, offset: usize) -> (u32, u32) {
    let before = &text[..offset.min(text.len())];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
}

fn lookup<'a>(entries: &'a BTreeMap<String, Entry>, pointer: &str) -> Option<&'a Entry> {
    let mut pointer = pointer;
    loop {
        if let Some(entry) = entries.get(pointer) {
            return Some(entry);
        }
        pointer = pointer.rsplit_once('/')?.0;
    }
}

/// Tells whether a finding is about the key itself and not about its value.
fn is_about_key(finding: &Diagnostic) -> bool {
    matches!(
        &*finding.code,
        "unknown-key" | "never-read" | "not-applied-yet" | "duplicate-key" | "old-spelling" | "misplaced-key"
    )
}
