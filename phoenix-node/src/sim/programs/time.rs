//! `timedatectl`.

use crate::sim::{
    base::ZONES,
    programs::{Ran, Run},
    world::{Body, Entry},
};

pub(super) fn timedatectl(run: Run<'_>) -> Ran {
    let zone = run.world.file("/etc/localtime").and_then(|entry| match &entry.body {
        Body::Link(target) => target.split_once("/zoneinfo/").map(|(_, zone)| zone.to_owned()),
        Body::Directory | Body::Tree | Body::Text(_) | Body::Opaque { .. } => None,
    });
    let zone = zone.unwrap_or_else(|| "Etc/UTC".to_owned());
    match run.words()[..] {
        ["show", "--property=Timezone", "--value"] | ["show", "-p", "Timezone", "--value"] => {
            Ran::said(format!("{zone}\n"))
        }
        ["show", ..] => Ran::said(format!("Timezone={zone}\nLocalRTC=no\nNTP=yes\nNTPSynchronized=yes\n")),
        [] | ["status"] => {
            Ran::said(format!("                Time zone: {zone}\nSystem clock synchronized: yes\n"))
        }
        ["list-timezones"] => Ran::said(ZONES.iter().map(|zone| format!("{zone}\n")).collect::<String>()),
        ["set-timezone", wanted] if ZONES.contains(&wanted) => {
            let link = Body::Link(format!("/usr/share/zoneinfo/{wanted}"));
            run.world.place("/etc/localtime", Entry::root(0o777, link));
            run.world.write("/etc/timezone", format!("{wanted}\n"));
            Ran::default()
        }
        ["set-timezone", wanted] => {
            Ran::failed(1, format!("Failed to set time zone: Invalid or not installed time zone '{wanted}'"))
        }
        ["set-ntp", _] => Ran::default(),
        _ => Ran::failed(1, "timedatectl: unknown command"),
    }
}

#[cfg(test)]
mod tests {
    use crate::sim::{programs::tests::say, world::World};

    #[test]
    fn the_time_zone_is_a_link() {
        let mut world = World::of_image("ubuntu-24.04");
        assert_eq!(say(&mut world, "timedatectl set-timezone Europe/Berlin").status, 0);
        assert_eq!(say(&mut world, "timedatectl show -p Timezone --value").stdout, "Europe/Berlin\n");
        assert_eq!(say(&mut world, "timedatectl set-timezone Nowhere/City").status, 1);
    }
}
