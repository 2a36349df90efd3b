//! What the user wants of a user, a group or a role.

use std::{collections::BTreeSet, fmt::Debug, marker::PhantomData};

use phoenix_core::{
    ObjectKind, Requirement, Resource, ResourceId, Stage,
    object::{Secrets, Values},
};
use serde::{Deserialize, Serialize};

/// Which of the three it is.
pub trait Sort: Debug + Send + Sync + 'static {
    /// The word before the slash of its ids.
    const KIND: &'static str;
    /// The list that it stands in.
    const OF: ObjectKind;
}

/// A user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {}
/// A group of users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {}
/// A role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {}

impl Sort for User {
    const KIND: &'static str = "user";
    const OF: ObjectKind = ObjectKind::User;
}

impl Sort for Group {
    const KIND: &'static str = "group";
    const OF: ObjectKind = ObjectKind::Group;
}

impl Sort for Role {
    const KIND: &'static str = "role";
    const OF: ObjectKind = ObjectKind::Role;
}

/// A user, a group or a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound = "")]
pub struct AccessSpec<S> {
    /// Its name; that of a user with its realm.
    pub name: String,
    /// The node that has the record of it where there is no comment.
    pub node: String,
    /// Its properties in PVE's words.
    #[serde(default)]
    pub values: Values,
    /// Those that are secrets: told when it is made, and never read back.
    #[serde(default, skip_serializing_if = "Secrets::is_empty")]
    pub secrets: Secrets,
    /// One that is there and is not Phoenix's is taken over.
    #[serde(default)]
    pub adopt: bool,
    /// What must be there before.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub dependencies: BTreeSet<ResourceId>,
    #[serde(skip)]
    sort: PhantomData<fn() -> S>,
}

impl<S: Sort> Resource for AccessSpec<S> {
    const KIND: &'static str = S::KIND;

    fn id(&self) -> ResourceId {
        ResourceId::new(Self::KIND, &self.name)
    }

    fn requires(&self) -> Vec<Requirement> {
        Requirement::all(&self.dependencies, Stage::Create)
    }

    fn is_apart(&self) -> bool {
        true
    }
}
