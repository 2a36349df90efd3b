//! The feature itself: a file for each certificate, and the bundle that all programs read made anew from them.

use std::collections::BTreeSet;

use phoenix_core::{
    Claim, Content, Descriptor, Draft, Feature, Problems, Recipe, Site, StepId,
    draft::{Command, File},
    feature::SiteKind,
};
use schemars::schema_for;

use crate::config::{Config, Source};

const NAME: &str = "trusted-ca";
const FOLDER: &str = "/usr/local/share/ca-certificates";
const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Returns the feature for the registry.
pub fn feature() -> Box<dyn Feature> {
    let about = "has programs trust the certificates of authorities of one's own";
    let descriptor = Descriptor::new(NAME, about, schema_for!(Config));
    let descriptor = descriptor.after(["base-setup"]).at([SiteKind::Lxc, SiteKind::Vm, SiteKind::Host]);
    Box::new(Recipe::new(descriptor, draft).checked_by(problems).claiming(claims))
}

fn claims(config: &Config) -> Vec<Claim> {
    let guests = config.certificates.iter().filter_map(|certificate| certificate.from.as_ref());
    guests.map(|from| Claim::Guest { guest: from.guest }).collect()
}

fn problems(config: &Config) -> Problems {
    let mut problems = Problems::default();
    let mut names = BTreeSet::new();
    for (index, certificate) in config.certificates.iter().enumerate() {
        let (name, pointer) = (&certificate.name, format!("/certificates/{index}"));
        let is_twice = !names.insert(name);
        if !certificate.is_named_well() {
            problems.add(pointer, format!("`{name}` is no name of lower-case letters, digits and dashes"));
        } else if is_twice {
            problems.add(pointer, format!("the certificate `{name}` is there twice"));
        } else if certificate.source().is_none() {
            let wanted = "either `pem`, a certificate in PEM form, or `from`, a file of another guest";
            problems.add(pointer, format!("`{name}` needs {wanted}"));
        }
    }
    problems
}

fn draft(draft: &mut Draft<'_>, config: &Config) {
    let packages = draft.packages(["ca-certificates", "openssl"], []);
    for certificate in &config.certificates {
        if let Some(source) = certificate.source() {
            trust(draft, &certificate.name, source, packages.clone());
        }
    }
}

fn trust(draft: &mut Draft<'_>, name: &str, source: Source<'_>, packages: Option<StepId>) {
    // Only files that end so are taken.
    let path = format!("{FOLDER}/phoenix-{name}.crt");
    let content = match source {
        Source::Pem(pem) => Content::Text(format!("{}\n", pem.trim())),
        Source::From(from) => Content::Copy { site: Site::Guest(from.guest), path: from.path.clone() },
    };
    let written =
        draft.write(&format!("write-{name}"), File::text(&path, "").holding(content), [packages.clone()]);
    // Whether the bundle has it, and not only its directory a file of that name.
    let verify = ["openssl", "verify", "-no-CApath", "-no-CAstore", "-CAfile", BUNDLE, &path];
    let proof = draft.succeeds(verify);
    let reason = format!("`{BUNDLE}` does not hold `{name}` as it is now");
    let update = Command::new(["update-ca-certificates"], proof, reason).again();
    draft.run(&format!("trust-{name}"), update, [written, packages]);
}
