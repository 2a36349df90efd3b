//! The marker: how Phoenix knows its own guests. It is a line at the end of a guest's description, a comment in
//! PVE's Markdown, and holds what was true when the guest was made and last completed. It is no state file: without
//! it Phoenix would merely look again, and treat the guest as foreign.

use serde::{Deserialize, Serialize};

use crate::{id::Vmid, layer::LayerId};

const OPEN: &str = "<!-- phoenix ";
const CLOSE: &str = " -->";

/// What Phoenix writes down at a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// The guest's own vmid: a hand-made clone carries its source's number and so is not mistaken for Phoenix's.
    pub vmid: Vmid,
    /// The identity of the layer that it was cloned from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<LayerId>,
    /// The identity of its own layer, once complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<LayerId>,
    /// The identity of the features that it was completed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<LayerId>,
}

impl Marker {
    /// Returns the marker of a guest that is about to be made.
    pub fn new(vmid: Vmid, base: Option<LayerId>) -> Self {
        Self { vmid, base, layer: None, features: None }
    }

    /// Returns the description that holds the user's text and the marker.
    pub fn describe(&self, text: &str) -> String {
        let json = serde_json::to_string(self).expect("a marker has only text keys");
        let text = text.trim_end();
        let gap = if text.is_empty() { "" } else { "\n\n" };
        format!("{text}{gap}{OPEN}{json}{CLOSE}")
    }

    /// Splits a description into the user's text and the marker, if there is one.
    pub fn parse(description: &str) -> (String, Option<Self>) {
        let Some(start) = description.rfind(OPEN) else {
            return (description.trim_end().to_owned(), None);
        };
        let body = &description[start + OPEN.len()..];
        let marker = body.find(CLOSE).and_then(|end| serde_json::from_str(&body[..end]).ok());
        match marker {
            Some(marker) => (description[..start].trim_end().to_owned(), Some(marker)),
            None => (description.trim_end().to_owned(), None),
        }
    }
}
