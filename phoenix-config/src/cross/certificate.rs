//! Certificates: each name once, each file once, and names that lead somewhere.

use std::collections::BTreeMap;

use super::Check;
use crate::model::{CERTIFICATE_FILE, Spot};

pub(super) fn check(check: &mut Check<'_>) {
    let mut names: BTreeMap<String, Spot> = BTreeMap::new();
    let mut files: BTreeMap<String, Spot> = BTreeMap::new();
    let certificates = &check.model.certificates;
    for (index, certificate) in certificates.iter().enumerate() {
        let spot = Spot::new(CERTIFICATE_FILE, format!("/{index}"));
        let at = spot.at("common_name");
        if let Some(first) = names.get(&certificate.common_name) {
            let hint = format!("{} has it first", check.line(first));
            check.error(
                &at,
                "duplicate-certificate",
                format!("a second certificate for `{}`", certificate.common_name),
                hint,
            );
        } else {
            names.insert(certificate.common_name.clone(), at.clone());
        }
        for (key, path) in [("cert_path", &certificate.cert_path), ("key_path", &certificate.key_path)] {
            if let Some(first) = files.get(path) {
                let hint = format!("{} is written there too", check.line(first));
                check.error(
                    &spot.at(key),
                    "duplicate-certificate",
                    format!("two files would be written to `{path}`"),
                    hint,
                );
            } else {
                files.insert(path.clone(), spot.at(key));
            }
        }
        if certificate.sans.is_empty() {
            let message = format!(
                "the certificate for `{}` lists no names; it is for its common name alone",
                certificate.common_name
            );
            check.note(
                &at,
                "certificate-names",
                message,
                "list every name and address that it is reached by in `sans`",
            );
        } else if !certificate.sans.contains(&certificate.common_name) {
            let message = format!(
                "`sans` lacks the common name `{}`, which clients do not look at",
                certificate.common_name
            );
            check.warning(&spot.at("sans"), "certificate-names", message, "add it to `sans`");
        }
        if let Some(domain) = check.host.domain.clone()
            && !certificate.common_name.ends_with(&format!(".{domain}"))
        {
            let message = format!("`{}` is outside the domain `{domain}`", certificate.common_name);
            check.note(&at, "certificate-names", message, "the internal authority is only trusted inside");
        }
    }
}
