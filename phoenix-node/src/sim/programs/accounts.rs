//! Programs for user accounts.

use crate::sim::{
    programs::{Ran, Run},
    world::User,
};

pub(super) fn getent(run: Run<'_>) -> Ran {
    let line = |(name, user): (&str, &User)| {
        format!("{name}:x:{}:{}::{}:{}\n", user.uid, user.uid, user.home, user.shell)
    };
    match run.words()[..] {
        ["passwd"] => Ran::said(run.world.users().into_iter().map(line).collect::<String>()),
        ["passwd", wanted] => {
            let users = run.world.users();
            let found =
                users.into_iter().find(|(name, user)| *name == wanted || user.uid.to_string() == wanted);
            found.map_or_else(|| Ran::failed(2, ""), |found| Ran::said(line(found)))
        }
        ["group", wanted] => {
            let users = run.world.users();
            let members: Vec<&str> = users
                .iter()
                .filter(|(_, user)| user.groups.contains(wanted))
                .map(|(name, _)| *name)
                .collect();
            match users.get(wanted) {
                Some(user) => Ran::said(format!("{wanted}:x:{}:{}\n", user.uid, members.join(","))),
                None if members.is_empty() => Ran::failed(2, ""),
                None => Ran::said(format!("{wanted}:x:900:{}\n", members.join(","))),
            }
        }
        _ => Ran::failed(1, "Unknown database"),
    }
}

pub(super) fn id(run: Run<'_>) -> Ran {
    let words = run.words();
    let name = words.iter().copied().find(|word| !word.starts_with('-')).unwrap_or("root").to_owned();
    let Some(user) = run.world.user(&name) else {
        return Ran::failed(1, format!("id: '{name}': no such user"));
    };
    let mut groups = vec![name.as_str()];
    groups.extend(user.groups.iter().map(String::as_str));
    let flags: Vec<&str> = words.into_iter().filter(|word| word.starts_with('-')).collect();
    Ran::said(match flags[..] {
        ["-u" | "-g"] => format!("{}\n", user.uid),
        ["-un" | "-gn"] | ["-u" | "-g", "-n"] => format!("{name}\n"),
        ["-Gn"] | ["-nG"] | ["-G", "-n"] => format!("{}\n", groups.join(" ")),
        _ => format!("uid={0}({name}) gid={0}({name}) groups={1}\n", user.uid, groups.join(",")),
    })
}

pub(super) fn usermod(run: Run<'_>) -> Ran {
    let words = run.words();
    let Some((name, options)) = words.split_last() else { return Ran::failed(2, "usermod: no user") };
    let Some(mut user) = run.world.user(name).cloned() else {
        return Ran::failed(6, format!("usermod: user '{name}' does not exist"));
    };
    let appends = options.iter().any(|word| matches!(*word, "-a" | "--append" | "-aG"));
    let mut at = options.iter();
    while let Some(option) = at.next() {
        match *option {
            "-a" | "--append" => {}
            "-L" | "--lock" => user.password = false,
            "-U" | "--unlock" => user.password = true,
            "-aG" | "-G" | "--groups" | "-s" | "--shell" | "-d" | "--home" => {
                let Some(value) = at.next() else {
                    return Ran::failed(2, format!("usermod: {option} needs a value"));
                };
                match *option {
                    "-s" | "--shell" => user.shell = (*value).to_owned(),
                    "-d" | "--home" => user.home = (*value).to_owned(),
                    _ => {
                        if !appends {
                            user.groups.clear();
                        }
                        user.groups.extend(value.split(',').map(str::to_owned));
                    }
                }
            }
            other => return Ran::failed(2, format!("usermod: unknown option {other}")),
        }
    }
    let name = (*name).to_owned();
    run.world.put_user(&name, Some(user));
    Ran::default()
}

pub(super) fn chpasswd(run: Run<'_>) -> Ran {
    let text = String::from_utf8_lossy(run.stdin.unwrap_or_default()).into_owned();
    for name in text.lines().filter_map(|line| line.split_once(':').map(|(name, _)| name)) {
        let Some(user) = run.world.user(name).cloned() else {
            return Ran::failed(1, format!("chpasswd: (user {name}) does not exist"));
        };
        run.world.put_user(name, Some(User { password: true, ..user }));
    }
    Ran::default()
}

#[cfg(test)]
mod tests {
    use crate::sim::{programs::tests::say, world::World};

    #[test]
    fn accounts_are_found_and_changed() {
        let mut world = World::of_image("debian-12");
        assert_eq!(say(&mut world, "getent passwd root").stdout, "root:x:0:0::/root:/bin/bash\n");
        assert_eq!(say(&mut world, "getent passwd nobody-else").status, 2);
        assert_eq!(say(&mut world, "usermod -aG docker,adm root").status, 0);
        assert_eq!(say(&mut world, "id -nG root").stdout, "root adm docker\n");
    }
}
