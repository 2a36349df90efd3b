//! Secrets: none stands in a file. Its text is repeated nowhere, and excerpts show it masked.

use super::Check;
use crate::{model::Spot, source::last_key};

pub(super) fn check(check: &mut Check<'_>) {
    let mut found: Vec<(Spot, String)> = Vec::new();
    for document in check.sources.documents() {
        for pointer in document.secrets() {
            found.push((Spot::new(&document.file, pointer.clone()), last_key(pointer)));
        }
    }
    for (spot, key) in found {
        let (parent, _) = spot.pointer.rsplit_once('/').unwrap_or(("", ""));
        let sibling = check
            .sources
            .document(&spot.file)
            .and_then(|document| document.get(parent)?.get("name")?.as_str().map(str::to_owned))
            .filter(|_| key == "value");
        let message = match sibling {
            Some(name) => format!("the value of `{name}` is a secret in clear"),
            None => format!("`{key}` is a secret in clear"),
        };
        let hint =
            "write a reference: `env:NAME` (an environment variable), `file:/path` or `cmd:program argument`";
        check.error(&spot, "plaintext-secret", message, hint);
    }
}
