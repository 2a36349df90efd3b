//! The certificates of a configuration, and what the facts say of each.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{SystemTime, UNIX_EPOCH},
};

use phoenix_certificate::{Certificate, Config as Asked, FEATURE, Fault, Shown, look};
use phoenix_core::{
    Evidence, Facts, Probe, ResourceId, Site,
    planner::{Intent, Request, Resolved},
};
use x509_parser::pem::Pem;

use crate::{config::Config, error::Error, host::Host, runner, targets};

const DAY: i64 = 86_400;

/// One certificate of the configuration.
#[derive(Clone, Debug)]
pub(super) struct Held {
    /// The guest or host that has it.
    pub(super) resource: ResourceId,
    /// Where it lies.
    pub(super) site: Site,
    /// All that this site asks its authority for.
    pub(super) asked: Asked,
    /// It.
    pub(super) certificate: Certificate,
}

/// Where a certificate stands.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    /// What is wrong with it.
    pub(super) fault: Option<Fault>,
    /// What it says of itself, if it is one.
    pub(super) shown: Option<Shown>,
    /// Its text, with its chain.
    pub(super) pem: Option<String>,
    /// When it ends, in seconds since 1970.
    pub(super) ends: Option<i64>,
    /// Whether its site could be asked.
    pub(super) is_known: bool,
}

/// Returns the certificates of the configuration.
pub(super) fn all(resolved: &Resolved) -> Vec<Held> {
    let mut found = Vec::new();
    for place in resolved.configured(FEATURE) {
        // What cannot be read is refused by the feature itself, with its place.
        let Ok(asked) = serde_json::from_value::<Asked>(place.config) else { continue };
        found.extend(asked.certificates.iter().map(|certificate| Held {
            resource: place.resource.clone(),
            site: place.site.clone(),
            asked: asked.clone(),
            certificate: certificate.clone(),
        }));
    }
    found
}

/// Returns those of these names; all if none is named. Names of nothing are an error.
pub(super) fn named(all: Vec<Held>, names: &[String]) -> Result<Vec<Held>, Error> {
    if let Some(name) = names.iter().find(|name| all.iter().all(|held| held.certificate.name != **name)) {
        let known = all.iter().map(|held| held.certificate.name.clone());
        return Err(Error::NoCertificate { name: name.clone(), nearest: targets::nearest(name, known) });
    }
    Ok(all.into_iter().filter(|held| names.is_empty() || names.contains(&held.certificate.name)).collect())
}

/// Returns the request for what has these certificates, and for nothing else of it.
pub(super) fn request(held: &[Held]) -> Request {
    let resources: BTreeSet<ResourceId> = held.iter().map(|held| held.resource.clone()).collect();
    Request::new(resources, Intent::Features(BTreeSet::from([FEATURE.to_owned()])))
}

/// Asks where certificates stand.
pub(super) async fn facts(config: &Config, host: &Host, held: &[Held]) -> Result<Facts, Error> {
    if held.is_empty() {
        return Ok(Facts::new());
    }
    runner::gather(config, host, &request(held)).await
}

/// Has the features ask for these certificates alone, each with serial numbers that are not good any more.
pub(super) fn narrow(
    resolved: &mut Resolved,
    held: &[Held],
    refused: &BTreeMap<(ResourceId, String), String>,
) {
    let mut kept: BTreeMap<&ResourceId, Asked> = BTreeMap::new();
    for one in held {
        let asked = kept
            .entry(&one.resource)
            .or_insert_with(|| Asked { certificates: Vec::new(), ..one.asked.clone() });
        let mut certificate = one.certificate.clone();
        certificate.refused.extend(refused.get(&one.key()).cloned());
        asked.certificates.push(certificate);
    }
    for (resource, asked) in kept {
        resolved.reconfigure(resource, FEATURE, &serde_json::json!(asked));
    }
}

impl Held {
    /// Returns what it is known by.
    pub(super) fn key(&self) -> (ResourceId, String) {
        (self.resource.clone(), self.certificate.name.clone())
    }

    /// Returns where it stands.
    pub(super) fn standing(&self, facts: &Facts) -> Standing {
        let is_known = self.site.guest().is_none_or(|guest| facts.is_running(guest));
        let (fault, shown) = look(&self.site, &self.certificate, facts);
        let pem = match facts.get(&Probe::file(&self.site, self.certificate.certificate_path())) {
            Some(Evidence::File(file)) => file.text.clone(),
            _ => None,
        };
        let ends = pem.as_deref().and_then(|text| {
            let found = Pem::iter_from_buffer(text.as_bytes()).next()?.ok()?;
            Some(found.parse_x509().ok()?.validity().not_after.timestamp())
        });
        Standing { fault, shown, pem, ends, is_known }
    }
}

impl Standing {
    /// Returns its state, in one or two words.
    pub(super) fn word(&self) -> &'static str {
        match &self.fault {
            _ if !self.is_known => "unknown",
            Some(fault) => fault.word(),
            None => "ok",
        }
    }

    /// Returns for how many days more it is good.
    pub(super) fn days_left(&self) -> Option<i64> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
        Some((self.ends? - i64::try_from(now).ok()?).div_euclid(DAY))
    }
}

/// Returns a moment as `2026-12-01 10:00`, in UTC.
pub(super) fn moment(seconds: i64) -> String {
    let (days, rest) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    // Years that begin in March, so that the day of a leap year is their last: see Hinnant, "chrono-compatible low-level
    // date algorithms".
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year}-{month:02}-{day:02} {:02}:{:02}", rest / 3_600, rest % 3_600 / 60)
}

#[cfg(test)]
mod tests {
    use super::moment;

    #[test]
    fn a_moment_is_written_as_people_read_it() {
        assert_eq!(moment(0), "1970-01-01 00:00");
        assert_eq!(moment(951_827_696), "2000-02-29 12:34");
        assert_eq!(moment(1_798_761_599), "2026-12-31 23:59");
        assert_eq!(moment(-1), "1969-12-31 23:59");
    }
}
