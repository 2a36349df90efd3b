//! The manager of users, groups and roles.

use std::marker::PhantomData;

use phoenix_core::{
    Diagnostic, Diagnostics, Facts, Lifecycle, Manager, ObjectKind, Probe, ResourceId, manager::Planned,
    object::record_probe,
};

use super::{
    AccessSpec, Observed, ROOT, Sort, is_built_in,
    observed::{is_recorded, role_line},
};
use crate::object::{Owner, Wish, plan};

/// Plans users, groups or roles.
#[derive(Debug)]
pub struct Access<S>(PhantomData<fn() -> S>);

impl<S> Default for Access<S> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<S: Sort> Manager for Access<S> {
    type Spec = AccessSpec<S>;
    type Observed = Observed;

    fn probes(&self, _: &ResourceId, want: Option<&AccessSpec<S>>, _: &Facts) -> Vec<Probe> {
        let record = want.filter(|_| S::OF == ObjectKind::Role);
        let record = record.map(|want| record_probe(&want.node, &S::OF, &want.name));
        [S::OF.probe()].into_iter().chain(record).collect()
    }

    fn observe(&self, id: &ResourceId, facts: &Facts) -> Result<Option<Observed>, Diagnostics> {
        Ok(Observed::read(&S::OF, id.name(), facts))
    }

    fn plan(
        &self,
        id: &ResourceId,
        want: Option<&AccessSpec<S>>,
        found: Option<&Observed>,
        facts: &Facts,
    ) -> Result<Planned, Diagnostics> {
        // What is not declared is the inventory's to remove.
        let Some(want) = want else { return Ok(Planned::default()) };
        if let Some(finding) = untouchable(&S::OF, &want.name) {
            return Err(finding.into());
        }
        let owner = match S::OF {
            ObjectKind::Role => Owner::Record {
                node: want.node.clone(),
                lines: vec![role_line(&want.name)],
                is_there: is_recorded(&want.node, &want.name, facts),
            },
            ObjectKind::Storage
            | ObjectKind::Group
            | ObjectKind::User
            | ObjectKind::Token
            | ObjectKind::Acl
            | ObjectKind::Interface { .. }
            | ObjectKind::Volume { .. } => Owner::Comment,
        };
        let wish = Wish {
            id: id.clone(),
            kind: S::OF,
            name: &want.name,
            values: want.values.clone(),
            fixed: &[],
            secrets: want.secrets.clone(),
            is_adopted: want.adopt,
            owner,
        };
        plan(wish, found.map(|found| &found.values))
    }

    fn lifecycle(&self, _: Option<&AccessSpec<S>>, found: Option<&Observed>) -> Lifecycle {
        if found.is_some() { Lifecycle::Healthy } else { Lifecycle::Absent }
    }
}

fn untouchable(of: &ObjectKind, name: &str) -> Option<Diagnostic> {
    match of {
        ObjectKind::User if name == ROOT => Some(
            Diagnostic::error("untouchable-object", format!("`{ROOT}` is never changed"))
                .with_hint("declare a user of your own and give it the role `Administrator`"),
        ),
        ObjectKind::Role if is_built_in(name) => Some(
            Diagnostic::error("untouchable-object", format!("the role `{name}` is Proxmox VE's own"))
                .with_hint("give the role another name; names that begin with `PVE` are taken"),
        ),
        ObjectKind::User
        | ObjectKind::Role
        | ObjectKind::Storage
        | ObjectKind::Group
        | ObjectKind::Token
        | ObjectKind::Acl
        | ObjectKind::Interface { .. }
        | ObjectKind::Volume { .. } => None,
    }
}
