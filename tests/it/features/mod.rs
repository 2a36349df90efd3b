//! Features on the simulated node: the whole first plan as a golden, the laws, and what is broken on purpose is what
//! the next plan mends, and nothing else.

mod apparmor_profiles;
mod certificate;
mod disk_safety;
mod dnsmasq;
mod docker;
mod drivers;
mod drivers_converge;
mod gpu;
mod host_base;
mod llama_cpp;
mod nginx;
mod ollama;
mod portainer;
mod portainer_stacks;
mod program;
mod python_api_service;
mod qdrant;
mod recorded;
mod samba;
mod step;
mod take_back;
mod traefik;
mod trusted_ca;
mod vllm;
mod volumes;
mod zfs;

use phoenix_core::{
    Action, BackendError, Condition, Content, Evidence, Expect, FeatureUse, GuestId, Probe, Site, UnitGoal,
};
use phoenix_pve::GuestChannel;
use phoenix_tests::{
    lab::{Lab, container},
    laws,
    way::Way,
    world::{World, resolve},
};
use serde_json::{Value, json};

use crate::block_on;

/// The container that features are tried in.
const GUEST: GuestId = GuestId { kind: phoenix_core::GuestKind::Lxc, vmid: phoenix_core::Vmid(100) };

/// Returns a lab of one container that has these features.
fn lab(features: &[(&str, Value)]) -> Lab {
    let uses = features.iter().map(|(name, config)| FeatureUse::new(name, config.clone())).collect();
    let mut spec = container(GUEST.vmid.0);
    spec["guest"]["memory_mib"] = json!(65_536);
    spec["guest"]["disk_gib"] = json!(64);
    Lab::new().with("lxc", spec, uses)
}

/// Returns the text of a file, if it is there.
async fn text_of(world: &World, site: &Site, path: &str) -> Option<String> {
    match world.node.ask(site, &[Probe::file(site, path)]).await.into_iter().flatten().next() {
        Some(Evidence::File(state)) => state.text,
        _ => None,
    }
}

/// Writes a file as somebody else would.
async fn write(world: &World, site: &Site, path: &str, text: &str) {
    let action = Action::WriteFile {
        site: site.clone(),
        path: path.to_owned(),
        content: Content::Text(text.to_owned()),
        mode: 0o644,
        owner: "root".to_owned(),
        group: "root".to_owned(),
        check: Vec::new(),
    };
    world.node.act(site, &action, None).await.expect("is written");
}

/// Checks the laws on a lab, in process: what is simulated does not differ by the way to it.
fn check_laws(lab: &Lab) {
    block_on(laws::check_all(Way::InProcess, lab));
}

/// Returns the steps of the first plan that one feature makes, as a reader of the plan sees them and with their contents.
fn first_plan(lab: &Lab, feature: &str) -> Value {
    block_on(async {
        let resolved = resolve(lab).expect("a good lab");
        let plan = World::seeded(lab.seed.clone()).plan(&resolved).await.expect("a plan");
        let steps = plan.steps.iter().filter(|step| step.id.owner() == feature);
        json!(steps.collect::<Vec<_>>())
    })
}

/// Returns what is said about a lab that cannot be planned.
fn refusals(lab: &Lab) -> Vec<String> {
    findings(lab).into_iter().map(|(_, message)| message).collect()
}

/// Returns what is said about a lab that cannot be planned, with the codes.
fn findings(lab: &Lab) -> Vec<(String, String)> {
    let told = |found: &phoenix_core::Diagnostics| {
        found.iter().map(|one| (one.code.to_string(), one.message.clone())).collect()
    };
    let resolved = match resolve(lab) {
        Ok(resolved) => resolved,
        Err(found) => return told(&found),
    };
    block_on(async {
        let world = World::seeded(lab.seed.clone());
        match world.plan(&resolved).await {
            Ok(_) => Vec::new(),
            Err(found) => told(&found),
        }
    })
}

/// Something that somebody does to a guest behind Phoenix's back.
enum Harm<'a> {
    /// Writes something else into a file.
    Edit(&'a str),
    /// Removes a file.
    Remove(&'a str),
    /// Stops a unit.
    Stop(&'a str),
    /// Runs a command.
    Run(&'a str),
}

impl Harm<'_> {
    async fn done(&self, world: &World) -> Result<(), BackendError> {
        let site = Site::Guest(GUEST);
        let action = match *self {
            Self::Edit(path) => Action::WriteFile {
                site: site.clone(),
                path: path.to_owned(),
                content: Content::Text("somebody else's\n".to_owned()),
                mode: 0o644,
                owner: "root".to_owned(),
                group: "root".to_owned(),
                check: Vec::new(),
            },
            Self::Remove(path) => Action::RemoveFile { site: site.clone(), path: path.to_owned() },
            Self::Stop(unit) => Action::SetUnit {
                site: site.clone(),
                name: unit.to_owned(),
                goal: UnitGoal::Stopped,
                enabled: true,
            },
            Self::Run(line) => Action::Run {
                site: site.clone(),
                argv: line.split(' ').map(str::to_owned).collect(),
                stdin: None,
                proof: Condition::new(Probe::file(&site, "/"), Expect::Present),
            },
        };
        world.node.act(&site, &action, None).await
    }
}

/// Brings a lab up, harms it, and checks that the next plan has exactly these steps (feature and verb), after which there
/// is nothing to do.
fn mends(lab: &Lab, harm: &Harm<'_>, expected: &[&str]) {
    block_on(async {
        let resolved = resolve(lab).expect("a good lab");
        let world = World::seeded(lab.seed.clone());
        world.converge(&resolved).await.expect("it comes up");
        assert_eq!(steps(&world, &resolved).await, Vec::<String>::new());
        harm.done(&world).await.expect("harm is done");
        assert_eq!(steps(&world, &resolved).await, expected);
        world.converge(&resolved).await.expect("it is mended");
        assert_eq!(steps(&world, &resolved).await, Vec::<String>::new());
    });
}

async fn steps(world: &World, resolved: &phoenix_core::planner::Resolved) -> Vec<String> {
    let plan = world.plan(resolved).await.expect("a plan");
    plan.steps.iter().map(|step| format!("{}:{}", step.id.owner(), step.id.verb())).collect()
}
