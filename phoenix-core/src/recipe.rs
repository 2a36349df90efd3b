//! A recipe: a feature that is written as one function, which goes through what its site shall have with a draft. The
//! draft collects both the questions and the missing steps.

use std::collections::BTreeMap;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    artifact::Artifact,
    claim::Claim,
    diagnostic::Diagnostics,
    draft::Draft,
    facts::Facts,
    feature::{Descriptor, Feature, Leftover, decode},
    id::Site,
    plan::Step,
    probe::Probe,
    problem::{Problem, Problems},
};

/// A feature that is written as one function. Its configuration needs no key for artifacts: the draft knows which the site
/// has instead of those that the descriptor pins. It is made of functions and not of closures, so that there is nothing but
/// their arguments that a plan could come from.
pub struct Recipe<C> {
    descriptor: Descriptor,
    problems: fn(&C) -> Problems,
    artifacts: Option<fn(&C) -> Vec<Artifact>>,
    claims: fn(&C) -> Vec<Claim>,
    draft: fn(&mut Draft<'_>, &C),
    leftovers: Option<fn(&mut Draft<'_>, &C)>,
}

/// What the planner fills in: see [`Descriptor::artifacts`].
#[derive(Deserialize)]
struct Chosen {
    artifacts: BTreeMap<String, Artifact>,
}

impl<C> Recipe<C> {
    /// Returns a recipe: the function goes through what the site shall have, and asks the draft for everything that it
    /// wants to know.
    pub fn new(descriptor: Descriptor, draft: fn(&mut Draft<'_>, &C)) -> Self {
        Self {
            descriptor,
            problems: |_| Problems::default(),
            artifacts: None,
            claims: |_| Vec::new(),
            draft,
            leftovers: None,
        }
    }

    /// Has a function say what is wrong with a configuration as a whole. If anything is, nothing is asked or planned.
    #[must_use]
    pub fn checked_by(mut self, problems: fn(&C) -> Problems) -> Self {
        self.problems = problems;
        self
    }

    /// Has a function say which artifacts a configuration names, beside those of the descriptor.
    #[must_use]
    pub fn installing(mut self, artifacts: fn(&C) -> Vec<Artifact>) -> Self {
        self.artifacts = Some(artifacts);
        self
    }

    /// Has a function go through what there is and is declared no more, and [leave](Draft::leave) it.
    #[must_use]
    pub fn leaving(mut self, leftovers: fn(&mut Draft<'_>, &C)) -> Self {
        self.leftovers = Some(leftovers);
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
        let (config, artifacts) = self.decode(config)?;
        let mut draft = Draft::new(site, name, facts).with_artifacts(artifacts);
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

    /// Returns what the configuration says, and what the site has instead of pinned artifacts.
    fn decode(&self, config: &Value) -> Result<(C, BTreeMap<String, Artifact>), Diagnostics> {
        let name = &self.descriptor.name;
        let installs_none = self.descriptor.artifacts.is_empty() && self.artifacts.is_none();
        if installs_none || config.get("artifacts").is_none() {
            return Ok((decode(name, config)?, BTreeMap::new()));
        }
        let Chosen { artifacts } = decode(name, config)?;
        let mut own = config.clone();
        own.as_object_mut().map(|keys| keys.remove("artifacts"));
        Ok((decode(name, &own)?, artifacts))
    }
}

impl<C: DeserializeOwned> Feature for Recipe<C> {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn artifacts(&self, config: &Value) -> Vec<Artifact> {
        let mut all = self.descriptor.artifacts.clone();
        if let Some(artifacts) = self.artifacts
            && let Ok((config, _)) = self.decode(config)
        {
            all.extend(artifacts(&config));
        }
        all
    }

    fn claims(&self, config: &Value) -> Result<Vec<Claim>, Diagnostics> {
        Ok((self.claims)(&self.decode(config)?.0))
    }

    fn probes(&self, site: &Site, config: &Value, known: &Facts) -> Result<Vec<Probe>, Diagnostics> {
        Ok(self.draft(site, config, known)?.into_probes())
    }

    fn plan(&self, site: &Site, config: &Value, facts: &Facts) -> Result<Vec<Step>, Diagnostics> {
        self.draft(site, config, facts)?.into_steps()
    }

    fn notes(&self, site: &Site, config: &Value, facts: &Facts) -> Diagnostics {
        self.draft(site, config, facts).map_or_else(|_| Diagnostics::new(), Draft::into_notes)
    }

    fn leftovers(&self, site: &Site, config: &Value, facts: &Facts) -> Vec<Leftover> {
        let Some(leftovers) = self.leftovers else { return Vec::new() };
        let Ok((config, _)) = self.decode(config) else { return Vec::new() };
        let mut draft = Draft::new(site, &self.descriptor.name, facts);
        leftovers(&mut draft, &config);
        draft.into_leftovers()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        action::Action,
        artifact::{Artifact, Source},
        id::GuestId,
    };

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Config {
        number: u32,
    }

    fn pinned() -> Artifact {
        let source = Source::Url("https://example.com/tool".to_owned());
        Artifact { name: "tool".into(), version: "1".into(), source, sha256: "aa".into(), unpack: None }
    }

    fn problems(config: &Config) -> Problems {
        let mut problems = Problems::default();
        if config.number > 2 {
            problems.add("/number", "it is too large");
            problems.refuse("/number", "it is odd", "write 2");
        }
        problems
    }

    fn draft(draft: &mut Draft<'_>, _: &Config) {
        draft.artifact(&pinned(), "/usr/bin/tool", 0o755, []);
    }

    fn feature(artifacts: impl IntoIterator<Item = Artifact>) -> Box<dyn Feature> {
        let descriptor = Descriptor::new("tool", "installs a tool", json!({})).with_artifacts(artifacts);
        Box::new(Recipe::new(descriptor, draft).checked_by(problems))
    }

    fn site() -> Site {
        Site::Guest(GuestId::lxc(101))
    }

    #[test]
    fn what_a_site_has_instead_of_an_artifact_is_installed_and_is_no_key_of_the_configuration() {
        let own = Artifact { version: "2".into(), ..pinned() };
        let config = json!({"number": 1, "artifacts": {"tool": own}});
        let steps = feature([pinned()]).plan(&site(), &config, &Facts::new()).unwrap();
        assert!(matches!(&steps[0].action, Action::InstallArtifact { artifact, .. } if *artifact == own));
        assert_eq!(feature([pinned()]).claims(&config).unwrap(), []);
        let broken = json!({"number": 1, "artifacts": {"tool": {"version": 2}}});
        let findings = feature([pinned()]).plan(&site(), &broken, &Facts::new()).unwrap_err();
        assert!(findings.0[0].place.as_ref().unwrap().path.starts_with("/artifacts/tool"), "{findings:?}");
        // Who pins nothing has no such key.
        assert!(feature([]).plan(&site(), &config, &Facts::new()).is_err());
    }

    #[test]
    fn a_configuration_can_name_artifacts_itself() {
        let named = |config: &Config| vec![Artifact { name: format!("tool-{}", config.number), ..pinned() }];
        let recipe = Recipe::new(Descriptor::new("tool", "installs a tool", json!({})), draft);
        let recipe = recipe.installing(named);
        assert_eq!(recipe.artifacts(&json!({"number": 2}))[0].name, "tool-2");
        assert_eq!(recipe.artifacts(&json!({"number": "none"})), []);
        let own = Artifact { version: "2".into(), ..pinned() };
        let config = json!({"number": 1, "artifacts": {"tool": own}});
        let steps = recipe.plan(&site(), &config, &Facts::new()).unwrap();
        assert!(matches!(&steps[0].action, Action::InstallArtifact { artifact, .. } if *artifact == own));
    }

    #[test]
    fn all_problems_are_told_at_once_and_then_nothing_is_asked() {
        let config = json!({"number": 3});
        assert_eq!(feature([]).probes(&site(), &config, &Facts::new()).unwrap(), []);
        let findings = feature([]).plan(&site(), &config, &Facts::new()).unwrap_err();
        let told: Vec<_> =
            findings.iter().map(|found| (found.message.as_str(), found.hint.as_deref().unwrap())).collect();
        let explained = "`phoenix explain tool` shows what each key means";
        let wanted =
            [("feature `tool`: it is too large", explained), ("feature `tool`: it is odd", "write 2")];
        assert_eq!(told, wanted);
    }
}
