//! Secrets: a configuration refers to one with `env:`, `file:` or `cmd:` and never holds it.

use phoenix_core::SecretRef;

const WORDS: [&str; 7] = ["password", "passwd", "passphrase", "secret", "token", "api_key", "apikey"];

/// What stands where a secret is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// Nothing, or a word that says that there is none yet.
    Unset,
    /// A reference.
    Reference(SecretRef),
    /// The secret itself. Its text is not kept.
    Plain,
}

impl Secret {
    /// Reads a text.
    pub fn read(text: &str) -> Self {
        let text = text.trim();
        if ["", "NOT_SET", "none", "changeme", "REPLACE_ME"]
            .iter()
            .any(|unset| unset.eq_ignore_ascii_case(text))
        {
            return Self::Unset;
        }
        SecretRef::try_from(text.to_owned()).map_or(Self::Plain, Self::Reference)
    }
}

/// Tells whether a value is a secret in clear: neither empty, nor a reference, nor a `${VARIABLE}`.
pub(crate) fn is_plain(text: &str) -> bool {
    let is_variable = |text: &str| {
        let name = text.strip_prefix('$').unwrap_or("");
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    Secret::read(text) == Secret::Plain && !text.contains("${") && !is_variable(text)
}

/// Tells whether the value of a key or variable of that name is most likely a secret. Paths to files that hold one
/// are none.
pub(crate) fn is_secret_name(name: &str) -> bool {
    // Language models have tokenizers and token limits, which are no secrets.
    let lower = name.to_lowercase().replace("tokenizer", "").replace("max_token", "");
    if ["_file", "_path", "_hash_algorithm"].iter().any(|suffix| lower.ends_with(suffix)) {
        return false;
    }
    WORDS.iter().any(|word| lower.contains(word))
        || lower.ends_with("_pass")
        || lower.ends_with("_key") && (lower.contains("private") || lower.contains("secret"))
        || lower == "pass"
        || lower.contains("_pass\"")
}
