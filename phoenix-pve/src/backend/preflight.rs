//! The preflight: what of a plan the caller may not do, all of it, before anything is touched. One call tells what was
//! granted; what nobody but `root@pam` may do needs none.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_core::{BackendError, Diagnostic, Diagnostics, Plan, Step, StepId};

use super::PveBackend;
use crate::{
    error::PveError,
    privileges::{Demanded, Granted, Need, RootOnly, World, grant, of_action},
    transport::Caller,
};

/// How many commands a hint names.
const COMMANDS: usize = 3;

impl PveBackend {
    /// Returns a finding for each step that the caller may not do.
    pub(super) async fn check_privileges(&self, plan: &Plan) -> Result<Diagnostics, BackendError> {
        let caller = self.client.caller();
        let mut findings: Diagnostics = self.unknown().iter().map(|what| unknown(what)).collect();
        if caller.may_everything() || plan.steps.is_empty() {
            return Ok(findings);
        }
        let mut world = World::new(&self.node);
        for place in self.all_places() {
            world.place(place.guest.vmid, &place.node, place.storage.as_deref());
        }
        world.learn(&plan.steps);
        let demanded: Vec<(&Step, Demanded)> =
            plan.steps.iter().map(|step| (step, of_action(&step.action, &world))).collect();
        let mut missing: BTreeMap<&StepId, Vec<&Need>> = BTreeMap::new();
        if demanded.iter().any(|(_, demanded)| !demanded.needs.is_empty()) {
            let granted = self.granted().await?;
            for (step, demanded) in &demanded {
                let lacks: Vec<_> = demanded.needs.iter().filter(|need| !granted.meets(need)).collect();
                if !lacks.is_empty() {
                    missing.insert(&step.id, lacks);
                }
            }
        }
        for (step, demanded) in &demanded {
            if let Some(needs) = missing.get(&step.id) {
                findings.push(lacking(&step.id, needs, &caller));
            }
            if !demanded.root.is_empty() {
                findings.push(root_only(&step.id, &demanded.root, &caller));
            }
        }
        Ok(findings)
    }

    async fn granted(&self) -> Result<&Granted, PveError> {
        let ask = || async {
            let data = self.client.get("/access/permissions", Vec::new()).await?;
            Ok(Granted::read(&data))
        };
        self.granted.get_or_try_init(ask).await
    }
}

fn unknown(what: &str) -> Diagnostic {
    Diagnostic::note("unknown-answer", format!("the host answered something that is not known here: {what}"))
        .with_hint(
            "`phoenix node record` keeps what a host answers, for a report; what is known of it is used",
        )
}

fn lacking(step: &StepId, needs: &[&Need], caller: &Caller) -> Diagnostic {
    let who = caller.name();
    let sentences: Vec<_> = needs.iter().map(|need| need.sentence()).collect();
    let message = format!("`{step}` needs {}, which `{who}` does not have", list(&sentences));
    let mut paths: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for least in needs.iter().filter_map(|need| need.0.first()) {
        paths.entry(&least.path).or_default().extend(&least.privileges);
    }
    let commands: Vec<_> = paths.iter().take(COMMANDS).map(|(path, names)| give(path, names, who)).collect();
    let more = if paths.len() > COMMANDS { ", and more of that sort" } else { "" };
    let apart = match caller {
        Caller::Token(_) => "; a token with privilege separation has nothing that its user has not",
        Caller::User(_) | Caller::Nobody => "",
    };
    Diagnostic::error("missing-privilege", message).with_hint(format!(
        "on the host, {}{more}; `phoenix explain --privileges` prints the least roles{apart}",
        list(&commands)
    ))
}

fn root_only(step: &StepId, root: &BTreeSet<RootOnly>, caller: &Caller) -> Diagnostic {
    let what: Vec<_> = root.iter().map(|one| one.what.clone()).collect();
    let message = format!(
        "`{step}` sets {}, which Proxmox VE lets only `root@pam` do with a password, and not `{}`",
        list(&what),
        caller.name()
    );
    let commands: Vec<_> =
        root.iter().filter_map(|one| one.instead.as_ref()).map(|command| format!("`{command}`")).collect();
    Diagnostic::error("root-only", message).with_hint(format!(
        "log in as `root@pam` (`PHOENIX_PASSWORD` in place of `PHOENIX_TOKEN`); or make the guest without, and type {} on its node",
        list(&commands)
    ))
}

/// Returns the command that gives privileges on a path: with a role that Proxmox VE brings along, where one has them.
fn give(path: &str, privileges: &BTreeSet<&str>, who: &str) -> String {
    let area = path.split('/').find(|part| !part.is_empty()).unwrap_or("root");
    let role = match area {
        "vms" => "PVEVMAdmin",
        "storage" => "PVEDatastoreAdmin",
        "sdn" => "PVESDNUser",
        "mapping" => "PVEMappingUser",
        _ => {
            let names: Vec<_> = privileges.iter().copied().collect();
            let role = format!("phoenix-{area}");
            let add = format!("pveum role add {role} --privs '{}'", names.join(","));
            return format!("`{add}` and `{}`", grant(path, who, &role));
        }
    };
    format!("`{}`", grant(path, who, role))
}

fn list(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
