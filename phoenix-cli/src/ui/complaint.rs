//! An error as text or JSON: the message, each cause once, and what to do.

use phoenix_config::Sources;
use phoenix_core::{Diagnostic, Diagnostics, Severity};
use serde_json::{Value, json};

use super::paint::{ERROR, HINT, WARNING, paint};
use crate::error::Error;

/// Returns an error with its causes and hint.
pub(crate) fn error(error: &Error, json: bool) -> String {
    match error {
        Error::Findings { findings: list, sources } => findings(list, sources, json),
        other => one(other, json),
    }
}

/// Returns findings with excerpts of the files, or a record a line.
pub(crate) fn findings(findings: &Diagnostics, sources: &Sources, json: bool) -> String {
    if !json {
        return phoenix_config::render(findings, sources, true);
    }
    records(findings).iter().map(|record| format!("{record}\n")).collect()
}

/// Returns findings in a line each.
pub(crate) fn lines(findings: &Diagnostics) -> String {
    let line = |finding: &Diagnostic| {
        let style = match finding.severity {
            Severity::Error => ERROR,
            Severity::Warning => WARNING,
            Severity::Note => HINT,
        };
        let kind = paint(style, &format!("{}[{}]", finding.severity, finding.code));
        format!("{kind}: {}", finding.message)
    };
    findings.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Returns findings as records.
pub(crate) fn records(findings: &Diagnostics) -> Vec<Value> {
    match phoenix_config::to_json(findings) {
        Value::Array(records) => records,
        other => vec![other],
    }
}

/// Returns the line that says what to do.
pub(crate) fn hint(text: Option<&str>) -> String {
    text.map_or_else(String::new, |text| format!("  {}: {text}\n", paint(HINT, "hint")))
}

/// Returns the causes of an error, the nearest first. A cause that only repeats what stands above it is left out.
pub(crate) fn causes(error: &dyn std::error::Error) -> Vec<String> {
    let mut causes = Vec::new();
    let mut above = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !above.contains(&text) {
            causes.push(text.clone());
        }
        above = text;
        next = cause.source();
    }
    causes
}

fn one(error: &Error, json: bool) -> String {
    let causes = causes(error);
    if json {
        let hint = error.hint();
        return json!({ "error": error.to_string(), "causes": causes, "hint": hint }).to_string();
    }
    let mut text: String =
        error.to_string().lines().map(|line| format!("{}: {line}\n", paint(ERROR, "error"))).collect();
    for cause in &causes {
        text.push_str(&format!("  caused by: {cause}\n"));
    }
    text.push_str(&hint(error.hint().as_deref()));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finding_keeps_a_line_of_its_own() {
        let findings: Diagnostics = (900..912)
            .map(|vmid| Diagnostic::warning("outdated-layer", format!("`lxc/{vmid}` is old")).with_hint("no"))
            .collect();
        let lines = anstream::adapter::strip_str(&lines(&findings)).to_string();
        assert_eq!(lines.lines().count(), 12);
        assert_eq!(lines.lines().last(), Some("warning[outdated-layer]: `lxc/911` is old"));
    }
}
