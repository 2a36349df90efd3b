//! What can be wrong with a certificate that is there, found by asking its own site.

use std::collections::BTreeSet;

use phoenix_core::{Draft, Facts, Site};

use crate::{
    config::{Certificate, Config},
    plan::FEATURE,
    shown::{SHOW, Shown},
};

/// The authority's root, as it was last seen: what certificates are held against.
pub(crate) const ROOT: &str = "/etc/phoenix/certificates/root.crt";

/// What is wrong with a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not there.
    Missing,
    /// The file holds something else.
    NoCertificate,
    /// It was made for another key.
    OtherKey,
    /// It is for these names.
    OtherNames(BTreeSet<String>),
    /// It has expired: it was good until then.
    Expired(String),
    /// It does not come from the authority.
    Foreign,
    /// It has a serial number that is not good any more.
    Refused(String),
    /// It is to be renewed: it is good until then.
    Due(String),
}

/// What is known of the authority's root at the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    /// The copy is as it shall be: certificates can be held against it.
    Known,
    /// The copy changes: what does not come from it shows in the next plan.
    Changes,
}

impl Fault {
    /// Returns what is wrong, for the reader of a plan.
    pub fn reason(&self, config: &Config, certificate: &Certificate) -> String {
        let (path, key) = (certificate.certificate_path(), certificate.key_path());
        let list = |names: &BTreeSet<String>| {
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
        };
        match self {
            Self::Missing => format!("`{path}` is missing"),
            Self::NoCertificate => format!("`{path}` is no certificate"),
            Self::OtherKey => format!("`{path}` does not fit its key `{key}`"),
            Self::OtherNames(names) => {
                format!("`{path}` is for {} instead of {}", list(names), list(&certificate.wanted_names()))
            }
            Self::Expired(end) => format!("`{path}` has expired: it was good until {end}"),
            Self::Foreign => format!("`{path}` does not come from the authority of `{}`", config.authority),
            Self::Refused(serial) => {
                format!("`{path}` has the serial number {serial}, which is not good any more")
            }
            Self::Due(end) => {
                format!("`{path}` is good until {end}, less than {} hours", certificate.renewed_before_h())
            }
        }
    }

    /// Returns what is wrong, in one or two words.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::NoCertificate => "no certificate",
            Self::OtherKey => "wrong key",
            Self::OtherNames(_) => "wrong names",
            Self::Expired(_) => "expired",
            Self::Foreign => "wrong authority",
            Self::Refused(_) => "revoked",
            Self::Due(_) => "due",
        }
    }
}

/// Returns what the facts say of a certificate at a site: what is wrong with it, and what it says of itself.
pub fn look(site: &Site, certificate: &Certificate, facts: &Facts) -> (Option<Fault>, Option<Shown>) {
    let draft = Draft::new(site, FEATURE, facts);
    (find(&draft, certificate, Root::Known), shown(&draft, certificate))
}

/// Returns the command that holds a certificate against the authority's root.
pub(crate) fn verify(path: &str) -> [String; 9] {
    ["openssl", "verify", "-no-CApath", "-no-CAstore", "-CAfile", ROOT, "-untrusted", path, path]
        .map(str::to_owned)
}

/// Returns what is wrong with a certificate.
pub(crate) fn find(draft: &Draft<'_>, certificate: &Certificate, root: Root) -> Option<Fault> {
    let (path, key) = (certificate.certificate_path(), certificate.key_path());
    if draft.file(&path).is_none() {
        return Some(Fault::Missing);
    }
    // All at once, so that the site is asked once.
    let shown = shown(draft, certificate);
    let own_key = draft.output(["openssl", "pkey", "-pubout", "-passin", "pass:", "-in", &key]);
    let lasts = |hours: u32| {
        let seconds = (u64::from(hours) * 3600).to_string();
        let asked = draft.succeeds(["openssl", "x509", "-noout", "-checkend", &seconds, "-in", &path]);
        draft.holds(&asked)
    };
    let (is_good, lasts_on) = (lasts(0), lasts(certificate.renewed_before_h()));
    let is_theirs = draft.holds(&draft.succeeds(verify(&path)));
    let Some(shown) = shown else { return Some(Fault::NoCertificate) };
    if own_key.map(Shown::bare_key).as_ref() != Some(&shown.key) {
        Some(Fault::OtherKey)
    } else if shown.names != certificate.wanted_names() {
        Some(Fault::OtherNames(shown.names))
    } else if !is_good {
        Some(Fault::Expired(shown.ends))
    } else if !is_theirs && root == Root::Known {
        Some(Fault::Foreign)
    } else if certificate.refused.iter().any(|serial| serial.eq_ignore_ascii_case(&shown.serial)) {
        Some(Fault::Refused(shown.serial))
    } else if !lasts_on {
        Some(Fault::Due(shown.ends))
    } else {
        None
    }
}

fn shown(draft: &Draft<'_>, certificate: &Certificate) -> Option<Shown> {
    let path = certificate.certificate_path();
    draft.output(SHOW.into_iter().chain([path.as_str()])).map(Shown::read)
}
