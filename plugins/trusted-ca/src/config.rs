//! What the user writes for `trusted-ca`.

use phoenix_core::GuestId;
use schemars::JsonSchema;
use serde::Deserialize;

/// The configuration of `trusted-ca`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Authorities that programs of the guest shall trust. The root of the lab's own `step-ca`, if none is given.
    pub certificates: Vec<Certificate>,
}

/// The certificate of an authority.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// A name for it: lower-case letters, digits and dashes.
    pub name: String,
    /// The certificate itself, in PEM form. Either this or `from`.
    #[serde(default)]
    pub pem: Option<String>,
    /// A file of another guest, which is up before this one.
    #[serde(default)]
    pub from: Option<From>,
}

/// Where a certificate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source<'a> {
    /// The certificate itself, in PEM form.
    Pem(&'a str),
    /// A file of another guest.
    From(&'a From),
}

/// A file of another guest.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct From {
    /// The guest, for instance `lxc/103`.
    #[schemars(with = "String")]
    pub guest: GuestId,
    /// The absolute path of the file in it.
    pub path: String,
}

impl Certificate {
    /// Tells whether the name is one that a file can have.
    pub fn is_named_well(&self) -> bool {
        let is_good = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        !self.name.is_empty() && self.name.len() <= 64 && self.name.chars().all(is_good)
    }

    /// Returns where it comes from; none if that is not said, or twice, or if what is given is no certificate.
    pub fn source(&self) -> Option<Source<'_>> {
        let is_pem = |pem: &str| {
            let pem = pem.trim();
            pem.starts_with("-----BEGIN CERTIFICATE-----") && pem.ends_with("-----END CERTIFICATE-----")
        };
        match (&self.pem, &self.from) {
            (Some(pem), None) if is_pem(pem) => Some(Source::Pem(pem)),
            (None, Some(from)) => Some(Source::From(from)),
            (Some(_), _) | (None, None) => None,
        }
    }
}
