//! The seal: what a guest's marker says of its making, held against what its spec says now.

use serde_json::Value;

use super::observed::Observed;
use crate::{
    id::{ResourceId, Vmid},
    layer::{self, LayerId},
    marker::Marker,
    resource::{LayerSource, Stamp},
};

/// Whether a guest is written down as complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealing {
    /// It was never complete.
    First,
    /// It was complete with other features.
    Again,
    /// It is.
    Done,
}

/// What a marker says, and what of it is not so any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The marker as it is, or as it will be when the guest is made.
    pub marker: Marker,
    /// Whether the guest is written down as complete.
    pub sealing: Sealing,
    /// Why it would be another guest if it were made now; the end of a sentence that begins with its name.
    pub outdated: Option<String>,
    next: (Option<LayerId>, Option<LayerId>),
}

impl Record {
    /// Returns the record of a guest that is about to be made on this base.
    pub fn new(
        vmid: Vmid,
        base: Option<LayerId>,
        stamp: &Stamp,
        content: impl Fn() -> Option<LayerSource>,
    ) -> Self {
        let layer = match (&base, base == stamp.base) {
            (Some(base), false) => {
                let content = content().map_or(Value::Null, |source| source.content);
                layer::identity(Some(base.0.as_str()), &content, stamp.features.as_ref())
            }
            (Some(_) | None, _) => stamp.layer.clone(),
        };
        Self {
            marker: Marker::new(vmid, base),
            sealing: Sealing::First,
            outdated: None,
            next: (Some(layer), stamp.features.clone()),
        }
    }

    /// Reads the marker of a guest that is there and would be cloned from `parent`. Its content is only asked for
    /// where something differs.
    pub fn read(
        found: &Observed,
        stamp: &Stamp,
        parent: Option<&ResourceId>,
        content: impl Fn() -> Option<LayerSource>,
    ) -> Self {
        let vmid = found.row.guest.vmid;
        let Some(marker) = found.marker.clone() else {
            return Self::new(vmid, stamp.base.clone(), stamp, content);
        };
        let identity = |features| {
            let base = marker.base.as_ref().map(|base| base.0.clone());
            let base = base.or_else(|| parent.map(ToString::to_string));
            let content = content().map_or(Value::Null, |source| source.content);
            layer::identity(base.as_deref(), &content, features)
        };
        let has_same_features = marker.features == stamp.features;
        let sealing = match &marker.layer {
            None => Sealing::First,
            Some(_) if found.is_template() || has_same_features => Sealing::Done,
            Some(_) => Sealing::Again,
        };
        let is_current = marker.layer.as_ref() == Some(&stamp.layer);
        let has_same_content = is_current
            || marker.layer.as_ref().is_none_or(|layer| *layer == identity(marker.features.as_ref()));
        let next = match (&marker.layer, has_same_content) {
            (_, true) if marker.base == stamp.base && parent.is_none_or(|_| stamp.base.is_some()) => {
                Some(stamp.layer.clone())
            }
            (_, true) => Some(identity(stamp.features.as_ref())),
            // What it was made from is not what the spec says. The old identity keeps that in memory.
            (layer, false) => layer.clone(),
        };
        let outdated = [
            base_reason(&marker, stamp, parent),
            (!has_same_content).then(|| "was made from something else than is wanted now".to_owned()),
            (found.is_template() && !has_same_features)
                .then(|| "has other features than are wanted now".to_owned()),
        ];
        let outdated: Vec<String> = outdated.into_iter().flatten().collect();
        Self {
            next: (next, stamp.features.clone()),
            sealing,
            outdated: (!outdated.is_empty()).then(|| outdated.join(", and ")),
            marker,
        }
    }

    /// Tells whether the guest was never complete.
    pub fn is_first_seal(&self) -> bool {
        self.sealing == Sealing::First
    }

    /// Returns the marker of the complete guest.
    pub fn sealed(&self) -> Marker {
        match self.sealing {
            Sealing::Done => self.marker.clone(),
            Sealing::First | Sealing::Again => {
                let (layer, features) = self.next.clone();
                Marker { layer, features, ..self.marker.clone() }
            }
        }
    }

    /// Returns the identity of the complete guest's layer.
    pub fn layer(&self) -> LayerId {
        self.sealed().layer.unwrap_or_default()
    }
}

fn base_reason(marker: &Marker, stamp: &Stamp, parent: Option<&ResourceId>) -> Option<String> {
    match (&marker.base, &stamp.base, parent) {
        (Some(was), Some(is), Some(parent)) if was != is => {
            Some(format!("was cloned from an older `{parent}`"))
        }
        (None, Some(_), Some(parent)) => Some(format!("was not cloned from `{parent}`")),
        (Some(_), _, None) => Some("was cloned, and shall not be a clone".to_owned()),
        // The parent is not configured, or nothing differs.
        (Some(_) | None, _, _) => None,
    }
}
