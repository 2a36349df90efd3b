//! `systemctl`.

use crate::sim::{
    programs::{Ran, Run},
    world::Unit,
};

/// What makes a unit read its files.
const BEGINS: [&str; 5] = ["start", "restart", "reload", "reload-or-restart", "try-restart"];

pub(super) fn systemctl(run: Run<'_>) -> Ran {
    if run.world.base().ostype == "alpine" {
        return Ran::failed(127, "systemctl: command not found");
    }
    let words: Vec<String> = run.args.iter().filter(|word| !word.starts_with('-')).cloned().collect();
    let is_now = run.args.iter().any(|word| word == "--now");
    let Some((verb, names)) = words.split_first() else { return Ran::failed(1, "systemctl: no verb") };
    match verb.as_str() {
        "daemon-reload" | "reset-failed" => return Ran::default(),
        "is-system-running" => return Ran::said("running\n"),
        _ => {}
    }
    let mut said = Ran::default();
    for name in names {
        let name = if name.contains('.') { name.clone() } else { format!("{name}.service") };
        let found = run.world.unit(&name);
        let mut answer = |word: &str, is_good: bool, status: i32| {
            said.stdout.push_str(&format!("{word}\n"));
            if !is_good {
                said.status = status;
            }
        };
        match (verb.as_str(), found) {
            ("is-active", Some(unit)) => {
                answer(if unit.active { "active" } else { "inactive" }, unit.active, 3);
            }
            ("is-active", None) => answer("inactive", false, 4),
            ("is-enabled", Some(unit)) => {
                answer(if unit.enabled { "enabled" } else { "disabled" }, unit.enabled, 1);
            }
            ("is-enabled", None) => answer("not-found", false, 4),
            (_, None) => return Ran::failed(5, format!("Unit {name} could not be found.")),
            (verb, Some(unit @ Unit { active: was_active, .. })) => match changed(verb, unit, is_now) {
                Some(unit) if BEGINS.contains(&verb) && (verb != "start" || !was_active) => {
                    run.world.begin(&name, unit);
                }
                Some(unit) => run.world.put_unit(&name, Some(unit)),
                None => return Ran::failed(1, format!("Unknown command verb '{verb}'.")),
            },
        }
    }
    said
}

fn changed(verb: &str, unit: Unit, is_now: bool) -> Option<Unit> {
    Some(match verb {
        "start" | "restart" | "reload" | "reload-or-restart" | "try-restart" => Unit { active: true, ..unit },
        "stop" => Unit { active: false, ..unit },
        "enable" => Unit { enabled: true, active: unit.active || is_now },
        "disable" => Unit { enabled: false, active: unit.active && !is_now },
        "status" => unit,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use crate::sim::{programs::tests::say, world::World};

    #[test]
    fn units_are_asked_and_changed() {
        let mut world = World::of_image("ubuntu-24.04");
        assert_eq!(say(&mut world, "systemctl is-active ssh").stdout, "active\n");
        assert_eq!(say(&mut world, "systemctl is-active nginx.service").status, 4);
        assert_eq!(say(&mut world, "systemctl disable --now ssh").status, 0);
        assert_eq!(say(&mut world, "systemctl is-active ssh").status, 3);
        assert_eq!(say(&mut world, "systemctl start nginx").status, 5);
    }
}
