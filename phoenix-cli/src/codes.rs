//! Codes: what each finding means, for `explain`. A text says what is wrong and why it matters; what to do stands in
//! the finding's own hint.

/// Returns the explanation of a code.
pub(crate) fn explanation(code: &str) -> Option<&'static str> {
    CODES.iter().find(|(name, _)| *name == code).map(|(_, text)| *text)
}

/// Goes through all codes that have an explanation.
pub(crate) fn all() -> impl Iterator<Item = &'static str> {
    CODES.iter().map(|(name, _)| *name)
}

const CODES: &[(&str, &str)] = &[];
