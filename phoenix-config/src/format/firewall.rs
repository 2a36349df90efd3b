//! Firewalls and their rules.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The firewall of a guest.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Firewall {
    /// It is switched on.
    #[serde(default)]
    pub(crate) enabled: bool,
    /// Its rules, the first match counts.
    #[serde(default)]
    pub(crate) rules: Vec<Rule>,
}

/// The firewall of the cluster.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClusterFirewall {
    /// It is switched on.
    #[serde(default)]
    pub(crate) enabled: bool,
    /// What happens to incoming packets that no rule matches.
    pub(crate) default_input_policy: Option<Verdict>,
    /// What happens to outgoing packets that no rule matches.
    pub(crate) default_output_policy: Option<Verdict>,
    /// Rules for the whole cluster.
    #[serde(default)]
    pub(crate) global_firewall_rules: Vec<Rule>,
}

/// A firewall rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The direction.
    #[serde(rename = "type")]
    pub direction: Direction,
    /// What happens.
    pub action: Verdict,
    /// The protocol; any if not given.
    #[schemars(extend("format" = "protocol"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proto: Option<String>,
    /// Addresses or networks that the packet comes from; any if not given.
    #[schemars(extend("format" = "firewall-address"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Addresses or networks that the packet goes to; any if not given.
    #[schemars(extend("format" = "firewall-address"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dest: Option<String>,
    /// Ports: one, several with commas, or a range with a colon; any if not given.
    #[schemars(extend("format" = "ports"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
    /// What it is for.
    #[schemars(extend("format" = "line"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// The direction of packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// To the guest or host.
    In,
    /// From the guest or host.
    Out,
}

/// What happens to a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// It passes.
    Accept,
    /// It is dropped in silence.
    Drop,
    /// It is refused.
    Reject,
}
