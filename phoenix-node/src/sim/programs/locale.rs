//! Programs for locales. Which ones are built stands, a line each, in the place of the archive that glibc keeps.

use std::collections::BTreeSet;

use crate::sim::{
    programs::{Ran, Run},
    world::World,
};

const ARCHIVE: &str = "/usr/lib/locale/locale-archive";
const SOURCE: &str = "/etc/locale.gen";

pub(super) fn locale(run: Run<'_>) -> Ran {
    match run.words()[..] {
        ["-a" | "--all-locales"] => {
            let mut all: BTreeSet<String> = ["C", "C.utf8", "POSIX"].map(str::to_owned).into();
            all.extend(built(run.world));
            Ran::said(all.into_iter().map(|name| format!("{name}\n")).collect::<String>())
        }
        [] => Ran::said(run.world.text("/etc/default/locale").unwrap_or("LANG=C.UTF-8\n")),
        _ => Ran::failed(1, "locale: unknown option"),
    }
}

pub(super) fn locale_gen(run: Run<'_>) -> Ran {
    if run.world.package("locales").is_none() {
        return Ran::failed(127, "locale-gen: command not found");
    }
    let wanted: Vec<String> = if run.args.is_empty() {
        run.world
            .text(SOURCE)
            .unwrap_or_default()
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
            .collect()
    } else {
        run.args.to_vec()
    };
    if let Some(wrong) = wanted.iter().find(|name| !is_locale(name)) {
        return Ran::failed(1, format!("Error: '{wrong}' is not a supported language or locale"));
    }
    let mut all: BTreeSet<String> = if run.args.is_empty() { BTreeSet::new() } else { built(run.world) };
    all.extend(wanted.iter().map(|name| canonical(name)));
    let mut said = String::from("Generating locales (this might take a while)...\n");
    for name in &wanted {
        said.push_str(&format!("  {name}... done\n"));
    }
    said.push_str("Generation complete.\n");
    run.world.write(ARCHIVE, all.into_iter().map(|name| format!("{name}\n")).collect::<String>());
    Ran::said(said)
}

pub(super) fn update_locale(run: Run<'_>) -> Ran {
    let path = "/etc/default/locale";
    let mut lines: Vec<String> =
        run.world.text(path).unwrap_or_default().lines().map(str::to_owned).collect();
    for word in run.args.iter().filter(|word| !word.starts_with('-')) {
        let (key, value) =
            word.split_once('=').map_or((word.as_str(), None), |(key, value)| (key, Some(value)));
        lines.retain(|line| line.split('=').next() != Some(key));
        if let Some(value) = value {
            let is_built =
                matches!(value, "C" | "POSIX" | "C.UTF-8") || built(run.world).contains(&canonical(value));
            if key != "LANGUAGE" && !is_built {
                return Ran::failed(1, "*** update-locale: Error: invalid locale settings");
            }
            lines.push(format!("{key}={value}"));
        }
    }
    run.world.write(path, lines.into_iter().map(|line| format!("{line}\n")).collect::<String>());
    Ran::default()
}

fn built(world: &World) -> BTreeSet<String> {
    world.text(ARCHIVE).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// Returns a locale's name as `locale -a` writes it: `en_US.utf8`.
fn canonical(name: &str) -> String {
    match name.split_once('.') {
        Some((language, charset)) => format!("{language}.{}", charset.to_lowercase().replace('-', "")),
        None => name.to_owned(),
    }
}

fn is_locale(name: &str) -> bool {
    let language = name.split(['.', '@']).next().unwrap_or_default();
    let is_code = |part: &str, len: std::ops::RangeInclusive<usize>| {
        len.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphabetic())
    };
    match language.split_once('_') {
        Some((language, country)) => is_code(language, 2..=3) && is_code(country, 2..=2),
        None => is_code(language, 2..=3),
    }
}

#[cfg(test)]
mod tests {
    use crate::sim::{programs::tests::say, world::World};

    #[test]
    fn locales_are_built_from_the_file_or_the_arguments() {
        let mut world = World::of_image("ubuntu-24.04");
        assert!(!say(&mut world, "locale -a").stdout.contains("en_US.utf8"));
        world.write("/etc/locale.gen", "# de_DE.UTF-8 UTF-8\nen_US.UTF-8 UTF-8\n");
        assert_eq!(say(&mut world, "locale-gen").status, 0);
        assert_eq!(say(&mut world, "locale-gen de_DE.UTF-8").status, 0);
        assert_eq!(say(&mut world, "locale -a").stdout, "C\nC.utf8\nPOSIX\nde_DE.utf8\nen_US.utf8\n");
        assert_eq!(say(&mut world, "update-locale LANG=en_US.UTF-8").status, 0);
        assert_eq!(say(&mut world, "update-locale LANG=fr_FR.UTF-8").status, 1);
        assert_eq!(say(&mut world, "cat /etc/default/locale").stdout, "LANG=en_US.UTF-8\n");
    }
}
