//! `apt-get` and `apt-cache`, as far as they install, remove and list.

use crate::sim::{
    archive, install,
    programs::{Ran, Run},
};

/// Options with a word of their own behind them.
const WITH_VALUE: [&str; 4] = ["-o", "--option", "-t", "--target-release"];

pub(super) fn apt_get(run: Run<'_>) -> Ran {
    if run.world.base().ostype == "alpine" {
        return Ran::failed(127, "apt-get: command not found");
    }
    let mut words = run.words().into_iter();
    let mut plain: Vec<&str> = Vec::new();
    while let Some(word) = words.next() {
        if WITH_VALUE.contains(&word) {
            words.next();
        } else if !word.starts_with('-') {
            plain.push(word);
        }
    }
    let may_go_back = run.args.iter().any(|word| word == "--allow-downgrades");
    match plain.split_first() {
        Some((&"install", names)) => names
            .iter()
            .map(|name| install_one(&run, name, may_go_back))
            .collect::<Result<Vec<_>, Ran>>()
            .map_or_else(
                |failed| failed,
                |wanted| {
                    for (name, version) in wanted {
                        install::put(run.world, &name, version);
                    }
                    Ran::default()
                },
            ),
        Some((&("remove" | "purge"), names)) => {
            for name in names {
                archive::put(run.world, name, None);
            }
            Ran::default()
        }
        Some((&("update" | "autoremove" | "clean"), _)) => Ran::default(),
        _ => Ran::failed(100, "E: only `install`, `remove`, `purge` and `update` are simulated"),
    }
}

/// Returns the package and the version that are meant by `NAME` or `NAME=VERSION`.
fn install_one(run: &Run<'_>, word: &str, may_go_back: bool) -> Result<(String, String), Ran> {
    let (name, wanted) = word.split_once('=').map_or((word, None), |(name, version)| (name, Some(version)));
    let version = match wanted {
        None => match install::complaint(run.world, name) {
            Some(complaint) => return Err(Ran::failed(100, complaint)),
            None => archive::candidate(run.world, name).unwrap_or_default(),
        },
        Some(version) if archive::offers(run.world, name).iter().any(|offer| offer == version) => {
            version.to_owned()
        }
        Some(version) => {
            return Err(Ran::failed(100, format!("E: Version '{version}' for '{name}' was not found")));
        }
    };
    let is_older = run.world.package(name).is_some_and(|found| {
        let offers = archive::offers(run.world, name);
        let place = |version: &str| offers.iter().position(|offer| offer == version);
        place(found).zip(place(&version)).is_some_and(|(found, wanted)| wanted > found)
    });
    match is_older && !may_go_back {
        true => {
            Err(Ran::failed(100, "E: Packages were downgraded and -y was used without --allow-downgrades."))
        }
        false => Ok((name.to_owned(), version)),
    }
}

pub(super) fn apt_cache(run: Run<'_>) -> Ran {
    match run.words()[..] {
        ["madison", name] => {
            let source = "http://archive.ubuntu.com/ubuntu noble-updates/main amd64 Packages";
            let offers = archive::offers(run.world, name);
            Ran::said(offers.iter().map(|offer| format!("{name} | {offer} | {source}\n")).collect::<String>())
        }
        _ => Ran::failed(100, "E: only `madison NAME` is simulated"),
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        gpus::Gpus,
        sim::{gpu::show_container, programs::tests::say, world::World},
    };

    #[test]
    fn packages_are_installed_in_a_version_and_removed() {
        let mut world = World::of_image("ubuntu-24.04");
        show_container(&mut world, &Gpus::new("580.76.05", [("A", 1)]), &Default::default());
        let (name, old) = ("nvidia-utils-580", "580.76.05-0ubuntu0.24.04.1");
        assert_eq!(say(&mut world, "apt-cache madison nvidia-utils-580").stdout.lines().count(), 2);
        assert_eq!(say(&mut world, "apt-get -q -y -o A::B=300 install nvidia-utils-580 curl").status, 0);
        assert_ne!(world.package(name).map(String::as_str), Some(old));
        let back = format!("install {name}={old}");
        assert_eq!(say(&mut world, &format!("apt-get -y {back}")).status, 100);
        assert_eq!(say(&mut world, &format!("apt-get -y --allow-downgrades {back}")).status, 0);
        let asked = "dpkg-query -W -f=${source:Upstream-Version}\\n nvidia-utils-580";
        assert_eq!(say(&mut world, asked).stdout, "580.76.05\n");
        assert_eq!(say(&mut world, "apt-get -y remove nvidia-utils-580").status, 0);
        assert_eq!(say(&mut world, asked).status, 1);
        assert_eq!(say(&mut world, "apt-get -y install no-such-package").status, 100);
    }
}
