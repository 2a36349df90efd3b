//! Programs that look at files and say texts.

use crate::sim::{
    programs::{Ran, Run},
    world::Body,
};

pub(super) fn succeed(_: Run<'_>) -> Ran {
    Ran::default()
}

pub(super) fn fail(_: Run<'_>) -> Ran {
    Ran::failed(1, "")
}

pub(super) fn echo(run: Run<'_>) -> Ran {
    Ran::said(format!("{}\n", run.words().join(" ")))
}

pub(super) fn hostname(run: Run<'_>) -> Ran {
    match run.words()[..] {
        [] | ["-s" | "--short" | "-f" | "--fqdn"] => Ran::said(format!("{}\n", run.world.hostname())),
        [name] if !name.starts_with('-') => {
            run.world.set_hostname(name);
            Ran::default()
        }
        _ => Ran::failed(1, "hostname: unknown option"),
    }
}

pub(super) fn cat(run: Run<'_>) -> Ran {
    let mut said = Ran::default();
    for path in run.words() {
        match run.world.follow(path).map(|entry| &entry.body) {
            Some(Body::Text(text)) => said.stdout.push_str(text),
            Some(Body::Opaque { .. }) => {}
            Some(Body::Directory | Body::Tree) => {
                said.status = 1;
                said.stderr.push_str(&format!("cat: {path}: Is a directory\n"));
            }
            Some(Body::Link(_)) | None => {
                said.status = 1;
                said.stderr.push_str(&format!("cat: {path}: No such file or directory\n"));
            }
        }
    }
    said
}

/// Looks for plain text; what it says of patterns is what the proof of another program says.
pub(super) fn grep(run: Run<'_>) -> Ran {
    let (word, path, is_quiet) = match run.words()[..] {
        ["-q", "-F", "-e", word, path] => (word, path, true),
        ["-m", "1", word, path] => (word, path, false),
        _ => {
            let call = format!("grep\0{}", run.args.join("\0"));
            return run
                .world
                .said(&call)
                .map_or_else(|| Ran::failed(2, ""), |said| Ran::said(said.0.clone()));
        }
    };
    let Some(text) = run.world.text(path) else {
        return Ran::failed(2, format!("grep: {path}: No such file or directory"));
    };
    match text.lines().find(|line| line.contains(word)) {
        Some(_) if is_quiet => Ran::default(),
        Some(line) => Ran::said(format!("{line}\n")),
        None => Ran::failed(1, ""),
    }
}

pub(super) fn test(run: Run<'_>) -> Ran {
    let mut words = run.words();
    if words.last() == Some(&"]") {
        words.pop();
    }
    let (negated, words) = match words.split_first() {
        Some((&"!", rest)) => (true, rest.to_vec()),
        _ => (false, words),
    };
    let body = |path: &str| run.world.follow(path).map(|entry| &entry.body);
    let holds = match words[..] {
        ["-e", path] => body(path).is_some(),
        ["-f", path] => matches!(body(path), Some(Body::Text(_) | Body::Opaque { .. })),
        ["-d", path] => body(path).is_some_and(Body::is_directory),
        ["-L" | "-h", path] => matches!(run.world.file(path).map(|entry| &entry.body), Some(Body::Link(_))),
        ["-s", path] => {
            matches!(body(path), Some(Body::Opaque { .. }))
                || run.world.text(path).is_some_and(|text| !text.is_empty())
        }
        ["-x", path] => run.world.follow(path).is_some_and(|entry| entry.mode & 0o111 != 0),
        [left, "-nt", right] => {
            body(left).is_some() && (body(right).is_none() || run.world.is_newer(left, right))
        }
        ["-n", text] => !text.is_empty(),
        ["-z", text] => text.is_empty(),
        [left, "=", right] => left == right,
        [left, "!=", right] => left != right,
        _ => return Ran::failed(2, "test: unknown condition"),
    };
    if holds == negated { Ran::failed(1, "") } else { Ran::default() }
}

pub(super) fn ls(run: Run<'_>) -> Ran {
    let words = run.words();
    let paths: Vec<&str> = words.iter().copied().filter(|word| !word.starts_with('-')).collect();
    let mut said = Ran::default();
    for path in if paths.is_empty() { vec!["/root"] } else { paths } {
        match run.world.follow(path).map(|entry| &entry.body) {
            None => {
                said.status = 2;
                said.stderr.push_str(&format!("ls: cannot access '{path}': No such file or directory\n"));
            }
            Some(Body::Directory | Body::Tree) => {
                let prefix = format!("{}/", path.trim_end_matches('/'));
                for name in run.world.files().keys().filter_map(|file| file.strip_prefix(prefix.as_str())) {
                    if !name.is_empty() && !name.contains('/') && !name.starts_with('.') {
                        said.stdout.push_str(&format!("{name}\n"));
                    }
                }
            }
            Some(Body::Text(_) | Body::Opaque { .. } | Body::Link(_)) => {
                said.stdout.push_str(&format!("{path}\n"))
            }
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use crate::sim::{programs::tests::say, world::World};

    #[test]
    fn files_are_shown_listed_and_tested() {
        let mut world = World::of_image("debian-12");
        world.write("/srv/app/a.txt", "hello\n");
        assert_eq!(say(&mut world, "cat /srv/app/a.txt").stdout, "hello\n");
        assert_eq!(say(&mut world, "ls /srv/app").stdout, "a.txt\n");
        assert_eq!(say(&mut world, "test -d /srv/app").status, 0);
        assert_eq!(say(&mut world, "[ ! -f /srv/app/b.txt ]").status, 0);
        assert_eq!(say(&mut world, "cat /nope").status, 1);
    }
}
