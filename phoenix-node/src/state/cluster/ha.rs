//! High availability: the guests that it manages, and the rules on where they run.

use phoenix_core::GuestKind;
use serde::{Deserialize, Serialize};

use crate::state::sections::{Section, Sections};

/// High availability.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Ha {
    /// The managed guests, by `ct:100` or `vm:101`.
    pub(crate) resources: Sections,
    pub(crate) rules: Sections,
    /// Whether it is disarmed, and what its guests do then.
    pub(crate) disarmed: Option<String>,
}

impl Ha {
    /// Returns what is said of a guest.
    pub(crate) fn resource(&self, kind: GuestKind, vmid: u32) -> Option<&Section> {
        self.resources.get(&sid(kind, vmid))
    }

    /// Tells whether a guest is started and stopped by the manager alone.
    pub(crate) fn manages(&self, kind: GuestKind, vmid: u32) -> bool {
        self.resource(kind, vmid).is_some_and(|section| request(section) != "ignored")
    }

    /// Takes a guest out, and out of all rules; a rule on nothing goes too. Tells whether it was there.
    pub(crate) fn forget(&mut self, sid: &str) -> bool {
        let named: Vec<Section> =
            self.rules.iter().filter(|rule| members(rule).any(|name| name == sid)).cloned().collect();
        for mut rule in named {
            let rest: Vec<&str> = members(&rule).filter(|name| *name != sid).collect();
            let rest = rest.join(",");
            if rest.is_empty() {
                self.rules.remove(&rule.id);
            } else {
                rule.values.insert("resources".to_owned(), rest.into());
                self.rules.put(rule);
            }
        }
        self.resources.remove(sid).is_some()
    }

    /// Returns the word that lists show for a guest.
    pub(crate) fn state_word(&self, kind: GuestKind, vmid: u32) -> Option<&'static str> {
        let section = self.resource(kind, vmid)?;
        Some(if request(section) == "ignored" { "ignored" } else { "queued" })
    }
}

/// Returns the state that is wanted of a guest.
pub(crate) fn request(section: &Section) -> &str {
    match section.str("state") {
        None | Some("enabled") => "started",
        Some("disabled") => "stopped",
        Some(state) => state,
    }
}

/// Returns the guests that a rule is about.
pub(crate) fn members(rule: &Section) -> impl Iterator<Item = &str> {
    rule.str("resources").unwrap_or_default().split([',', ' ', ';']).filter(|name| !name.is_empty())
}

/// Returns the name of a guest among the resources.
pub(crate) fn sid(kind: GuestKind, vmid: u32) -> String {
    match kind {
        GuestKind::Lxc => format!("ct:{vmid}"),
        GuestKind::Vm => format!("vm:{vmid}"),
    }
}
