//! When the certificates of a guest end, as `status` tells it.

use phoenix_core::{Facts, ResourceId, planner::Resolved};
use serde::Serialize;

use super::held;

/// When a certificate ends.
#[derive(Debug, Serialize)]
pub(in crate::verbs) struct Ending {
    #[serde(skip)]
    resource: ResourceId,
    name: String,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    days_left: Option<i64>,
}

/// Returns when every certificate of the configuration ends, by what facts say.
pub(in crate::verbs) fn all(resolved: &Resolved, facts: &Facts) -> Vec<Ending> {
    let ending = |held: held::Held| {
        let standing = held.standing(facts);
        Ending {
            state: standing.word(),
            expires: standing.ends.map(held::moment),
            days_left: standing.days_left(),
            resource: held.resource,
            name: held.certificate.name,
        }
    };
    held::all(resolved).into_iter().map(ending).collect()
}

impl Ending {
    /// Returns whether it is a certificate of this resource.
    pub(in crate::verbs) fn is_at(&self, id: &ResourceId) -> bool {
        self.resource == *id
    }
}

/// Returns some of them in a few words: the first that is not as it shall be, else for how long all are good, where that
/// is known.
pub(in crate::verbs) fn sentence(endings: &[Ending]) -> String {
    if let Some(bad) = endings.iter().find(|one| one.state != "ok") {
        return bad.state.to_owned();
    }
    if endings.is_empty() {
        return "-".to_owned();
    }
    match endings.iter().filter_map(|one| one.days_left).min() {
        Some(1) => "1 day".to_owned(),
        Some(days) => format!("{days} days"),
        None => "ok".to_owned(),
    }
}
