//! Sources of packages, and the way to them: written before anything is installed. A source that is no longer declared is
//! not known here, and stays.

use std::collections::BTreeSet;

use phoenix_core::{Action, Content, Diagnostic, Place, StepId};

use super::{Draft, File};
use crate::{
    config::{Config, apt},
    probes::{self, PROXY},
    setup::NAME,
};

/// Returns the steps that installing waits for.
pub(super) fn plan(draft: &mut Draft<'_>, config: &Config) -> BTreeSet<StepId> {
    let (mut steps, mut seen) = (BTreeSet::new(), BTreeSet::new());
    for (index, source) in config.apt_sources.iter().enumerate() {
        let fault = source
            .fault()
            .or_else(|| (!seen.insert(&source.name)).then(|| ("name", "it is there twice".to_owned())));
        if let Some((key, fault)) = fault {
            let message = format!("feature `{NAME}`: the source `{}` cannot be: {fault}", source.name);
            let mut finding = Diagnostic::error("feature-config", message)
                .with_hint(format!("mend `{key}` of that entry of `apt_sources`"));
            finding.place = Some(Place { path: format!("/apt_sources/{index}/{key}"), ..Default::default() });
            draft.findings.push(finding);
            continue;
        }
        let (path, content) = (source.path(), Content::Text(source.text()));
        let file = File { path: &path, content, mode: 0o644, owner: "root" };
        steps.extend(draft.write(&format!("write-apt-source-{}", source.name), file, []));
    }
    match &config.apt_proxy {
        Some(address) => {
            let content = Content::Text(apt::proxy(address));
            // Somebody's name and password may be in it; apt fetches as another user, but reads its settings as root.
            let file = File { path: PROXY, content, mode: 0o600, owner: "root" };
            steps.extend(draft.write("write-apt-proxy", file, []));
        }
        None if probes::state(draft.site, PROXY, draft.facts).is_some() => {
            let action = Action::RemoveFile { site: draft.site.clone(), path: PROXY.to_owned() };
            steps.insert(draft.add(
                "remove-apt-proxy",
                action,
                "there is no `apt_proxy` any more".to_owned(),
                [],
            ));
        }
        None => (),
    }
    steps
}
