//! A probe: one question to the cluster or to a site. It only asks; the evidence is the answer.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    firewall::FirewallScope,
    id::{GuestId, Site},
    object::ObjectKind,
};

/// A question. Two equal probes are one question.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "probe", rename_all = "kebab-case")]
pub enum Probe {
    /// Which nodes, with their capacity. Answer: [`Evidence::Nodes`](crate::Evidence::Nodes).
    Nodes,
    /// Every guest of the cluster, a row each, statuses live. Answer: `Guests`.
    Guests,
    /// The storages of a node, with their contents' kinds and sizes. Answer: `Storages`.
    Storages {
        /// The node; the backend's own if not given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        node: Option<String>,
    },
    /// The volumes of one storage that guests are made from (OS templates and disk images). Answer: `Volumes`.
    Volumes {
        /// The storage.
        storage: String,
        /// The node that looks; the backend's own if not given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        node: Option<String>,
    },
    /// A guest's configuration with its digest. Answer: `Config`, or `Absent`.
    Config {
        /// The guest.
        guest: GuestId,
    },
    /// A guest's snapshots. Answer: `Snapshots`, or `Absent`.
    Snapshots {
        /// The guest.
        guest: GuestId,
    },
    /// The options and rules of a firewall. Answer: `Firewall`, or `Absent` for that of a guest that is not there.
    Firewall {
        /// Whose.
        scope: FirewallScope,
    },
    /// What the rules of a firewall can name: aliases, sets of addresses, groups. Answer: `FirewallNames`, or `Absent`.
    FirewallNames {
        /// Whose.
        scope: FirewallScope,
    },
    /// All objects of a list, in one call. Answer: `Objects`.
    Objects {
        /// Which list.
        of: ObjectKind,
    },
    /// A file or directory at a site. Answer: `File`, or `Absent`.
    File {
        /// Where.
        site: Site,
        /// The absolute path.
        path: String,
    },
    /// A Debian package at a site. Answer: `Package`, or `Absent`.
    Package {
        /// Where.
        site: Site,
        /// The package's name.
        name: String,
    },
    /// A systemd unit at a site. Answer: `Unit`, or `Absent`.
    Unit {
        /// Where.
        site: Site,
        /// The unit with its suffix.
        name: String,
        /// Files that it reads: which of them are newer than its last start or reload is part of the answer.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        reads: BTreeSet<String>,
    },
    /// A user account at a site. Answer: `User`, or `Absent`.
    User {
        /// Where.
        site: Site,
        /// The login name.
        name: String,
    },
    /// What a command says. It must change nothing. Answer: `Output`; a missing program is exit status 127.
    Command {
        /// Where.
        site: Site,
        /// Program and arguments; never shell text.
        argv: Vec<String>,
    },
}

impl Probe {
    /// Returns the question about a file or directory.
    pub fn file(site: &Site, path: impl Into<String>) -> Self {
        Self::File { site: site.clone(), path: path.into() }
    }

    /// Returns the question about a package.
    pub fn package(site: &Site, name: impl Into<String>) -> Self {
        Self::Package { site: site.clone(), name: name.into() }
    }

    /// Returns the question about a unit, whatever it reads.
    pub fn unit(site: &Site, name: impl Into<String>) -> Self {
        Self::Unit { site: site.clone(), name: name.into(), reads: BTreeSet::new() }
    }

    /// Returns the question what a command says.
    pub fn command<W: Into<String>>(site: &Site, argv: impl IntoIterator<Item = W>) -> Self {
        Self::Command { site: site.clone(), argv: argv.into_iter().map(Into::into).collect() }
    }

    /// Returns the site that the question is put to, if it is not put to the cluster's API.
    pub fn site(&self) -> Option<&Site> {
        match self {
            Self::File { site, .. }
            | Self::Package { site, .. }
            | Self::Unit { site, .. }
            | Self::User { site, .. }
            | Self::Command { site, .. } => Some(site),
            Self::Nodes
            | Self::Guests
            | Self::Storages { .. }
            | Self::Volumes { .. }
            | Self::Config { .. }
            | Self::Snapshots { .. }
            | Self::Firewall { .. }
            | Self::FirewallNames { .. }
            | Self::Objects { .. } => None,
        }
    }

    /// Returns for each sort of question to a site the one that stands before all others of its sort to this site.
    pub(crate) fn least_at(site: &Site) -> [Self; 5] {
        [
            Self::file(site, ""),
            Self::package(site, ""),
            Self::unit(site, ""),
            Self::User { site: site.clone(), name: String::new() },
            Self::command::<String>(site, []),
        ]
    }
}
