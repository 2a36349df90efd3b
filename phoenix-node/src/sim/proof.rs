//! What comes of programs that the simulation does not know: they do what their proof says that they do. So software of
//! any sort can be planned and converged here, and what it depends on, its files, packages and units, is still real.

use std::collections::BTreeSet;

use phoenix_core::{Condition, Expect, Probe};

use crate::sim::{
    archive, gpu, programs,
    world::{Body, Entry, Said, Unit, User, World},
};

/// Tells whether a program is none of the simulation's own. One that is named by its path must be there.
pub(crate) fn is_foreign(world: &World, argv: &[String]) -> bool {
    let Some(program) = programs::inner(world, argv).first() else { return false };
    !programs::is_known(program) && (!program.contains('/') || world.has_program(program))
}

/// Makes a condition hold that a program is known to be done by, unless that program refuses.
pub(crate) fn fulfil(world: &mut World, argv: &[String], proof: &Condition) -> Result<(), String> {
    match gpu::refusal(world, argv) {
        Some(complaint) => Err(complaint),
        None => {
            make(world, argv, proof);
            Ok(())
        }
    }
}

fn make(world: &mut World, call: &[String], proof: &Condition) {
    let is_gone = proof.expect == Expect::Absent;
    match &proof.probe {
        Probe::File { path, .. } => {
            let body = match &proof.expect {
                Expect::Sha256 { sha256 } => Body::Opaque { sha256: sha256.clone() },
                Expect::LinksTo { target } => Body::Link(target.clone()),
                Expect::Present
                | Expect::Absent
                | Expect::Unlocked { .. }
                | Expect::Running { .. }
                | Expect::Active
                | Expect::Succeeds
                | Expect::Ends { .. }
                | Expect::SaysLine { .. } => Body::Text(String::new()),
            };
            match is_gone {
                true => world.put_file(path, None),
                false => world.place(path, Entry::root(0o644, body)),
            }
        }
        Probe::Package { name, .. } => archive::put(world, name, (!is_gone).then(|| "1.0-1".to_owned())),
        Probe::Unit { name, .. } => {
            world.put_unit(name, (!is_gone).then_some(Unit { active: true, enabled: true }));
        }
        Probe::User { name, .. } => {
            let user = User {
                uid: 900,
                shell: "/usr/sbin/nologin".to_owned(),
                home: format!("/home/{name}"),
                groups: BTreeSet::new(),
                password: false,
            };
            world.put_user(name, (!is_gone).then_some(user));
        }
        Probe::Command { argv, .. } => {
            let line = match &proof.expect {
                Expect::SaysLine { line } => format!("{line}\n"),
                Expect::Present
                | Expect::Absent
                | Expect::Unlocked { .. }
                | Expect::Running { .. }
                | Expect::Active
                | Expect::Succeeds
                | Expect::Ends { .. }
                | Expect::Sha256 { .. }
                | Expect::LinksTo { .. } => String::new(),
            };
            let argv = programs::inner(world, argv).to_vec();
            // What the driver says proves which libraries were brought.
            if argv.first().is_some_and(|program| program == "nvidia-smi") {
                let driver = world.gpus().driver.clone();
                return gpu::bring_libraries(world, if line.is_empty() { &driver } else { line.trim() });
            }
            // NVIDIA's installer puts the module and the libraries on the disk, and loads them unless it is told not to.
            if argv.first().is_some_and(|program| program == "modinfo") {
                gpu::bring_libraries(world, line.trim());
                if !call.iter().any(|word| word == "--skip-module-load") {
                    gpu::load(world);
                }
                return;
            }
            // The program that the proof asks is there.
            let program = argv.first().map_or("", String::as_str);
            if program.starts_with('/') && world.follow(program).is_none() {
                world.place(program, Entry::root(0o755, Body::Opaque { sha256: String::new() }));
            }
            world.put_said(&argv.join("\0"), Said(line));
        }
        Probe::Nodes
        | Probe::Guests
        | Probe::Storages { .. }
        | Probe::Volumes { .. }
        | Probe::Config { .. }
        | Probe::Snapshots { .. }
        | Probe::Firewall { .. }
        | Probe::FirewallNames { .. }
        | Probe::Objects { .. } => {}
    }
}
