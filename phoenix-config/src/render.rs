//! Rendering: findings as text with source excerpts, and as records for machines.

use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};
use phoenix_core::{Diagnostic, Diagnostics, Severity};
use serde_json::{Value, json};

use crate::Sources;

/// Returns the findings as text: each with the line it is about and what to do, sorted by file and line, and a
/// summary at the end. Secrets are masked. Empty if there is no finding.
pub fn render(findings: &Diagnostics, sources: &Sources, colour: bool) -> String {
    if findings.is_empty() {
        return String::new();
    }
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut located = findings.clone();
    sources.locate(&mut located);
    let mut sorted: Vec<&Diagnostic> = located.iter().collect();
    sorted.sort_by_key(|finding| {
        finding.place.as_ref().map(|place| (place.file.clone(), place.line, place.column))
    });
    let mut text = String::new();
    for finding in sorted {
        text.push_str(&renderer.render(&[group(finding, sources)]));
        text.push_str("\n\n");
    }
    text.push_str(&summary(findings));
    text.push('\n');
    text
}

/// Returns the findings in a line: `2 errors, 1 warning`.
pub fn summary(findings: &Diagnostics) -> String {
    let count = |severity: Severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let parts: Vec<String> = [Severity::Error, Severity::Warning, Severity::Note]
        .into_iter()
        .map(|severity| (count(severity), severity))
        .filter(|(count, _)| *count > 0)
        .map(|(count, severity)| format!("{count} {severity}{}", if count == 1 { "" } else { "s" }))
        .collect();
    if parts.is_empty() { "no findings".to_owned() } else { parts.join(", ") }
}

/// Returns the findings as records.
pub fn to_json(findings: &Diagnostics) -> Value {
    findings.iter().map(record).collect()
}

fn record(finding: &Diagnostic) -> Value {
    let place = finding.place.as_ref();
    json!({
        "code": finding.code,
        "severity": finding.severity,
        "file": place.map(|place| &place.file),
        "line": place.map(|place| place.line).filter(|line| *line > 0),
        "column": place.map(|place| place.column).filter(|column| *column > 0),
        "path": place.map(|place| &place.path),
        "message": finding.message,
        "hint": finding.hint,
    })
}

fn group<'a>(finding: &'a Diagnostic, sources: &'a Sources) -> Group<'a> {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let title = level.primary_title(finding.message.as_str()).id(&*finding.code);
    let place = finding.place.as_ref().filter(|place| !place.file.is_empty());
    let mut elements: Vec<Element<'a>> = Vec::new();
    if let Some(place) = place {
        match sources.excerpt(finding, place) {
            Some((text, span)) => elements.push(
                Snippet::source(text)
                    .line_start(place.line as usize)
                    .path(&*place.file)
                    .annotation(AnnotationKind::Primary.span(span.start..span.end))
                    .into(),
            ),
            None => elements.push(Origin::path(&*place.file).into()),
        }
    }
    if let Some(hint) = &finding.hint {
        elements.push(Level::HELP.message(hint.as_str()).into());
    }
    title.elements(elements)
}
