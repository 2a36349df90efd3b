//! The certificate manifest.

use serde_json::Value;

use super::draft::Draft;
use crate::{cross, model::CERTIFICATE_FILE as FILE};

pub(super) fn clean(draft: &mut Draft<'_>) {
    let model = draft.model;
    for (index, certificate) in model.certificates.iter().enumerate() {
        for (key, path) in [("cert_path", &certificate.cert_path), ("key_path", &certificate.key_path)] {
            let Some(served) = cross::served_path(model, path) else { continue };
            if let Some(entry) = draft.object(FILE, &format!("/{index}")) {
                entry.insert(key.to_owned(), Value::String(served.clone()));
            }
            let what = format!("replaced `{path}` by `{served}`");
            draft.explain(FILE, &format!("/{index}/{key}"), what, "a dataset is mounted under its own name");
        }
    }
}
