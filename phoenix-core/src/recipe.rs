//! A recipe: a feature that is written as one function, which goes through what its site shall have with a draft. The
//! draft collects both the questions and the missing steps.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    claim::Claim,
    diagnostic::Diagnostics,
    draft::Draft,
    facts::Facts,
    feature::{Descriptor, Feature, decode},
    id::Site,
    plan::Step,
    probe::Probe,
    problem::{Problem, Problems},
};

/// A feature that is written as one function. It is made of functions and not of closures, so that there is nothing but
/// their arguments that a plan could come from.
pub struct Recipe<C> {
    descriptor: Descriptor,
    problems: fn(&C) -> Problems,
    claims: fn(&C) -> Vec<Claim>,
    draft: fn(&mut Draft<'_>, &C),
}

impl<C> Recipe<C> {
    /// Returns a recipe: the function goes through what the site shall have, and asks the draft for everything that it
    /// wants to know.
    pub fn new(descriptor: Descriptor, draft: fn(&mut Draft<'_>, &C)) -> Self {
        Self { descriptor, problems: |_| Problems::default(), claims: |_| Vec::new(), draft }
    }

    /// Has a function say what is wrong with a configuration as a whole. If anything is, nothing is asked or planned.
    #[must_use]
    pub fn checked_by(mut self, problems: fn(&C) -> Problems) -> Self {
        self.problems = problems;
        self
    }

    /// Has a function say what it needs of its guest.
    #[must_use]
    pub fn claiming(mut self, claims: fn(&C) -> Vec<Claim>) -> Self {
        self.claims = claims;
        self
    }
}

impl<C: DeserializeOwned> Recipe<C> {
    fn draft<'a>(
        &'a self,
        site: &'a Site,
        config: &Value,
        facts: &'a Facts,
    ) -> Result<Draft<'a>, Diagnostics> {
        let name = &self.descriptor.name;
        let config = decode(name, config)?;
        let mut draft = Draft::new(site, name, facts);
        let problems = (self.problems)(&config);
        if problems.is_empty() {
            (self.draft)(&mut draft, &config);
        }
        for Problem { pointer, message, hint } in problems {
            let hint = hint.unwrap_or_else(|| format!("`phoenix explain {name}` shows what each key means"));
            draft.refuse(&pointer, message, hint);
        }
        Ok(draft)
    }
}

impl<C: DeserializeOwned> Feature for Recipe<C> {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn claims(&self, config: &Value) -> Result<Vec<Claim>, Diagnostics> {
        Ok((self.claims)(&decode(&self.descriptor.name, config)?))
    }

    fn probes(&self, site: &Site, config: &Value, known: &Facts) -> Result<Vec<Probe>, Diagnostics> {
        Ok(self.draft(site, config, known)?.into_probes())
    }

    fn plan(&self, site: &Site, config: &Value, facts: &Facts) -> Result<Vec<Step>, Diagnostics> {
        self.draft(site, config, facts)?.into_steps()
    }
}
