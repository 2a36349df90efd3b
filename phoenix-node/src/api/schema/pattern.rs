//! Patterns of texts. Few of them are ever needed in one run, so each is made ready when it is first asked for.

use std::sync::OnceLock;

use regex_lite::Regex;

/// What a text must match from its beginning to its end.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    text: String,
    regex: OnceLock<Option<Regex>>,
}

impl Pattern {
    pub(super) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), regex: OnceLock::new() }
    }

    /// Tells whether a text matches. What cannot be read as a pattern matches everything; a test finds it.
    pub(super) fn is_match(&self, text: &str) -> bool {
        self.regex().is_none_or(|regex| regex.is_match(text))
    }

    fn regex(&self) -> Option<&Regex> {
        self.regex.get_or_init(|| Regex::new(&format!("^(?:{})$", self.text)).ok()).as_ref()
    }

    /// Returns it as it was written.
    #[cfg(test)]
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Tells whether it can be read.
    #[cfg(test)]
    pub(super) fn is_good(&self) -> bool {
        self.regex().is_some()
    }
}
