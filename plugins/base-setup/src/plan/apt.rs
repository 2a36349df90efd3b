//! Sources of packages, and the way to them: written before anything is installed. A source that is no longer declared is
//! not known here, and stays.

use std::collections::BTreeSet;

use phoenix_core::{Draft, Problems, StepId, draft::File};

use crate::config::{Config, apt};

const PROXY: &str = "/etc/apt/apt.conf.d/90phoenix-proxy";

pub(super) fn check(problems: &mut Problems, config: &Config) {
    let mut seen = BTreeSet::new();
    for (index, source) in config.apt_sources.iter().enumerate() {
        let is_new = seen.insert(&source.name);
        let twice = || (!is_new).then(|| ("name", "it is there twice".to_owned()));
        if let Some((key, fault)) = source.fault().or_else(twice) {
            let message = format!("the source `{}` cannot be: {fault}", source.name);
            let hint = format!("mend `{key}` of that entry of `apt_sources`");
            problems.refuse(format!("/apt_sources/{index}/{key}"), message, hint);
        }
    }
}

/// Returns the steps that installing waits for.
pub(super) fn draft(draft: &mut Draft<'_>, config: &Config) -> Vec<StepId> {
    let mut steps = Vec::new();
    for source in &config.apt_sources {
        let verb = format!("write-apt-source-{}", source.name);
        steps.extend(draft.write(&verb, File::text(&source.path(), source.text()), []));
    }
    steps.extend(match &config.apt_proxy {
        // Somebody's name and password may be in it; apt fetches as another user, but reads its settings as root.
        Some(address) => {
            draft.write("write-apt-proxy", File::text(PROXY, apt::proxy(address)).with_mode(0o600), [])
        }
        None => draft.removed("remove-apt-proxy", PROXY, "there is no `apt_proxy` any more", []),
    });
    steps
}
