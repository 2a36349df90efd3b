//! Programs that look at what files are rather than at what they hold, and change it.

use crate::sim::{
    programs::{Ran, Run},
    world::{Body, Entry},
};

pub(super) fn chown(run: Run<'_>) -> Ran {
    let words = run.words();
    let plain: Vec<&str> = words.into_iter().filter(|word| !word.starts_with('-')).collect();
    let Some((owner, paths)) = plain.split_first() else { return Ran::failed(1, "chown: missing operand") };
    let (user, group) = owner.split_once(':').unwrap_or((owner, ""));
    if run.world.user(user).is_none() {
        return Ran::failed(1, format!("chown: invalid user: '{user}'"));
    }
    for path in paths {
        let Some(mut entry) = run.world.file(path).cloned() else { return missing("chown", path) };
        user.clone_into(&mut entry.owner);
        if !group.is_empty() {
            group.clone_into(&mut entry.group);
        }
        run.world.place(path, entry);
    }
    Ran::default()
}

pub(super) fn mv(run: Run<'_>) -> Ran {
    let words = run.words();
    let plain: Vec<&str> = words.into_iter().filter(|word| !word.starts_with('-')).collect();
    let [from, to] = plain[..] else { return Ran::failed(1, "mv: only `mv FILE FILE` is simulated") };
    let Some(entry) = run.world.file(from).cloned() else { return missing("mv", from) };
    run.world.place(to, entry);
    run.world.put_file(from, None);
    run.world.touch(to);
    Ran::default()
}

pub(super) fn chmod(run: Run<'_>) -> Ran {
    let words = run.words();
    let plain: Vec<&str> = words.into_iter().filter(|word| !word.starts_with('-')).collect();
    let Some((Ok(mode), paths)) =
        plain.split_first().map(|(mode, paths)| (u32::from_str_radix(mode, 8), paths))
    else {
        return Ran::failed(1, "chmod: only octal modes are simulated");
    };
    for path in paths {
        let Some(mut entry) = run.world.file(path).cloned() else { return missing("chmod", path) };
        entry.mode = mode;
        run.world.place(path, entry);
    }
    Ran::default()
}

pub(super) fn stat(run: Run<'_>) -> Ran {
    let ["-c", format, path] = run.words()[..] else {
        return Ran::failed(1, "stat: only `stat -c FORMAT FILE` is simulated");
    };
    let Some(entry) = run.world.file(path) else { return missing("stat", path) };
    let mode = format!("{:o}", entry.mode & 0o7777);
    let number = |name: &String| match name.as_str() {
        "root" => "0".to_owned(),
        name => run.world.user(name).map_or_else(|| name.to_owned(), |user| user.uid.to_string()),
    };
    let (uid, gid) = (number(&entry.owner), number(&entry.group));
    let kind = match &entry.body {
        Body::Directory | Body::Tree => "directory",
        Body::Text(_) | Body::Opaque { .. } => "regular file",
        Body::Link(_) => "symbolic link",
    };
    let kind = kind.to_owned();
    // Of a secret there is only a hash, and so much is true of its size.
    let size = match &entry.body {
        Body::Text(text) => text.len(),
        Body::Opaque { .. } | Body::Link(_) => 1,
        Body::Directory | Body::Tree => 4096,
    };
    let size = size.to_string();
    let fields = [
        ("%s", &size),
        ("%U", &entry.owner),
        ("%G", &entry.group),
        ("%a", &mode),
        ("%u", &uid),
        ("%g", &gid),
        ("%F", &kind),
    ];
    let said = fields.into_iter().fold(format.to_owned(), |text, (field, value)| text.replace(field, value));
    Ran::said(format!("{said}\n"))
}

/// Makes directories with an owner and a mode: `install -d -m MODE -o OWNER -g GROUP -- PATH...`.
pub(super) fn install(run: Run<'_>) -> Ran {
    let ["-d", "-m", mode, "-o", owner, "-g", group, "--", paths @ ..] = &run.words()[..] else {
        return Ran::failed(1, "install: only directories are simulated");
    };
    let Ok(mode) = u32::from_str_radix(mode, 8) else { return Ran::failed(1, "install: invalid mode") };
    for path in paths {
        if run.world.file(path).is_some_and(|entry| !entry.body.is_directory()) {
            return Ran::failed(1, format!("install: cannot create directory '{path}': File exists"));
        }
        let (owner, group) = ((*owner).to_owned(), (*group).to_owned());
        run.world.place(path, Entry { mode, owner, group, body: Body::Directory });
    }
    Ran::default()
}

/// Hands what is found to a program: a file that is moved by `install`, or a tree that is given to somebody.
pub(super) fn find(run: Run<'_>) -> Ran {
    let words = run.words();
    let Some((folder, rest)) = words.split_first() else { return Ran::failed(1, "find: no directory") };
    let given = |option: &str| {
        let at = rest.iter().position(|word| *word == option)?;
        rest.get(at + 1).copied()
    };
    match (given("-exec"), given("-name"), given("-t")) {
        (Some("install"), Some(name), Some(target)) if rest.contains(&"-delete") => {
            let from = format!("{folder}/{name}");
            if let Some(mut entry) = run.world.file(&from).cloned() {
                (entry.mode, entry.owner, entry.group) = (0o400, "root".to_owned(), "root".to_owned());
                run.world.place(&format!("{target}/{name}"), entry);
                run.world.put_file(&from, None);
            }
            Ran::default()
        }
        (Some("chown"), None, None) => {
            let owner = rest.iter().find(|word| word.contains(':')).copied().unwrap_or_default();
            let but = given("-path").unwrap_or_default();
            let within = |path: &str, above: &str| {
                path == above || path.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'))
            };
            let found: Vec<String> = run
                .world
                .files()
                .into_keys()
                .filter(|path| within(path, folder) && (but.is_empty() || !within(path, but)))
                .map(str::to_owned)
                .collect();
            let args: Vec<String> = std::iter::once(owner.to_owned()).chain(found).collect();
            chown(Run { world: run.world, args: &args, stdin: None })
        }
        _ => Ran::failed(1, "find: this is not simulated"),
    }
}

/// Makes files newer than all that is there.
pub(super) fn touch(run: Run<'_>) -> Ran {
    let words = run.words();
    let makes = !words.contains(&"-c");
    for path in words.into_iter().filter(|word| !word.starts_with('-')) {
        if run.world.file(path).is_none() {
            if !makes {
                continue;
            }
            run.world.write(path, "");
        }
        run.world.touch(path);
    }
    Ran::default()
}

fn missing(program: &str, path: &str) -> Ran {
    Ran::failed(1, format!("{program}: cannot access '{path}': No such file or directory"))
}

#[cfg(test)]
mod tests {
    use crate::sim::{programs::tests::say, world::World};

    #[test]
    fn owners_modes_and_ages_are_changed_and_told() {
        let mut world = World::of_image("debian-12");
        assert_eq!(say(&mut world, "stat -c %U /srv/a").status, 1);
        for path in ["/srv/a", "/srv/b"] {
            assert_eq!(say(&mut world, &format!("touch {path}")).status, 0);
        }
        assert_eq!(say(&mut world, "chown www-data:www-data /srv/a").status, 0);
        assert_eq!(say(&mut world, "chmod 0640 /srv/a").status, 0);
        assert_eq!(say(&mut world, "stat -c %U:%G /srv/a").stdout, "www-data:www-data\n");
        assert_eq!(say(&mut world, "stat -c %a /srv/a").stdout, "640\n");
        assert_eq!(say(&mut world, "chown nobody-there /srv/a").status, 1);
        assert_eq!(say(&mut world, "test /srv/b -nt /srv/a").status, 0);
        assert_eq!(say(&mut world, "touch -c -- /srv/a /srv/c").status, 0);
        assert_eq!(say(&mut world, "test /srv/b -nt /srv/a").status, 1);
        assert_eq!(say(&mut world, "test -e /srv/c").status, 1);
        assert_eq!(say(&mut world, "install -d -m 0750 -o 100033 -g 0 -- /srv/d").status, 0);
        assert_eq!(say(&mut world, "stat -c %u:%g:%a:%F /srv/d").stdout, "100033:0:750:directory\n");
        assert_eq!(say(&mut world, "install -d -m 0750 -o 1 -g 1 -- /srv/a").status, 1);
        assert_eq!(say(&mut world, "mv -fT -- /srv/a /srv/e").status, 0);
        assert_eq!(say(&mut world, "stat -c %U:%a /srv/e").stdout, "www-data:640\n");
        assert_eq!(say(&mut world, "mv -fT -- /srv/a /srv/e").status, 1);
    }
}
