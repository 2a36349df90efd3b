//! `cert show`: all that a certificate says of itself, and each one of its chain.

use clap::Args;
use phoenix_core::ResourceId;
use serde::Serialize;
use sha2::{Digest, Sha256};
use x509_parser::{extensions::GeneralName, pem::Pem, prelude::X509Certificate};

use super::held;
use crate::{
    config,
    context::Context,
    error::{Error, Exit},
    host::Host,
};

/// Show all that a certificate says of itself, with its chain.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The certificate, by its name in the configuration.
    #[arg(value_name = "NAME")]
    name: String,
}

/// A certificate at one place.
#[derive(Serialize)]
struct Shown {
    name: String,
    at: ResourceId,
    path: String,
    key: String,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    days_left: Option<i64>,
    renewed_before_h: u32,
    chain: Vec<Link>,
}

/// One of a chain.
#[derive(Serialize)]
struct Link {
    subject: String,
    issuer: String,
    serial: String,
    begins: String,
    expires: String,
    names: Vec<String>,
    sha256: String,
}

impl Show {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Error> {
        let config = config::load(context)?;
        let chosen = held::named(held::all(&config.resolved), std::slice::from_ref(&self.name))?;
        let facts = context.block_on(async {
            let host = Host::open(&context.global, &config.loaded.host).await?;
            held::facts(&config, &host, &chosen).await
        })?;
        for one in &chosen {
            let standing = one.standing(&facts);
            let problem = standing.fault.as_ref().filter(|_| standing.is_known);
            let shown = Shown {
                name: one.certificate.name.clone(),
                at: one.resource.clone(),
                path: one.certificate.certificate_path(),
                key: one.certificate.key_path(),
                state: standing.word(),
                problem: problem.map(|fault| fault.reason(&one.asked, &one.certificate)),
                days_left: standing.days_left(),
                renewed_before_h: one.certificate.renewed_before_h(),
                chain: standing.pem.as_deref().map(chain).unwrap_or_default(),
            };
            match context.ui.is_json() {
                true => context.ui.record(&shown)?,
                false => context.ui.data(&lines(&shown)),
            }
        }
        Ok(Exit::Done)
    }
}

fn chain(text: &str) -> Vec<Link> {
    let found = Pem::iter_from_buffer(text.as_bytes()).filter_map(Result::ok);
    found.filter_map(|pem| pem.parse_x509().ok().map(|one| link(&one, &pem.contents))).collect()
}

fn link(one: &X509Certificate<'_>, bytes: &[u8]) -> Link {
    let names = one.subject_alternative_name().ok().flatten();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
    Link {
        subject: one.subject().to_string(),
        issuer: one.issuer().to_string(),
        serial: hex(one.raw_serial()),
        begins: held::moment(one.validity().not_before.timestamp()),
        expires: held::moment(one.validity().not_after.timestamp()),
        names: names.map_or_else(Vec::new, |names| names.value.general_names.iter().map(name).collect()),
        sha256: hex(&Sha256::digest(bytes)).to_lowercase(),
    }
}

fn name(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::DNSName(name) => (*name).to_owned(),
        GeneralName::IPAddress(bytes) => match (<[u8; 4]>::try_from(*bytes), <[u8; 16]>::try_from(*bytes)) {
            (Ok(four), _) => std::net::Ipv4Addr::from(four).to_string(),
            (_, Ok(six)) => std::net::Ipv6Addr::from(six).to_string(),
            (Err(_), Err(_)) => name.to_string(),
        },
        other => other.to_string(),
    }
}

fn lines(shown: &Shown) -> String {
    let Shown { name, at, path, key, state, problem, days_left, renewed_before_h, chain } = shown;
    let mut text = format!("{name} of {at}: {state}");
    if let Some(days) = days_left {
        text.push_str(&format!(", good for {days} days more"));
    }
    if let Some(problem) = problem {
        text.push_str(&format!("\n  {problem}"));
    }
    text.push_str(&format!("\n  certificate  {path}\n  key          {key}"));
    text.push_str(&format!("\n  renewed      {renewed_before_h} hours before its end"));
    for link in chain {
        let Link { subject, issuer, serial, begins, expires, names, sha256 } = link;
        text.push_str(&format!("\n  {subject}\n    by      {issuer}\n    serial  {serial}"));
        text.push_str(&format!("\n    good    {begins} to {expires} UTC"));
        if !names.is_empty() {
            text.push_str(&format!("\n    for     {}", names.join(", ")));
        }
        text.push_str(&format!("\n    sha256  {sha256}"));
    }
    text
}
