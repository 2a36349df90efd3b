//! What the user wants of the access control list.

use std::collections::BTreeSet;

use phoenix_core::{
    Requirement, Resource, ResourceId, Stage,
    object::{Values, grant_name},
};
use serde::{Deserialize, Serialize};

/// The entries of the access control list that shall be there. Entries of others stay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AclSpec {
    /// The node that has the record of what is Phoenix's.
    pub node: String,
    /// The entries.
    #[serde(default)]
    pub grants: Vec<Grant>,
    /// What must be there before.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub dependencies: BTreeSet<ResourceId>,
}

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The path.
    pub path: String,
    /// What sort of holder it is.
    #[serde(rename = "type")]
    pub holder: Holder,
    /// Who has it: a user, a group or a token.
    pub name: String,
    /// The role.
    pub role: String,
    /// It holds for what is below the path too.
    pub propagate: bool,
}

/// Who can have a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Holder {
    /// A user.
    User,
    /// A group.
    Group,
    /// An API token.
    Token,
}

impl AclSpec {
    /// Returns the id of the list.
    pub fn list() -> ResourceId {
        ResourceId::new(Self::KIND, "cluster")
    }
}

impl Grant {
    /// Returns the entry's name in the list.
    pub fn key(&self) -> String {
        grant_name(&self.path, self.holder.as_str(), &self.name, &self.role)
    }

    /// Returns the entry as the API gives it.
    pub fn values(&self) -> Values {
        let propagate = if self.propagate { "1" } else { "0" };
        let pairs = [
            ("path", self.path.as_str()),
            ("propagate", propagate),
            ("roleid", &self.role),
            ("type", self.holder.as_str()),
            ("ugid", &self.name),
        ];
        pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }
}

impl Holder {
    /// Returns PVE's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Token => "token",
        }
    }
}

impl Resource for AclSpec {
    const KIND: &'static str = "acl";

    fn id(&self) -> ResourceId {
        Self::list()
    }

    fn requires(&self) -> Vec<Requirement> {
        Requirement::all(&self.dependencies, Stage::Create)
    }

    fn is_apart(&self) -> bool {
        true
    }
}
