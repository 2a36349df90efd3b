//! Probes: many in one round trip, answered as the embedded node answers them.

use std::{fs, time::Duration};

use phoenix_core::{ErrorKind, Evidence, GuestId, Probe, Site, evidence::FileState};
use phoenix_pve::{ChannelLimits, GuestChannel, LiveChannel};

use super::machine::{GUEST, Machine, limits, site};

fn file(path: &str) -> Probe {
    Probe::File { site: site(), path: path.to_owned() }
}

fn command(argv: &[&str]) -> Probe {
    Probe::Command { site: site(), argv: argv.iter().map(|&word| word.to_owned()).collect() }
}

async fn ask(channel: &LiveChannel, probe: Probe) -> Evidence {
    channel.ask(&site(), &[probe]).await.pop().expect("an answer").expect("evidence")
}

async fn state(channel: &LiveChannel, path: &str) -> FileState {
    match ask(channel, file(path)).await {
        Evidence::File(state) => state,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_batch_of_probes_is_one_round_trip() {
    let Some(machine) = Machine::new() else { return };
    let channel = machine.channel();
    machine.inside("printf 'hi\\n' >/etc/motd; : >/etc/systemd/system/a.service");
    let unit = |name: &str| Probe::Unit { site: site(), name: name.to_owned(), reads: Default::default() };
    let package = |name: &str| Probe::Package { site: site(), name: name.to_owned() };
    let user = |name: &str| Probe::User { site: site(), name: name.to_owned() };
    let probes = [
        file("/etc/motd"),
        package("bash"),
        package("no-such-package"),
        package("bas*"),
        unit("a.service"),
        unit("b.service"),
        user("root"),
        user("nobody-at-all"),
        user("0"),
        command(&["echo", "a b"]),
        command(&["no-such-program"]),
        file("etc/relative"),
        file("/nowhere/at/all"),
    ];
    let answers = channel.ask(&site(), &probes).await;
    assert_eq!(machine.execs(), 1);
    assert_eq!(machine.cluster.state().calls.len(), 2, "where the guest is, and where its node is");
    let answers: Vec<_> = answers.into_iter().map(|answer| answer.map_err(|error| error.kind)).collect();
    let Ok(Evidence::File(motd)) = &answers[0] else { panic!("{answers:?}") };
    assert_eq!((motd.text.as_deref(), motd.mode, motd.owner.as_str()), (Some("hi\n"), 0o644, "root"));
    assert!(matches!(&answers[1], Ok(Evidence::Package { version }) if version.starts_with("5.")));
    assert_eq!(answers[2..4], [Ok(Evidence::Absent), Ok(Evidence::Absent)]);
    assert_eq!(answers[4], Ok(Evidence::Unit { active: false, enabled: false, stale: Default::default() }));
    assert_eq!(answers[5], Ok(Evidence::Absent));
    assert!(
        matches!(&answers[6], Ok(Evidence::User { uid: 0, home, groups, .. }) if home == "/root" && groups.is_empty())
    );
    assert_eq!(answers[7..9], [Ok(Evidence::Absent), Ok(Evidence::Absent)]);
    let said = |stdout: &str| Evidence::Output { status: 0, stdout: stdout.into(), stderr: String::new() };
    assert_eq!(answers[9], Ok(said("a b\n")));
    assert!(matches!(answers[10], Ok(Evidence::Output { status: 127, .. })));
    assert_eq!(answers[11], Err(ErrorKind::Invalid));
    assert_eq!(answers[12], Ok(Evidence::Absent));
}

#[tokio::test]
async fn words_reach_the_program_as_they_are() {
    let Some(machine) = Machine::new() else { return };
    let channel = machine.channel();
    let odd = [
        "$(touch /tmp/owned)",
        "`id`",
        "'",
        "\"",
        "a\nb\n",
        "",
        " ",
        "*",
        "\\0101\\n",
        "--help",
        "ü€",
        "; rm -rf /",
        "${HOME}",
        "=x",
    ];
    let argv: Vec<&str> = ["printf", "%s|"].into_iter().chain(odd).collect();
    let Evidence::Output { status, stdout, .. } = ask(&channel, command(&argv)).await else { panic!() };
    assert_eq!((status, stdout), (0, odd.map(|word| format!("{word}|")).concat()));
    let path = "/tmp/it's $(touch owned) \"here\"\n";
    fs::write(machine.guest_path(GUEST, path), "odd").unwrap();
    assert_eq!(state(&channel, path).await.text.as_deref(), Some("odd"));
    assert!(
        !machine.guest_path(GUEST, "/tmp/owned").exists() && !machine.guest_path(GUEST, "/owned").exists()
    );
}

#[tokio::test]
async fn files_directories_and_links_are_told_apart() {
    let Some(machine) = Machine::new() else { return };
    let channel = machine.channel();
    machine.inside(
        "cd /srv; mkdir -m 1777 d; ln -s d to-d; ln -s nowhere dangling; printf 'a\\0\\377' >bytes; chown games:audio bytes; \
         chmod 4750 bytes; ln -s \"$(printf 'x\\ny')\" lines; head -c 65536 /dev/zero | tr '\\0' a >brim; \
         head -c 65537 /dev/zero | tr '\\0' a >over; mkfifo pipe; : >empty; ln -s bytes/below not-a-directory",
    );
    let directory = state(&channel, "/srv/d").await;
    assert_eq!((directory.directory, directory.mode, directory.sha256.as_str()), (true, 0o1777, ""));
    let linked = state(&channel, "/srv/to-d").await;
    assert_eq!((linked.directory, linked.link.as_deref()), (true, Some("d")));
    let dangling = state(&channel, "/srv/dangling").await;
    assert_eq!((dangling.link.as_deref(), dangling.text, dangling.mode), (Some("nowhere"), None, 0o777));
    let bytes = state(&channel, "/srv/bytes").await;
    assert_eq!((bytes.text, bytes.mode), (None, 0o4750));
    assert_eq!((bytes.owner.as_str(), bytes.group.as_str()), ("games", "audio"));
    assert_eq!(bytes.sha256, machine.inside("sha256sum </srv/bytes | cut -c1-64").trim());
    assert_eq!(state(&channel, "/srv/lines").await.link.as_deref(), Some("x\ny"));
    assert_eq!(state(&channel, "/srv/brim").await.text.map(|text| text.len()), Some(65536));
    let over = state(&channel, "/srv/over").await;
    assert_eq!(
        (over.text, over.sha256),
        (None, machine.inside("sha256sum </srv/over | cut -c1-64").trim().to_owned())
    );
    assert_eq!(state(&channel, "/srv/pipe").await.sha256, "", "what would wait for ever is not read");
    let empty = state(&channel, "/srv/empty").await;
    assert_eq!((empty.text.as_deref(), &empty.sha256[..8]), (Some(""), "e3b0c442"));
    assert!(state(&channel, "/proc/self/status").await.text.is_some_and(|text| text.contains("Uid:")));
    assert_eq!(ask(&channel, file("/srv/bytes/below")).await, Evidence::Absent);
}

#[tokio::test]
async fn guests_that_are_stopped_or_not_there_are_told_apart() {
    let Some(machine) = Machine::new() else { return };
    let channel = machine.channel();
    machine.configure(102, "arch: amd64\n");
    let at = |vmid: u32| Site::Guest(GuestId::lxc(vmid));
    let asked = |site: Site| Probe::File { site, path: "/etc/motd".to_owned() };
    let reason = "`lxc/102` does not run".to_owned();
    let said = channel.ask(&at(102), &[asked(at(102))]).await.pop().unwrap().unwrap();
    assert_eq!(said, Evidence::Unreachable { reason });
    let said = channel.ask(&at(103), &[asked(at(103))]).await.pop().unwrap().unwrap();
    assert_eq!(said, Evidence::Absent);
    let host = Site::Host("pve1".into());
    let said =
        channel.ask(&host, &[Probe::File { site: host.clone(), path: "/usr/sbin/pct".to_owned() }]).await;
    assert!(matches!(said[..], [Ok(Evidence::File(_))]), "{said:?}");
    let other = Site::Host("pve9".into());
    let said = channel.ask(&other, &[asked(other.clone())]).await.pop().unwrap().unwrap();
    assert_eq!(said, Evidence::Absent);
    // The guest is gone meanwhile.
    assert!(matches!(ask(&channel, file("/etc/passwd")).await, Evidence::File(_)));
    fs::remove_file(machine.path("/etc/pve/lxc/101.conf")).unwrap();
    assert_eq!(ask(&channel, file("/etc/passwd")).await, Evidence::Absent);
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_ended_and_the_others_are_answered() {
    let Some(machine) = Machine::new() else { return };
    let channel = machine.channel_with(ChannelLimits { probe: Duration::from_secs(1), ..limits() });
    let probes = [command(&["sh", "-c", "echo $$ >/tmp/pid; exec sleep 600"]), command(&["echo", "here"])];
    let answers = channel.ask(&site(), &probes).await;
    assert_eq!(answers[0].as_ref().unwrap_err().kind, ErrorKind::Timeout);
    assert!(matches!(&answers[1], Ok(Evidence::Output { stdout, .. }) if stdout == "here\n"));
    assert_eq!(machine.inside("kill -0 $(cat /tmp/pid) 2>/dev/null || echo ended"), "ended\n");
    // And a batch as a whole.
    let channel = machine.channel_with(ChannelLimits { batch: Duration::from_secs(1), ..limits() });
    let answers = channel.ask(&site(), &[command(&["sh", "-c", "echo $$ >/tmp/pid; exec sleep 600"])]).await;
    assert_eq!(answers[0].as_ref().unwrap_err().kind, ErrorKind::Timeout);
}

#[tokio::test]
async fn a_command_that_says_too_much_is_ended() {
    let Some(machine) = Machine::new() else { return };
    let channel = machine.channel_with(ChannelLimits { output: 1000, ..limits() });
    let probes =
        [command(&["yes"]), command(&["sh", "-c", "yes >&2"]), command(&["sh", "-c", "printf %01000d 7"])];
    let answers = channel.ask(&site(), &probes).await;
    for answer in &answers[..2] {
        let error = answer.as_ref().unwrap_err();
        assert!(error.message.contains("says more than is kept"), "{error:?}");
    }
    assert!(matches!(&answers[2], Ok(Evidence::Output { stdout, .. }) if stdout.len() == 1000));
}

#[tokio::test]
async fn a_service_that_keeps_the_output_open_holds_nobody_up() {
    let Some(machine) = Machine::new() else { return };
    let said = ask(&machine.channel(), command(&["sh", "-c", "sleep 600 & echo started"])).await;
    assert!(matches!(&said, Evidence::Output { status: 0, stdout, .. } if stdout == "started\n"), "{said:?}");
}

#[tokio::test]
async fn a_guest_without_a_shell_or_tools_is_told_about() {
    let Some(machine) = Machine::new() else { return };
    let channel = machine.channel();
    machine.inside("mv /usr/bin/base64 /usr/bin/base65");
    let error = channel.ask(&site(), &[file("/etc")]).await.pop().unwrap().unwrap_err();
    assert_eq!(error.message, "`lxc/101` has no `base64`, which work inside it needs");
    machine.inside("rm /bin/sh /bin/dash");
    let error = channel.ask(&site(), &[file("/etc")]).await.pop().unwrap().unwrap_err();
    assert_eq!(error.message, "there is no shell in `lxc/101` that could be asked");
    fs::remove_file(machine.path("/usr/sbin/pct")).unwrap();
    let error = channel.ask(&site(), &[file("/etc")]).await.pop().unwrap().unwrap_err();
    assert!(error.message.starts_with("`pve1` has no `pct`"), "{error:?}");
}

#[tokio::test]
async fn a_command_answers_what_it_reads_and_fails_with_what_it_said() {
    let Some(machine) = Machine::new() else { return };
    let channel = machine.channel();
    let answer = async |script: &str, stdin: Option<&[u8]>| {
        let argv = ["sh", "-c", script].map(str::to_owned);
        channel.answer(&site(), &argv, stdin).await
    };
    let odd = "$(id) 'a' \"b\"\n\n\t\\n ü\n";
    assert_eq!(answer("cat", Some(odd.as_bytes())).await.unwrap(), odd.as_bytes());
    assert_eq!(answer("cat; echo noise >&2", None).await.unwrap(), b"", "nothing is there to be read");
    let failed = answer("echo why >&2; exit 3", None).await.unwrap_err();
    assert!(failed.message.contains("`sh` ended with status 3"), "{failed}");
    assert_eq!(failed.log, ["why"]);
    let whole = answer("head -c 65536 /dev/zero | tr '\\0' x", None).await.unwrap();
    assert_eq!(whole.len(), 65536);
    let long = answer("head -c 65537 /dev/zero | tr '\\0' x", None).await.unwrap_err();
    assert!(long.message.contains("says more than is kept"), "{long}");
}
