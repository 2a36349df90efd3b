//! `explain --privileges`: the least that Proxmox VE must have granted for a configuration. The first plan on an empty
//! host names every guest, storage and bridge; what a guest meets later in its life is added.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_core::{Action, GuestId, GuestKind, ObjectChange, ObjectKind, Plan, engine, planner};
use phoenix_pve::privileges::{Demanded, Need, Role, RootOnly, World, least, of_action};
use serde_json::json;

use super::{converging, explain::Answer};
use crate::{config, context::Context, error::Error, host};

/// Who is granted what, unless somebody else is named.
const NOBODY: &str = "phoenix@pve";
/// The subject that is the host itself.
const SETUP: &str = "setup";
/// What somebody may change in any guest by hand, and Phoenix changes back: a key of each sort.
const DRIFTS: [&str; 4] = ["cores", "memory", "net0", "onboot"];

/// Explains what a configuration, or one guest with what it requires, needs to be granted.
pub(super) fn explain(
    context: &Context,
    subject: Option<&str>,
    who: Option<String>,
) -> Result<Answer, Error> {
    if subject == Some(SETUP) {
        return of_setup(context, who);
    }
    let config = config::load(context)?;
    let words: Vec<String> = subject.into_iter().map(str::to_owned).collect();
    let request = converging(&config.resolved, &words, None)?;
    let found = |findings| Error::findings(findings, &config.loaded.sources);
    let (plan, node) = context.block_on(async {
        let backend = host::blank(&config.loaded.host);
        let facts = engine::gather(&config.resolved, &request, &backend).await.map_err(found)?;
        let plan = planner::plan(&config.resolved, &request, &facts).map_err(found)?;
        Ok((plan, backend.node().to_owned()))
    })?;
    let mut world = World::new(node);
    world.learn(&plan.steps);
    let mut demanded = Demanded::default();
    for action in plan.steps.iter().map(|step| step.action.clone()).chain(later(&plan)) {
        demanded.extend(of_action(&action, &world));
    }
    demanded.needs.extend(inside(&plan));
    let (who, is_new) = match who.or_else(named) {
        Some(who) => (who, false),
        None => (NOBODY.to_owned(), true),
    };
    Ok(answer(&least(&demanded.needs), &demanded.root, &who, is_new))
}

/// Explains what it needs to make, change and remove what the configuration says of the host and Proxmox VE keeps by its API,
/// and to fetch what guests are made from.
fn of_setup(context: &Context, who: Option<String>) -> Result<Answer, Error> {
    let config = config::load(context)?;
    let world = World::new(config.loaded.host.node.clone());
    let mut demanded = Demanded::default();
    for step in planner::stock(&config.resolved) {
        demanded.extend(of_action(&step.action, &world));
    }
    for (id, declared) in &config.loaded.desired.resources {
        let (of, names) = match id.kind() {
            "storage" => (ObjectKind::Storage, vec![id.name().to_owned()]),
            "role" => (ObjectKind::Role, vec![id.name().to_owned()]),
            "group" => (ObjectKind::Group, vec![id.name().to_owned()]),
            "user" => (ObjectKind::User, vec![id.name().to_owned()]),
            "token" => (ObjectKind::Token, vec![id.name().to_owned()]),
            "network" => (ObjectKind::Interface { node: id.name().into() }, vec![String::new()]),
            "acl" => {
                let grants = declared.spec["grants"].as_array().into_iter().flatten();
                let paths = grants.filter_map(|grant| grant["path"].as_str().map(str::to_owned));
                (ObjectKind::Acl, paths.collect())
            }
            _ => continue,
        };
        for name in names {
            let changes = [
                ObjectChange::Create { values: BTreeMap::new(), secrets: BTreeMap::new() },
                ObjectChange::Update { set: BTreeMap::new(), delete: BTreeSet::new(), seen: BTreeMap::new() },
            ];
            for change in changes {
                let action = Action::Object { of: of.clone(), name: name.clone(), change };
                demanded.extend(of_action(&action, &world));
            }
        }
    }
    let (who, is_new) = match who.or_else(named) {
        Some(who) => (who, false),
        None => (NOBODY.to_owned(), true),
    };
    Ok(answer(&least(&demanded.needs), &demanded.root, &who, is_new))
}

/// Returns the user or the token that the environment names.
fn named() -> Option<String> {
    let variable = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
    let token = host::secret("PHOENIX_TOKEN").ok().flatten();
    let id = token.and_then(|token| token.split_once('=').map(|(id, _)| id.to_owned()));
    id.or_else(|| variable("PHOENIX_USER")).filter(|who| who != "root@pam")
}

/// Returns what is done to the guests of a plan later: they are changed, stopped, snapshotted, moved, deleted.
fn later(plan: &Plan) -> Vec<Action> {
    let mut keys: BTreeMap<GuestId, BTreeMap<String, String>> = BTreeMap::new();
    let mut actions = Vec::new();
    for step in &plan.steps {
        let Some(guest) = step.resource.guest() else { continue };
        let known = keys.entry(guest).or_default();
        match &step.action {
            Action::CreateLxc { params: set, .. }
            | Action::CreateVm { params: set, .. }
            | Action::Configure { set, .. } => known.extend(set.clone()),
            Action::Snapshot { name, .. } => {
                actions.push(Action::DeleteSnapshot { guest, name: name.clone() });
                actions.push(Action::Rollback { guest, name: name.clone() });
            }
            Action::FetchOsTemplate { .. }
            | Action::FetchImage { .. }
            | Action::Clone { .. }
            | Action::SetRawKeys { .. }
            | Action::Resize { .. }
            | Action::Start { .. }
            | Action::Stop { .. }
            | Action::Migrate { .. }
            | Action::Delete { .. }
            | Action::DeleteSnapshot { .. }
            | Action::Rollback { .. }
            | Action::MakeTemplate { .. }
            | Action::Firewall { .. }
            | Action::Object { .. }
            | Action::WriteFile { .. }
            | Action::InstallArtifact { .. }
            | Action::MakeDirectory { .. }
            | Action::Symlink { .. }
            | Action::RemoveFile { .. }
            | Action::InstallPackages { .. }
            | Action::EnsureUser { .. }
            | Action::SetUnit { .. }
            | Action::Run { .. }
            | Action::Reboot { .. }
            | Action::Await { .. } => {}
        }
    }
    for (guest, set) in keys {
        let disk = match guest.kind {
            GuestKind::Lxc => "rootfs",
            GuestKind::Vm => "scsi0",
        };
        actions.extend([
            Action::Configure { guest, set, delete: DRIFTS.map(str::to_owned).into(), digest: None },
            Action::Resize { guest, disk: disk.to_owned(), gib: 0 },
            Action::Start { guest },
            Action::Stop { guest, timeout_s: 0 },
            Action::Delete { guest },
        ]);
    }
    actions
}

/// Returns what it needs to work inside the virtual machines of a plan through their agents. Containers are reached
/// through their node, which is no matter of the API.
fn inside(plan: &Plan) -> BTreeSet<Need> {
    let sites = plan.steps.iter().filter_map(|step| step.action.site()?.guest());
    let machines = sites.filter(|guest| guest.kind == GuestKind::Vm);
    machines.map(|guest| Need::all(format!("/vms/{}", guest.vmid), &["VM.GuestAgent.Unrestricted"])).collect()
}

fn answer(roles: &[Role], root: &BTreeSet<RootOnly>, who: &str, is_new: bool) -> Answer {
    let mut commands = Vec::new();
    if is_new {
        commands.push(format!("pveum user add {who}"));
        commands.push(format!("pveum user token add {who} phoenix --privsep 0"));
    }
    commands.extend(roles.iter().map(Role::command));
    commands.extend(roles.iter().flat_map(|role| role.grants(who)));
    let mut lines = vec![
        "# on the host, as root; a `role modify` in place of `role add` changes one that is there".to_owned(),
    ];
    lines.extend(commands.iter().cloned());
    if roles.iter().any(|role| role.privileges.contains("VM.GuestAgent.Unrestricted")) {
        lines.push("# Proxmox VE 8 knows `VM.Monitor` in place of `VM.GuestAgent.Unrestricted`".to_owned());
    }
    if who.contains('!') {
        lines.push(
            "# a token with privilege separation has nothing that its user has not: grant both".to_owned(),
        );
    }
    if !root.is_empty() {
        lines.push(
            "# what only root@pam may do, with a password, or by these commands when the guest is there:"
                .to_owned(),
        );
        for one in root {
            let instead = one.instead.as_deref().unwrap_or("-");
            lines.push(format!("# {}: {instead}", one.what));
        }
    }
    let roles: Vec<_> = roles
        .iter()
        .map(|role| json!({ "name": role.name, "privileges": role.privileges, "paths": role.paths }))
        .collect();
    let root: Vec<_> = root.iter().map(|one| json!({ "what": one.what, "instead": one.instead })).collect();
    let record = json!({ "who": who, "roles": roles, "commands": commands, "root_only": root });
    Answer { text: lines.join("\n"), record }
}
