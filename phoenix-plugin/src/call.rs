//! A call and its answer, as JSON. Both are data: the same call has the same answer, on every machine and at any time.

use phoenix_core::{Claim, Diagnostics, Facts, Probe, Site, Step};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a plugin is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The feature that shall answer.
    pub feature: String,
    /// The configuration that the user wrote for it; an object.
    pub config: Value,
    /// The question.
    #[serde(flatten)]
    pub question: Question,
}

/// The question of a call: one of the methods of [`Feature`](phoenix_core::Feature).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "kebab-case")]
pub enum Question {
    /// What the feature needs of its guest.
    Claims,
    /// What it must know, given what is known.
    Probes {
        /// Where it lives.
        site: Site,
        /// What is known: the answers to those of its probes that it may ask.
        facts: Facts,
    },
    /// Which steps are missing.
    Plan {
        /// Where it lives.
        site: Site,
        /// What is known.
        facts: Facts,
    },
}

/// What a plugin answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// To [`Question::Claims`].
    Claims(Vec<Claim>),
    /// To [`Question::Probes`].
    Probes(Vec<Probe>),
    /// To [`Question::Plan`].
    Steps(Vec<Step>),
    /// To any: why there is no answer.
    Findings(Diagnostics),
}

impl Answer {
    /// Returns the word that its JSON begins with.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Claims(_) => "claims",
            Self::Probes(_) => "probes",
            Self::Steps(_) => "steps",
            Self::Findings(_) => "findings",
        }
    }
}

impl Question {
    /// Returns the word that its answer begins with.
    pub fn answer(&self) -> &'static str {
        match self {
            Self::Claims => "claims",
            Self::Probes { .. } => "probes",
            Self::Plan { .. } => "steps",
        }
    }
}
