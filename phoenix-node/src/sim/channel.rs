//! The guest channel: answers probes and performs actions inside guests and on the host, from the model.

use async_trait::async_trait;
use phoenix_core::{
    Action, BackendError, Content, ErrorKind, Evidence, GuestId, Probe, Site, UnitGoal, evidence::FileState,
};
use phoenix_pve::channel::{Guard, Guarded, GuestChannel};
use sha2::{Digest, Sha256};

use crate::{
    durations,
    node::{Node, describe},
    sim::{
        accounts::{check_owner, ensure_user},
        answer,
        earlier::keep,
        install,
        programs::{self, Ran},
        proof,
        world::{Body, Entry, Unit, World},
    },
    state::{State, config::hex},
};

/// The longest content that is kept whole.
const TEXT_LIMIT: usize = 64 << 10;

#[async_trait]
impl GuestChannel for Node {
    async fn ask(&self, site: &Site, probes: &[Probe]) -> Vec<Result<Evidence, BackendError>> {
        if let Some(real) = &self.real {
            return real.ask(&self.me, site, probes).await;
        }
        let state = self.state();
        let world = match world_of(&state, site) {
            Ok(world) => world,
            Err(evidence) => return probes.iter().map(|_| Ok((*evidence).clone())).collect(),
        };
        probes.iter().map(|probe| answer(world, probe)).collect()
    }

    async fn act(&self, site: &Site, action: &Action, secret: Option<&[u8]>) -> Result<(), BackendError> {
        if let Some(real) = &self.real {
            return real.act(&self.me, site, action, secret).await;
        }
        if let Action::Reboot { boot, .. } = action {
            return self.reboot(boot.as_deref()).await;
        }
        let (time, needed) =
            self.inside(site, |world| Ok((time_of(world, action), needed_by(world, action))))?;
        self.pass(time).await;
        self.grow(site, needed)?;
        self.inside(site, |world| perform(world, action, secret))
    }

    async fn answer(
        &self,
        site: &Site,
        argv: &[String],
        stdin: Option<&[u8]>,
    ) -> Result<Vec<u8>, BackendError> {
        if let Some(real) = &self.real {
            return real.answer(&self.me, site, argv, stdin).await;
        }
        self.pass(durations::TOUCH).await;
        self.inside(site, |world| answer::answer(world, argv, stdin))
    }

    async fn set_raw_keys(&self, guest: GuestId, lines: &[(String, String)]) -> Result<(), BackendError> {
        let mut state = self.state();
        let missing = || BackendError::new(ErrorKind::NotFound, format!("guest `{guest}` does not exist"));
        let found = state.guest_mut(guest.kind, guest.vmid.0).ok_or_else(missing)?;
        found.raw = lines.to_vec();
        self.save(&mut state)
    }

    async fn guard(&self, node: &str, what: &Guarded, guard: Guard) -> Result<(), BackendError> {
        match what {
            Guarded::Firewall(scope) => self.guard_firewall(node, scope, guard),
            Guarded::Interfaces => self.guard_interfaces(node, guard),
        }
    }
}

impl Node {
    /// Does something to a running site's world, and writes it down.
    fn inside<T>(
        &self,
        site: &Site,
        work: impl FnOnce(&mut World) -> Result<T, BackendError>,
    ) -> Result<T, BackendError> {
        let mut guard = self.state();
        let state = &mut *guard;
        if let Err(evidence) = world_of(state, site) {
            return Err(match *evidence {
                Evidence::Unreachable { reason } => BackendError::new(ErrorKind::Unreachable, reason),
                _ => BackendError::new(ErrorKind::NotFound, format!("`{site}` does not exist")),
            });
        }
        let result = match site {
            Site::Host(_) => {
                state.dirty.host = true;
                work(&mut state.host)
            }
            Site::Guest(guest) => {
                let missing = || BackendError::new(ErrorKind::NotFound, format!("`{site}` does not exist"));
                work(&mut state.guest_mut(guest.kind, guest.vmid.0).ok_or_else(missing)?.world)
            }
        };
        self.save(state)?;
        result
    }

    /// Lets a guest's root disk take more. Fails if its size or its storage does not allow that.
    fn grow(&self, site: &Site, bytes: u64) -> Result<(), BackendError> {
        let Some(guest) = site.guest().filter(|_| bytes > 0) else { return Ok(()) };
        let mut state = self.state();
        let Some(found) = state.guest(guest.kind, guest.vmid.0) else { return Ok(()) };
        let disks = found.disks();
        let is_root = |key: &str, volid: &str| {
            key == "rootfs" || (!volid.contains("cloudinit") && !key.starts_with("mp"))
        };
        let Some((_, volid)) = disks.into_iter().find(|(key, volid)| is_root(key, volid)) else {
            return Ok(());
        };
        let Some(volume) = found.volumes.get(&volid).cloned() else { return Ok(()) };
        if volume.used + bytes > volume.size || bytes > state.free(&volume.storage) {
            let text = format!("No space left on device (`{volid}` on storage `{}`)", volume.storage);
            return Err(BackendError::new(ErrorKind::Full, text));
        }
        let found = state.guest_mut(guest.kind, guest.vmid.0);
        if let Some(volume) = found.and_then(|found| found.volumes.get_mut(&volid)) {
            volume.used += bytes;
        }
        self.save(&mut state)
    }

    fn save(&self, state: &mut State) -> Result<(), BackendError> {
        self.commit(state).map_err(|error| BackendError::new(ErrorKind::Failed, describe(&error)))
    }
}

/// Returns a site's world, or why there is none to ask.
fn world_of<'a>(state: &'a State, site: &Site) -> Result<&'a World, Box<Evidence>> {
    let unreachable = |reason: String| Err(Box::new(Evidence::Unreachable { reason }));
    match site {
        Site::Host(name) if **name == *state.name => Ok(&state.host),
        Site::Host(_) => Err(Box::new(Evidence::Absent)),
        Site::Guest(guest) => match state.guest(guest.kind, guest.vmid.0) {
            None => Err(Box::new(Evidence::Absent)),
            Some(found) if !found.running => unreachable(format!("`{guest}` does not run")),
            Some(found) if !found.world.has_system() => {
                unreachable(format!("`{guest}` has no operating system that answers"))
            }
            Some(found) => Ok(&found.world),
        },
    }
}

fn answer(world: &World, probe: &Probe) -> Result<Evidence, BackendError> {
    Ok(match probe {
        Probe::File { path, .. } => file_state(world, path).map_or(Evidence::Absent, Evidence::File),
        Probe::Package { name, .. } => match world.package(name) {
            Some(version) => Evidence::Package { version: version.clone() },
            None => Evidence::Absent,
        },
        Probe::Unit { name, reads, .. } => match world.unit(name) {
            Some(unit) => Evidence::Unit {
                active: unit.active,
                enabled: unit.enabled,
                stale: reads
                    .iter()
                    .filter(|path| unit.active && world.is_stale(name, path))
                    .cloned()
                    .collect(),
            },
            None => Evidence::Absent,
        },
        Probe::User { name, .. } => match world.user(name) {
            Some(user) => Evidence::User {
                uid: user.uid,
                shell: user.shell.clone(),
                home: user.home.clone(),
                groups: user.groups.clone(),
            },
            None => Evidence::Absent,
        },
        Probe::Command { argv, .. } => {
            // A probe changes nothing, whatever its command would do.
            let Ran { status, stdout, stderr } = programs::run(&mut world.clone(), argv, None);
            Evidence::Output { status, stdout, stderr }
        }
        Probe::Nodes
        | Probe::Guests
        | Probe::Storages { .. }
        | Probe::Volumes { .. }
        | Probe::Config { .. }
        | Probe::Snapshots { .. }
        | Probe::Firewall { .. }
        | Probe::FirewallNames { .. }
        | Probe::Objects { .. } => {
            return Err(BackendError::new(
                ErrorKind::Invalid,
                "this is a question to the API, not to a site",
            ));
        }
    })
}

fn file_state(world: &World, path: &str) -> Option<FileState> {
    let entry = world.file(path)?;
    let link = match &entry.body {
        Body::Link(target) => Some(target.clone()),
        Body::Directory | Body::Tree | Body::Text(_) | Body::Opaque { .. } => None,
    };
    let entry = world.follow(path).unwrap_or(entry);
    let (sha256, text) = match &entry.body {
        Body::Text(text) => (hex(&Sha256::digest(text)), Some(text.clone())),
        Body::Opaque { sha256 } => (sha256.clone(), None),
        Body::Directory | Body::Tree | Body::Link(_) => (String::new(), None),
    };
    Some(FileState {
        directory: entry.body.is_directory(),
        sha256,
        mode: entry.mode,
        owner: entry.owner.clone(),
        group: entry.group.clone(),
        link,
        text,
    })
}

fn time_of(world: &World, action: &Action) -> u64 {
    match action {
        Action::InstallPackages { names, .. } => match install::missing(world, names) {
            Ok(missing) if missing.is_empty() => durations::TOUCH,
            Ok(missing) => durations::INSTALL + durations::INSTALL_EACH * missing.len() as u64,
            Err(_) => durations::INSTALL,
        },
        Action::SetUnit { .. } => durations::UNIT,
        Action::Run { argv, .. } if programs::is_slow(argv) => durations::SLOW_PROGRAM,
        _ => durations::TOUCH,
    }
}

/// Returns how many bytes an action adds to the disk.
fn needed_by(world: &World, action: &Action) -> u64 {
    match action {
        Action::InstallPackages { names, .. } => {
            install::missing(world, names).map_or(0, |missing| install::PACKAGE_BYTES * missing.len() as u64)
        }
        _ => 0,
    }
}

/// Performs an action.
fn perform(world: &mut World, action: &Action, secret: Option<&[u8]>) -> Result<(), BackendError> {
    let failed = |text: String| BackendError::new(ErrorKind::Failed, text);
    match action {
        Action::WriteFile { site, path, content, mode, owner, group, check } => {
            check_owner(world, owner)?;
            if world.file(path).is_some_and(|entry| entry.body.is_directory()) {
                return Err(failed(format!("`{path}` is a directory")));
            }
            let is_opaque = world.follow(path).is_some_and(|entry| matches!(entry.body, Body::Opaque { .. }));
            if is_opaque && matches!(content, Content::Block { .. }) {
                return Err(failed(format!("`{path}` is no text that a block could be put into")));
            }
            let body = match content.over(world.text(path).unwrap_or_default()) {
                Some(text) if text.len() <= TEXT_LIMIT => Body::Text(text),
                Some(text) => Body::Opaque { sha256: hex(&Sha256::digest(text)) },
                // Only the hash: no secret lies in the node's files.
                None => match (content, secret.map(String::from_utf8_lossy)) {
                    (Content::Copy { .. } | Content::Answer { .. }, Some(text)) => {
                        Body::Text(text.into_owned())
                    }
                    _ => Body::Opaque { sha256: hex(&Sha256::digest(secret.unwrap_or_default())) },
                },
            };
            let entry = Entry { mode: *mode, owner: owner.clone(), group: group.clone(), body };
            check_content(world, path, &entry, check)?;
            if matches!(site, Site::Host(_)) {
                keep(world, path);
            }
            world.place(path, entry);
            world.touch(path);
        }
        Action::InstallArtifact { artifact, path, mode, .. } => {
            let is_directory = world.file(path).is_some_and(|entry| entry.body.is_directory());
            if is_directory && !artifact.is_tree() {
                return Err(failed(format!("`{path}` is a directory")));
            }
            let (body, sha256) = match artifact.is_tree() {
                true => (Body::Tree, None),
                false => (Body::Opaque { sha256: artifact.sha256.clone() }, Some(artifact.sha256.as_str())),
            };
            world.write(&artifact.stamp_path(), artifact.stamp(sha256));
            if world.file(path).is_none_or(|entry| entry.body != body) {
                world.touch(path);
            }
            world.place(path, Entry::root(*mode, body));
        }
        Action::MakeDirectory { path, mode, owner, group, .. } => {
            check_owner(world, owner)?;
            if world.file(path).is_some_and(|entry| !entry.body.is_directory()) {
                return Err(failed(format!("`{path}` is there and is no directory")));
            }
            let entry =
                Entry { mode: *mode, owner: owner.clone(), group: group.clone(), body: Body::Directory };
            world.place(path, entry);
        }
        Action::Symlink { path, target, .. } => {
            if world.file(path).is_some_and(|entry| entry.body.is_directory()) {
                return Err(failed(format!("`{path}` is a directory")));
            }
            world.place(path, Entry::root(0o777, Body::Link(target.clone())));
        }
        Action::RemoveFile { path, .. } => world.put_file(path, None),
        Action::InstallPackages { names, .. } => {
            if world.base().ostype == "alpine" {
                return Err(failed("`apt-get` is not there: this is no Debian".to_owned()));
            }
            let missing = install::missing(world, names).map_err(failed)?;
            install::install(world, &missing);
        }
        Action::EnsureUser { name, shell, groups, password_hash, .. } => {
            ensure_user(world, name, shell, groups, password_hash.is_some());
        }
        Action::SetUnit { name, goal, enabled, .. } => {
            let Some(found) = world.unit(name) else {
                return Err(failed(format!("unit `{name}` could not be found")));
            };
            let unit = Unit { active: *goal != UnitGoal::Stopped, enabled: *enabled };
            match goal {
                UnitGoal::Started if found.active => world.put_unit(name, Some(unit)),
                UnitGoal::Started | UnitGoal::Restarted | UnitGoal::Reloaded => world.begin(name, unit),
                UnitGoal::Stopped => world.put_unit(name, Some(unit)),
            }
        }
        Action::Run { argv, proof, .. } if proof::is_foreign(world, argv) => {
            proof::fulfil(world, argv, proof).map_err(failed)?;
        }
        Action::Run { argv, stdin, .. } => {
            let text = stdin.as_ref().and_then(|content| content.over(""));
            let stdin = match &text {
                Some(text) => Some(text.as_bytes()),
                None => stdin.as_ref().and(secret),
            };
            answer::ended_well(argv, programs::run(world, argv, stdin))?;
        }
        Action::Await { condition, .. } => {
            let evidence = answer(world, &condition.probe)?;
            if !condition.holds(&evidence) {
                return Err(BackendError::new(ErrorKind::Timeout, "what is awaited does not hold"));
            }
        }
        Action::Reboot { .. }
        | Action::FetchOsTemplate { .. }
        | Action::FetchImage { .. }
        | Action::CreateLxc { .. }
        | Action::CreateVm { .. }
        | Action::Clone { .. }
        | Action::Configure { .. }
        | Action::SetRawKeys { .. }
        | Action::Resize { .. }
        | Action::Start { .. }
        | Action::Stop { .. }
        | Action::Migrate { .. }
        | Action::Delete { .. }
        | Action::Snapshot { .. }
        | Action::DeleteSnapshot { .. }
        | Action::Rollback { .. }
        | Action::MakeTemplate { .. }
        | Action::Firewall { .. }
        | Action::Object { .. } => {
            return Err(BackendError::new(ErrorKind::Invalid, "this is an action of the API, not of a site"));
        }
    }
    Ok(())
}

/// Fails as the command does that looks at a new file; one that the simulation does not know finds it good.
fn check_content(world: &World, path: &str, entry: &Entry, check: &[String]) -> Result<(), BackendError> {
    if check.is_empty() || proof::is_foreign(world, check) {
        return Ok(());
    }
    let (mut beside, new) = (world.clone(), format!("{path}.new"));
    beside.place(&new, entry.clone());
    let check: Vec<String> = check.iter().map(|word| word.replace("{}", &new)).collect();
    let ran = programs::run(&mut beside, &check, None);
    if ran.status == 0 {
        return Ok(());
    }
    let text = format!("`{}` finds the new `{path}` wrong, so the old one stays", check[0]);
    let mut error = BackendError::new(ErrorKind::Failed, text);
    error.log = ran.stderr.lines().map(str::to_owned).collect();
    Err(error)
}
