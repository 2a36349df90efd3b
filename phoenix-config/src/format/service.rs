//! Services of guests, and how they are published.

use phoenix_core::network::{Reach, Scheme};
use schemars::JsonSchema;
use serde::Deserialize;

use super::id::Id;

/// A service of a guest. Names, routes, certificates and openings of the firewall follow from it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServiceEntry {
    /// The port that the guest serves it on.
    #[schemars(range(min = 1, max = 65535))]
    pub(crate) port: u32,
    /// The name that it is reached by: a label below the host's domain, or a name in full; the service's own name if not
    /// given.
    #[schemars(extend("format" = "domain"))]
    pub(crate) host: Option<String>,
    /// Further names, written as `host`.
    #[serde(default)]
    #[schemars(extend("items" = { "type": "string", "format": "domain" }))]
    pub(crate) aliases: Vec<String>,
    /// `proxied` (the default): the names lead to the router, which ends TLS and passes requests on. `direct`: they lead
    /// to the guest itself.
    #[serde(default)]
    #[schemars(with = "Option<ReachWord>")]
    pub(crate) reach: Reach,
    /// `http` (the default), `https` (by a certificate of the lab's own authority), `tcp` or `udp`.
    #[serde(default)]
    #[schemars(with = "Option<SchemeWord>")]
    pub(crate) scheme: Scheme,
    /// Clients outside reach it too, through the gateway; so it is for what is proxied, unless this says `false`.
    pub(crate) outside: Option<bool>,
    /// Who may come straight to it: addresses, networks, and vmids of guests. What is direct is open to the network of
    /// the guests if nobody is named.
    #[serde(default)]
    #[schemars(extend("items" = { "anyOf": [
        { "type": "integer", "minimum": 100, "maximum": 999_999_999 },
        { "type": "string", "format": "firewall-address" },
    ] }))]
    pub(crate) from: Vec<ClientEntry>,
    /// A path that answers while it is well; `/` if not given.
    #[schemars(extend("format" = "absolute-path"))]
    pub(crate) health: Option<String>,
}

/// Who comes to a service.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum ClientEntry {
    /// A guest.
    Guest(u32),
    /// An address or network.
    Net(String),
}

/// The words of [`Reach`].
#[derive(JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(dead_code, reason = "for the schema")]
enum ReachWord {
    Proxied,
    Direct,
}

/// The words of [`Scheme`].
#[derive(JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(dead_code, reason = "for the schema")]
enum SchemeWord {
    Http,
    Https,
    Tcp,
    Udp,
}

/// How services are published. TLS of what is proxied ends at the gateway for clients outside, and at the router for those
/// inside.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PublishingEntry {
    /// The guest that takes what comes from outside; it gets the feature `nginx`.
    pub(crate) gateway: Option<Id>,
    /// The guest that routes by host name; it gets the feature `traefik`.
    pub(crate) router: Option<Id>,
    /// The guest that the certificate authority lives in; it has the feature `step-ca`.
    pub(crate) authority: Option<Id>,
    /// The address at which the outside reaches the gateway: what published names are for those outside.
    #[schemars(extend("format" = "ipv4"))]
    pub(crate) outside_address: Option<String>,
    /// An address of the host at which those outside ask it for names; they are told nothing but the published ones. If
    /// none is given, names outside are somebody else's to tell.
    #[schemars(extend("format" = "ipv4"))]
    pub(crate) outside_listen: Option<String>,
    /// The addresses and networks from which the host is administered; the network of the guests if there are none. The
    /// firewall never shuts them out.
    #[serde(default)]
    #[schemars(extend("items" = { "type": "string", "format": "firewall-address" }))]
    pub(crate) management: Vec<String>,
    /// How long certificates are good, in hours; 720 if not given. They are renewed when a third is left.
    #[schemars(range(min = 1, max = 87600))]
    pub(crate) certificate_hours: Option<u32>,
}
