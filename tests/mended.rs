//! What every feature is held to beside its goldens: nothing is planned where the facts agree, what is broken is mended
//! and nothing else, and what cannot be is refused. The crates of features include this file beside `settled.rs`.

use phoenix_core::{Evidence, Facts, Feature, Probe, Site};
use serde_json::Value;

use crate::settled::{refused, settled, verbs};

/// Holds that nothing is left of a plan that was carried out, and that each thing that is broken then is mended by these
/// steps and no others.
pub(crate) fn mends<'v>(
    feature: &dyn Feature,
    site: &Site,
    config: &Value,
    broken: impl IntoIterator<Item = (Probe, Evidence, Vec<&'v str>)>,
) {
    let healthy = settled(feature, site, config, &Facts::new());
    assert_eq!(verbs(feature, site, config, &healthy), Vec::<String>::new());
    for (probe, evidence, expected) in broken {
        let mut facts = healthy.clone();
        facts.insert(probe, evidence);
        assert_eq!(verbs(feature, site, config, &facts), expected);
    }
}

/// Holds that each of these configurations is refused in these words.
pub(crate) fn refuses<'s>(
    feature: &dyn Feature,
    site: &Site,
    wrong: impl IntoIterator<Item = (Value, &'s str)>,
) {
    for (config, says) in wrong {
        let found = refused(feature, site, &config, &Facts::new()).join("\n");
        assert!(found.contains(says), "{says}: {found}");
    }
}
