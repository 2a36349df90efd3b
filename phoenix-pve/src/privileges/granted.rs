//! What somebody has, as `GET /access/permissions` tells it: privileges by path, each with whether it holds below.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Grant, Need};
use crate::lenient;

/// What somebody has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Granted(BTreeMap<String, BTreeMap<String, bool>>);

impl Granted {
    /// Reads the answer of Proxmox VE.
    pub fn read(data: &Value) -> Self {
        let privileges = |of: &Value| {
            let pairs = of.as_object().into_iter().flatten();
            pairs.map(|(name, propagates)| (name.clone(), lenient::flag(propagates))).collect()
        };
        let paths = data.as_object().into_iter().flatten();
        Self(paths.map(|(path, of)| (path.clone(), privileges(of))).collect())
    }

    /// Tells whether a need is met.
    pub fn meets(&self, need: &Need) -> bool {
        need.0.iter().any(|grant| self.has(grant))
    }

    fn has(&self, grant: &Grant) -> bool {
        grant.privileges.iter().all(|privilege| self.has_on(&grant.path, privilege))
    }

    /// Tells whether a privilege holds on a path. The nearest path that is told of decides: what is granted there
    /// takes the place of what comes from above.
    fn has_on(&self, path: &str, privilege: &str) -> bool {
        if let Some(here) = self.0.get(path) {
            return here.contains_key(privilege);
        }
        let mut path = path;
        while path != "/" {
            path = match path.rfind('/') {
                Some(0) | None => "/",
                Some(end) => &path[..end],
            };
            if let Some(above) = self.0.get(path) {
                return above.get(privilege).copied().unwrap_or(false);
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_nearest_path_decides_and_only_what_propagates_holds_below() {
        let granted = Granted::read(&json!({
            "/": {"Sys.Audit": 1},
            "/vms": {"VM.Audit": 1, "VM.Clone": 0},
            "/vms/100": {"VM.PowerMgmt": "1"},
        }));
        let has = |path: &str, name: &'static str| granted.meets(&Need::all(path, &[name]));
        assert!(has("/vms/101", "VM.Audit"));
        assert!(!has("/vms/101", "VM.Clone"), "it does not propagate");
        assert!(has("/vms", "VM.Clone"));
        assert!(!has("/vms/100", "VM.Audit"), "another role has taken its place");
        assert!(has("/vms/100", "VM.PowerMgmt"));
        assert!(has("/nodes/pve1", "Sys.Audit"));
        assert!(!has("/storage/local", "Datastore.Audit"));
    }

    #[test]
    fn one_of_several_grants_is_enough() {
        let granted = Granted::read(&json!({"/": {"Sys.Audit": 1, "Sys.Modify": 1}}));
        let either = |paths: &[(&str, &[&'static str])]| {
            Need(paths.iter().map(|(path, names)| Grant::new(*path, names)).collect())
        };
        assert!(
            granted
                .meets(&either(&[("/nodes/a", &["Sys.AccessNetwork"]), ("/", &["Sys.Audit", "Sys.Modify"])]))
        );
        assert!(
            !granted
                .meets(&either(&[("/nodes/a", &["Sys.AccessNetwork"]), ("/", &["Sys.Audit", "VM.Audit"])]))
        );
    }
}
