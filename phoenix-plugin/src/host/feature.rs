//! A feature of a plugin: every question is a call, and nothing that comes back goes on without being held against the
//! grant.

use std::{collections::BTreeSet, sync::Arc};

use phoenix_core::{
    Claim, Descriptor, Diagnostic, Diagnostics, Facts, Feature, Phase, Place, Probe, ResourceId, Site, Step,
    StepId,
};
use serde_json::Value;

use super::{
    grant::Wanted,
    need::{Need, Refusal},
    plugin::Plugin,
};
use crate::{
    call::{Answer, Call, Question},
    manifest::is_name,
};

/// A feature of a plugin.
pub struct PluginFeature {
    plugin: Arc<Plugin>,
    descriptor: Descriptor,
}

impl PluginFeature {
    pub(super) fn new(plugin: Arc<Plugin>, descriptor: Descriptor) -> Self {
        Self { plugin, descriptor }
    }

    fn ask(&self, config: &Value, question: Question) -> Result<Answer, Diagnostics> {
        let wanted = question.answer();
        let call = Call { feature: self.descriptor.name.clone(), config: config.clone(), question };
        match self.plugin.call(&call).map_err(|error| Diagnostics::from(error.finding()))? {
            Answer::Findings(findings) => Err(self.own(findings)),
            answer if answer.word() == wanted => Ok(answer),
            answer => {
                Err(self
                    .improper(format!("it answers with `{}` where `{wanted}` are asked for", answer.word())))
            }
        }
    }

    /// Returns the plugin's findings as findings about its feature: they neither name files nor steer a terminal.
    fn own(&self, findings: Diagnostics) -> Diagnostics {
        let plain =
            |text: String| -> String { text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect() };
        let own = findings.into_iter().map(|finding| Diagnostic {
            code: if is_name(&finding.code) { finding.code } else { "plugin-finding".into() },
            message: plain(finding.message),
            hint: finding.hint.map(plain),
            place: finding.place.map(|place| Place { path: plain(place.path), ..Place::default() }),
            severity: finding.severity,
        });
        let own: Diagnostics = own.collect();
        match own.has_errors() {
            true => own,
            false => {
                let said: Vec<_> = own.iter().map(|finding| format!("`{}`", finding.message)).collect();
                let text = format!("it has no answer and no error, but says: {}", said.join(", "));
                self.improper(text)
            }
        }
    }

    fn improper(&self, why: String) -> Diagnostics {
        let name = self.plugin.grant().plugin.clone();
        super::PluginError::Answer { name, why }.finding().into()
    }

    /// Returns those answers that the plugin may have asked for.
    fn facts(&self, site: &Site, config: &Value, facts: &Facts) -> Facts {
        let may_know = |probe: &Probe| {
            Need::of_probe(probe, site)
                .is_ok_and(|needs| needs.iter().all(|need| self.plugin.grant().allows(need, config)))
        };
        facts
            .at_site(site)
            .filter(|(probe, _)| may_know(probe))
            .map(|(probe, evidence)| (probe.clone(), evidence.clone()))
            .collect()
    }

    fn within_grant<T>(&self, answer: T, wanted: &Wanted, site: Option<&Site>) -> Result<T, Diagnostics> {
        match self.plugin.grant().finding(wanted, site) {
            None => Ok(answer),
            Some(finding) => Err(finding.into()),
        }
    }
}

impl Feature for PluginFeature {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn claims(&self, config: &Value) -> Result<Vec<Claim>, Diagnostics> {
        let Answer::Claims(claims) = self.ask(config, Question::Claims)? else { return Ok(Vec::new()) };
        let mut wanted = Wanted::default();
        for claim in &claims {
            self.plugin.grant().hold("a claim", Ok(vec![Need::of_claim(claim)]), config, &mut wanted);
        }
        self.within_grant(claims, &wanted, None)
    }

    fn probes(&self, site: &Site, config: &Value, known: &Facts) -> Result<Vec<Probe>, Diagnostics> {
        let question = Question::Probes { site: site.clone(), facts: self.facts(site, config, known) };
        let Answer::Probes(probes) = self.ask(config, question)? else { return Ok(Vec::new()) };
        let mut wanted = Wanted::default();
        for probe in &probes {
            self.plugin.grant().hold("a probe", Need::of_probe(probe, site), config, &mut wanted);
        }
        self.within_grant(probes, &wanted, Some(site))
    }

    fn plan(&self, site: &Site, config: &Value, facts: &Facts) -> Result<Vec<Step>, Diagnostics> {
        let question = Question::Plan { site: site.clone(), facts: self.facts(site, config, facts) };
        let Answer::Steps(steps) = self.ask(config, question)? else { return Ok(Vec::new()) };
        let mut wanted = Wanted::default();
        let ids: BTreeSet<&StepId> = steps.iter().map(|step| &step.id).collect();
        for step in &steps {
            let what = format!("the step `{}`", step.id);
            let needs = in_place(step, site, &self.descriptor.name, &ids)
                .and_then(|()| Need::of_action(&step.action, site));
            self.plugin.grant().hold(&what, needs, config, &mut wanted);
        }
        self.within_grant(steps, &wanted, Some(site))
    }
}

/// Checks what of a step is not its action: that it is the feature's own, of its site, in a phase of features.
fn in_place(step: &Step, site: &Site, feature: &str, own: &BTreeSet<&StepId>) -> Result<(), Refusal> {
    let resource = match site {
        Site::Guest(guest) => guest.resource(),
        Site::Host(name) => ResourceId::new("host", name),
    };
    if step.resource != resource {
        return Err(Refusal(format!("it works for `{}` instead of `{resource}`", step.resource)));
    }
    if StepId::new(&resource, feature, step.id.verb()) != step.id {
        return Err(Refusal(format!("its id is not of the form `{resource}:{feature}:verb`")));
    }
    if let Some(other) = step.after.iter().find(|after| !own.contains(after)) {
        return Err(Refusal(format!("it goes after `{other}`, which is no step of the same answer")));
    }
    match step.phase {
        Phase::Provision | Phase::Verify => Ok(()),
        Phase::Remove | Phase::Create | Phase::Configure | Phase::Power | Phase::Seal => {
            Err(Refusal("its phase is neither `provision` nor `verify`".to_owned()))
        }
    }
}
