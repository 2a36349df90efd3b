//! Actions inside a container: each is done, done twice, and given its words and secrets so that nobody else reads them.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use phoenix_core::{
    Action, BackendError, Condition, Content, ErrorKind, Expect, GuestId, Probe, SecretRef, Site, UnitGoal,
};
use phoenix_pve::{ChannelLimits, GuestChannel, LiveChannel};

use super::machine::{GUEST, Machine, limits, site};

fn proof() -> Condition {
    Condition::new(Probe::Command { site: site(), argv: vec!["true".to_owned()] }, Expect::Succeeds)
}

fn run(argv: &[&str], stdin: Option<Content>) -> Action {
    Action::Run {
        site: site(),
        argv: argv.iter().map(|&word| word.to_owned()).collect(),
        stdin,
        proof: proof(),
    }
}

fn write(path: &str, content: Content, mode: u32) -> Action {
    let (owner, group) = ("root".to_owned(), "root".to_owned());
    Action::WriteFile { site: site(), path: path.to_owned(), content, mode, owner, group, check: Vec::new() }
}

fn text(text: &str) -> Content {
    Content::Text(text.to_owned())
}

async fn act(channel: &LiveChannel, action: &Action) -> Result<(), BackendError> {
    channel.act(&site(), action, None).await
}

#[tokio::test]
async fn files_are_written_whole_and_beside_what_was_there() {
    let Some(machine) = Machine::new() else { return };
    let channel = machine.channel();
    let at = |path: &str| machine.guest_path(GUEST, path);
    let odd = "$(id) `id` 'a' \"b\"\\n\n\n\t\r\0-e ü";
    let path = "/srv/new dir/-it's \"odd\"";
    for _ in 0..2 {
        act(&channel, &write(path, text(odd), 0o640)).await.unwrap();
        assert_eq!(fs::read_to_string(at(path)).unwrap(), odd);
    }
    assert_eq!(fs::metadata(at(path)).unwrap().permissions().mode() & 0o7777, 0o640);
    assert_eq!(fs::read_dir(at("/srv/new dir")).unwrap().count(), 1, "nothing is left beside it");
    // A long one, an empty one, one of somebody else's, one in place of a link.
    let long = "0123456789abcdef\n".repeat(200_000);
    act(&channel, &write("/srv/long", text(&long), 0o644)).await.unwrap();
    assert_eq!(fs::read_to_string(at("/srv/long")).unwrap(), long);
    act(&channel, &write("/srv/long", text(""), 0o4755)).await.unwrap();
    assert_eq!(fs::metadata(at("/srv/long")).unwrap().len(), 0);
    let (owner, group) = ("games".to_owned(), "audio".to_owned());
    let action = Action::WriteFile {
        site: site(),
        path: "/srv/owned".into(),
        content: text("x"),
        mode: 0o2750,
        owner,
        group,
        check: Vec::new(),
    };
    act(&channel, &action).await.unwrap();
    assert_eq!(machine.inside("stat -c '%U:%G %a' /srv/owned"), "games:audio 2750\n");
    machine.inside("mkdir /srv/d; ln -s d /srv/link");
    act(&channel, &write("/srv/link", text("file"), 0o644)).await.unwrap();
    assert_eq!(machine.inside("test -L /srv/link || cat /srv/link"), "file");
    // What cannot be.
    let error = act(&channel, &write("/srv/d", text("x"), 0o644)).await.unwrap_err();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::Failed, "`/srv/d` is a directory (in `lxc/101`)")
    );
    let owner = "nobody-at-all".to_owned();
    let action = Action::WriteFile {
        site: site(),
        path: "/srv/x".into(),
        content: text("x"),
        mode: 0o644,
        owner,
        group: "root".into(),
        check: Vec::new(),
    };
    let error = act(&channel, &action).await.unwrap_err();
    assert!(error.message.contains("invalid user"), "{error:?}");
    assert!(!at("/srv/x").exists());
    // A disk that is full says so, and keeps what it had.
    machine.inside("mkdir /full; mount -t tmpfs -o size=64k none /full; echo old >/full/f");
    let error = act(&channel, &write("/full/f", text(&long), 0o644)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Full, "{error:?}");
    assert_eq!(machine.inside("ls -A /full; cat /full/f"), "f\nold\n");
}

#[tokio::test]
async fn blocks_directories_links_and_removals_are_done_and_done_twice() {
    let Some(machine) = Machine::new() else { return };
    let channel = machine.channel();
    let block = |lines: &[&str]| {
        let lines = lines.iter().map(|&line| line.to_owned()).collect();
        write("/etc/hosts.phoenix", Content::Block { owner: "x".into(), lines }, 0o644)
    };
    machine.inside("printf 'theirs\\n' >/etc/hosts.phoenix");
    for _ in 0..2 {
        act(&channel, &block(&["mine $(id)"])).await.unwrap();
        let whole = "theirs\n# BEGIN phoenix x\nmine $(id)\n# END phoenix x\n";
        assert_eq!(machine.inside("cat /etc/hosts.phoenix"), whole);
    }
    act(&channel, &block(&[])).await.unwrap();
    assert_eq!(machine.inside("cat /etc/hosts.phoenix"), "theirs\n");
    machine.inside("rm /etc/hosts.phoenix");
    act(&channel, &block(&["mine"])).await.unwrap();
    machine.inside("printf '\\377' >/etc/hosts.phoenix");
    let error = act(&channel, &block(&["mine"])).await.unwrap_err();
    assert!(error.message.contains("no text that a block could be put into"), "{error:?}");

    let (owner, group) = ("games".to_owned(), "games".to_owned());
    let directory = |path: &str| Action::MakeDirectory {
        site: site(),
        path: path.to_owned(),
        mode: 0o2750,
        owner: owner.clone(),
        group: group.clone(),
    };
    let link =
        |path: &str, target: &str| Action::Symlink { site: site(), path: path.into(), target: target.into() };
    let remove = |path: &str| Action::RemoveFile { site: site(), path: path.into() };
    for _ in 0..2 {
        act(&channel, &directory("/srv/a/b c")).await.unwrap();
        act(&channel, &link("/srv/to/here", "-n $(id)\n")).await.unwrap();
        act(&channel, &remove("/etc/hosts.phoenix")).await.unwrap();
    }
    assert_eq!(machine.inside("stat -c '%a %U %G' '/srv/a/b c'"), "2750 games games\n");
    assert_eq!(machine.inside("readlink -n /srv/to/here"), "-n $(id)\n");
    machine.inside("ln -s /etc /srv/sneaky");
    let error = act(&channel, &directory("/srv/sneaky")).await.unwrap_err();
    assert!(error.message.contains("is there and is no directory"), "{error:?}");
    assert_eq!(machine.inside("stat -c %U /etc"), "root\n");
    act(&channel, &link("/srv/sneaky", "/usr")).await.unwrap();
    act(&channel, &remove("/srv/sneaky")).await.unwrap();
    for action in [link("/srv/a", "x"), remove("/srv/a")] {
        assert!(act(&channel, &action).await.unwrap_err().message.contains("is a directory"));
    }
    assert_eq!(machine.inside("ls -A /srv/to; ls /usr | wc -l").lines().count(), 2);
}

#[tokio::test]
async fn accounts_are_made_and_brought_to_their_shape() {
    let Some(machine) = Machine::new() else { return };
    let channel = machine.channel();
    let user = |shell: &str, groups: &[&str], hash: Option<SecretRef>| Action::EnsureUser {
        site: site(),
        name: "kim".into(),
        shell: shell.into(),
        groups: groups.iter().map(|&group| group.to_owned()).collect(),
        password_hash: hash,
    };
    let shadow = || machine.inside("getent shadow kim | cut -d: -f2").trim().to_owned();
    for _ in 0..2 {
        act(&channel, &user("/bin/bash", &["audio", "new-group"], None)).await.unwrap();
    }
    assert_eq!(
        machine.inside("getent passwd kim | cut -d: -f6,7; id -Gn kim"),
        "/home/kim:/bin/bash\nkim audio new-group\n"
    );
    assert!(shadow().starts_with('!'));
    let hash = "$6$salt$abc/def.$(id)";
    let secret = SecretRef::Env("X".into());
    channel.act(&site(), &user("/bin/sh", &["games"], Some(secret)), Some(hash.as_bytes())).await.unwrap();
    assert_eq!(shadow(), hash);
    assert_eq!(machine.inside("id -Gn kim"), "kim audio games new-group\n", "further groups stay");
    act(&channel, &user("/bin/sh", &[], None)).await.unwrap();
    assert_eq!(shadow(), format!("!{hash}"));
    let answer = channel.ask(&site(), &[Probe::User { site: site(), name: "kim".into() }]).await;
    let Ok(phoenix_core::Evidence::User { shell, groups, .. }) = &answer[0] else { panic!("{answer:?}") };
    assert_eq!((shell.as_str(), groups.len()), ("/bin/sh", 3));
}

#[tokio::test]
async fn packages_come_from_the_archive_that_the_guest_has() {
    let Some(machine) = Machine::new() else { return };
    let channel = machine.channel();
    machine.inside(include_str!("fixture/archive.sh"));
    let install = |names: &[&str]| Action::InstallPackages {
        site: site(),
        names: names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>(),
    };
    for _ in 0..2 {
        act(&channel, &install(&["phoenix-hello", "bash"])).await.unwrap();
    }
    let probe = Probe::Package { site: site(), name: "phoenix-hello".into() };
    let answer = channel.ask(&site(), &[probe]).await.pop().unwrap().unwrap();
    assert_eq!(answer, phoenix_core::Evidence::Package { version: "1.0-1".into() });
    let error = act(&channel, &install(&["does-not-exist"])).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Failed);
    assert!(
        error.log.iter().any(|line| line.contains("Unable to locate package does-not-exist")),
        "{error:?}"
    );
    machine.inside("rm /usr/bin/apt-get");
    let error = act(&channel, &install(&["bash"])).await.unwrap_err();
    assert_eq!(error.message, "`apt-get` is not there: this is no Debian (in `lxc/101`)");
}

#[tokio::test]
async fn a_new_source_is_read_first_and_one_out_of_reach_keeps_nothing_from_being_installed() {
    let Some(machine) = Machine::new() else { return };
    let channel = machine.channel();
    machine.inside(include_str!("fixture/sources.sh"));
    let install =
        |name: &str| Action::InstallPackages { site: site(), names: BTreeSet::from([name.to_owned()]) };
    let version = || machine.inside("dpkg-query -W -f='${Version}' phoenix-twice");
    act(&channel, &install("phoenix-twice")).await.unwrap();
    assert_eq!(version(), "1");
    machine.inside("dpkg --purge phoenix-twice");
    let source = "Types: deb\nURIs: file:/srv/archive2\nSuites: ./\nTrusted: yes\n";
    act(&channel, &write("/etc/apt/sources.list.d/new.sources", text(source), 0o644)).await.unwrap();
    machine.inside(": >/var/cache/apt/archives/fetched.deb");
    act(&channel, &install("phoenix-twice")).await.unwrap();
    assert_eq!(version(), "2");
    machine.inside("test -e /var/cache/apt/archives/fetched.deb");
    // What could not be read is told where it matters.
    let error = act(&channel, &install("does-not-exist")).await.unwrap_err();
    for said in ["Unable to locate package does-not-exist", "127.0.0.1", "/srv/nowhere"] {
        assert!(error.log.iter().any(|line| line.contains(said)), "{said}: {error:?}");
    }
}

#[tokio::test]
async fn units_are_brought_to_their_state() {
    let Some(machine) = Machine::new() else { return };
    let channel = machine.channel();
    machine.inside(": >/etc/systemd/system/web.service; : >/etc/systemd/system/broken.service");
    let unit = |name: &str, goal: UnitGoal, enabled: bool| Action::SetUnit {
        site: site(),
        name: name.into(),
        goal,
        enabled,
    };
    act(&channel, &unit("web.service", UnitGoal::Reloaded, true)).await.unwrap();
    let probe = Probe::Unit { site: site(), name: "web.service".into(), reads: Default::default() };
    let state = || async { channel.ask(&site(), std::slice::from_ref(&probe)).await.pop().unwrap().unwrap() };
    assert_eq!(
        state().await,
        phoenix_core::Evidence::Unit { active: true, enabled: true, stale: Default::default() }
    );
    act(&channel, &unit("web.service", UnitGoal::Stopped, false)).await.unwrap();
    assert_eq!(
        state().await,
        phoenix_core::Evidence::Unit { active: false, enabled: false, stale: Default::default() }
    );
    let error = act(&channel, &unit("no.service", UnitGoal::Started, true)).await.unwrap_err();
    assert_eq!(error.message, "unit `no.service` could not be found (in `lxc/101`)");
    let error = act(&channel, &unit("broken.service", UnitGoal::Started, true)).await.unwrap_err();
    assert_eq!(error.log, ["Job for broken.service failed"]);
}

#[tokio::test]
async fn commands_read_what_they_are_given_and_tell_how_they_ended() {
    let Some(machine) = Machine::new() else { return };
    let channel = machine.channel_with(ChannelLimits { work: Duration::from_secs(2), ..limits() });
    let odd = "$(id)\n\0'\"\\";
    act(&channel, &run(&["sh", "-c", "cat >\"$0\"", "/srv/-got it"], Some(text(odd)))).await.unwrap();
    assert_eq!(fs::read_to_string(machine.guest_path(GUEST, "/srv/-got it")).unwrap(), odd);
    // One that does not read, and one that says a lot.
    act(&channel, &run(&["true"], Some(text(&"x".repeat(1 << 20))))).await.unwrap();
    act(&channel, &run(&["seq", "200000"], None)).await.unwrap();
    let error =
        act(&channel, &run(&["sh", "-c", "echo said; echo wrong >&2; exit 255"], None)).await.unwrap_err();
    assert_eq!(error.message, "`sh` ended with status 255 in `lxc/101`");
    assert_eq!(error.log, ["wrong", "said"]);
    let error = act(&channel, &run(&["no-such-program"], None)).await.unwrap_err();
    assert!(error.message.contains("status 127"), "{error:?}");
    let error =
        act(&channel, &run(&["sh", "-c", "echo $$ >/tmp/pid; exec sleep 600"], None)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert_eq!(machine.inside("kill -0 $(cat /tmp/pid) 2>/dev/null || echo ended"), "ended\n");
    let error = channel.act(&Site::Guest(GuestId::lxc(999)), &run(&["true"], None), None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    machine.stop(GUEST);
    let error = act(&channel, &run(&["true"], None)).await.unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Unreachable, "`lxc/101` does not run"));
}

#[test]
fn secrets_are_in_no_command_line_and_no_environment() {
    let Some(machine) = Machine::new() else { return };
    let channel = machine.channel();
    let secret = "sEcReT-4f1d9c7a";
    let reference = || SecretRef::Env("X".into());
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let (mut leaks, mut looks) = (Vec::new(), 0);
            while !ended.load(Ordering::Relaxed) {
                looks += usize::from(look(secret, &mut leaks));
            }
            (leaks, looks)
        });
        let work = async {
            let slow = run(&["sh", "-c", "cat >/srv/got; sleep 1"], Some(Content::Secret(reference())));
            channel.act(&site(), &slow, Some(secret.as_bytes())).await.unwrap();
            let file = write("/srv/secret", Content::Secret(reference()), 0o600);
            let user = Action::EnsureUser {
                site: site(),
                name: "kim".into(),
                shell: "/bin/sh".into(),
                groups: BTreeSet::new(),
                password_hash: Some(reference()),
            };
            for action in [file, user] {
                channel.act(&site(), &action, Some(secret.as_bytes())).await.unwrap();
            }
        };
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work);
        ended.store(true, Ordering::Relaxed);
        let (leaks, looks) = watcher.join().unwrap();
        assert_eq!(leaks, Vec::<String>::new());
        assert!(looks > 0, "the command was never seen at work");
    });
    for path in ["/srv/got", "/srv/secret"] {
        assert_eq!(fs::read_to_string(machine.guest_path(GUEST, path)).unwrap(), secret);
    }
    assert_eq!(fs::metadata(machine.guest_path(GUEST, "/srv/secret")).unwrap().mode() & 0o777, 0o600);
}

/// Looks at every process; tells whether the command was at work, and adds what gives the secret away.
fn look(secret: &str, leaks: &mut Vec<String>) -> bool {
    let mut is_at_work = false;
    for entry in fs::read_dir("/proc").expect("there is one").flatten() {
        // The test's own process holds the secret's text in neither.
        for name in ["cmdline", "environ"] {
            let path = entry.path().join(name);
            let content = if is_number(&path) { fs::read(&path).unwrap_or_default() } else { Vec::new() };
            let content = String::from_utf8_lossy(&content);
            is_at_work |= content.contains("/srv/got; sleep");
            if content.contains(secret) {
                leaks.push(format!("{}: {content}", path.display()));
            }
        }
    }
    is_at_work
}

fn is_number(path: &Path) -> bool {
    let folder = path.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    folder.is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
}
