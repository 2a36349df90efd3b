//! The registry: the managers and features that a program has, registered by name, one line each. It is the only
//! place where typed managers become erased ones.

use std::{any::Any, collections::BTreeMap, sync::Arc};

use serde_json::Value;

use crate::{
    claim::Claim,
    diagnostic::{Diagnostic, Diagnostics, Place},
    facts::Facts,
    feature::{Feature, pointer},
    guest::{GuestSpec, Power},
    id::{ResourceId, Site},
    lifecycle::Lifecycle,
    manager::{Manager, Planned},
    plan::Step,
    probe::Probe,
    resource::{LayerSource, Requirement, Resource, Stamp},
};

/// The managers and features that a program has.
#[derive(Clone, Default)]
pub struct Registry {
    managers: BTreeMap<&'static str, Arc<dyn AnyManager>>,
    features: BTreeMap<String, Arc<dyn Feature>>,
}

impl Registry {
    /// Returns an empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a feature, if there is none of its name yet; gives it back otherwise. This is for features that a program
    /// was not assembled with.
    pub fn try_add_feature(&mut self, feature: Box<dyn Feature>) -> Result<(), Box<dyn Feature>> {
        let name = feature.descriptor().name.clone();
        match self.features.contains_key(&name) {
            true => Err(feature),
            false => {
                self.features.insert(name, feature.into());
                Ok(())
            }
        }
    }

    /// Adds the manager of a kind.
    ///
    /// # Panics
    /// If the kind has a manager already: a program is assembled wrongly, and shall not start.
    #[must_use]
    pub fn with_manager<M: Manager>(mut self, manager: M) -> Self {
        let kind = M::Spec::KIND;
        let former = self.managers.insert(kind, Arc::new(Erased(manager)));
        assert!(former.is_none(), "two managers for the kind `{kind}`");
        self
    }

    /// Adds a feature.
    ///
    /// # Panics
    /// If there is a feature of that name already: a program is assembled wrongly, and shall not start.
    #[must_use]
    pub fn with_feature(mut self, feature: Box<dyn Feature>) -> Self {
        let name = feature.descriptor().name.clone();
        let former = self.features.insert(name.clone(), feature.into());
        assert!(former.is_none(), "two features of the name `{name}`");
        self
    }

    /// Returns the feature of a name.
    pub fn feature(&self, name: &str) -> Option<&Arc<dyn Feature>> {
        self.features.get(name)
    }

    /// Goes through the features by name.
    pub fn features(&self) -> impl Iterator<Item = &Arc<dyn Feature>> {
        self.features.values()
    }

    /// Goes through the kinds that have a manager.
    pub fn kinds(&self) -> impl Iterator<Item = &'static str> {
        self.managers.keys().copied()
    }

    pub(crate) fn manager(&self, kind: &str) -> Option<&Arc<dyn AnyManager>> {
        self.managers.get(kind)
    }
}

/// A manager whose types are erased.
pub(crate) trait AnyManager: Send + Sync {
    fn decode(&self, value: &Value) -> Result<Box<dyn AnySpec>, Diagnostic>;
    fn probes(&self, id: &ResourceId, want: Option<&dyn AnySpec>, known: &Facts) -> Vec<Probe>;
    fn plan(
        &self,
        id: &ResourceId,
        want: Option<&dyn AnySpec>,
        facts: &Facts,
    ) -> Result<Planned, Diagnostics>;
    fn lifecycle(
        &self,
        id: &ResourceId,
        want: Option<&dyn AnySpec>,
        facts: &Facts,
    ) -> Result<Lifecycle, Diagnostics>;
    fn power(
        &self,
        id: &ResourceId,
        want: &dyn AnySpec,
        facts: &Facts,
        goal: Power,
    ) -> Result<Vec<Step>, Diagnostics>;
}

/// A spec whose type is erased.
pub(crate) trait AnySpec: Send + Sync {
    fn id(&self) -> ResourceId;
    fn requires(&self) -> Vec<Requirement>;
    fn site(&self) -> Option<Site>;
    fn attached_to(&self) -> Option<ResourceId>;
    fn follows(&self) -> Vec<ResourceId>;
    fn is_apart(&self) -> bool;
    fn as_guest(&self) -> Option<&GuestSpec>;
    fn accept(&mut self, claim: &Claim, by: &str) -> Result<(), Diagnostic>;
    fn layer(&self) -> Option<LayerSource>;
    fn stamp(&mut self, stamp: Stamp);
    fn to_value(&self) -> Value;
    fn as_any(&self) -> &dyn Any;
}

struct Erased<M>(M);

impl<R: Resource> AnySpec for R {
    fn id(&self) -> ResourceId {
        Resource::id(self)
    }

    fn requires(&self) -> Vec<Requirement> {
        Resource::requires(self)
    }

    fn site(&self) -> Option<Site> {
        Resource::site(self)
    }

    fn attached_to(&self) -> Option<ResourceId> {
        Resource::attached_to(self)
    }

    fn follows(&self) -> Vec<ResourceId> {
        Resource::follows(self)
    }

    fn is_apart(&self) -> bool {
        Resource::is_apart(self)
    }

    fn as_guest(&self) -> Option<&GuestSpec> {
        Resource::as_guest(self)
    }

    fn accept(&mut self, claim: &Claim, by: &str) -> Result<(), Diagnostic> {
        Resource::accept(self, claim, by)
    }

    fn layer(&self) -> Option<LayerSource> {
        Resource::layer(self)
    }

    fn stamp(&mut self, stamp: Stamp) {
        Resource::stamp(self, stamp);
    }

    fn to_value(&self) -> Value {
        serde_json::to_value(self).expect("a spec has only text keys")
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl<M: Manager> Erased<M> {
    fn spec<'a>(&self, want: Option<&'a dyn AnySpec>) -> Option<&'a M::Spec> {
        want.map(|spec| {
            spec.as_any().downcast_ref().expect("a spec goes back to the manager that decoded it")
        })
    }
}

impl<M: Manager> AnyManager for Erased<M> {
    fn decode(&self, value: &Value) -> Result<Box<dyn AnySpec>, Diagnostic> {
        match serde_path_to_error::deserialize::<_, M::Spec>(value) {
            Ok(spec) => Ok(Box::new(spec)),
            Err(error) => {
                let path = pointer(error.path());
                let mut diagnostic = Diagnostic::error("spec", format!("{}", error.inner()));
                diagnostic.place = Some(Place { path, ..Place::default() });
                Err(diagnostic)
            }
        }
    }

    fn probes(&self, id: &ResourceId, want: Option<&dyn AnySpec>, known: &Facts) -> Vec<Probe> {
        self.0.probes(id, self.spec(want), known)
    }

    fn plan(
        &self,
        id: &ResourceId,
        want: Option<&dyn AnySpec>,
        facts: &Facts,
    ) -> Result<Planned, Diagnostics> {
        self.0.plan(id, self.spec(want), self.0.observe(id, facts)?.as_ref(), facts)
    }

    fn lifecycle(
        &self,
        id: &ResourceId,
        want: Option<&dyn AnySpec>,
        facts: &Facts,
    ) -> Result<Lifecycle, Diagnostics> {
        Ok(self.0.lifecycle(self.spec(want), self.0.observe(id, facts)?.as_ref()))
    }

    fn power(
        &self,
        id: &ResourceId,
        want: &dyn AnySpec,
        facts: &Facts,
        goal: Power,
    ) -> Result<Vec<Step>, Diagnostics> {
        let want = self.spec(Some(want)).expect("a spec was given");
        self.0.power(id, want, self.0.observe(id, facts)?.as_ref(), goal)
    }
}
