//! New files that something must find good first, and artifacts that must be what was pinned: a bad one never takes the
//! place of what is there, and nothing is left beside it.

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::Path,
};

use phoenix_core::{
    Action, Artifact, BackendError, Content, ErrorKind,
    artifact::{Format, Source, Unpack},
};
use phoenix_pve::{GuestChannel, LiveChannel};
use sha2::{Digest, Sha256};

use super::machine::{GUEST, Machine, site};

fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Answers so many requests on loopback with these bytes, and returns the address.
fn serve(bytes: Vec<u8>, times: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().take(times) {
            let mut stream = stream.expect("a connection");
            let _ = stream.read(&mut [0; 4096]);
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", bytes.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&bytes));
        }
    });
    format!("http://{address}/v1/tool")
}

fn artifact(source: Source, sha256: String, unpack: Option<Unpack>) -> Action {
    let artifact = Artifact { name: "tool".into(), version: "1.0".into(), source, sha256, unpack };
    Action::InstallArtifact { site: site(), artifact, path: "/srv/bin/tool".into(), mode: 0o755 }
}

async fn act(channel: &LiveChannel, action: &Action, body: Option<&[u8]>) -> Result<(), BackendError> {
    channel.act(&site(), action, body).await
}

#[tokio::test]
async fn a_file_that_is_found_bad_never_replaces_a_good_one() {
    let Some(machine) = Machine::new() else { return };
    let channel = machine.channel();
    let write = |text: &str| Action::WriteFile {
        site: site(),
        path: "/srv/it's/app.conf".into(),
        content: Content::Text(text.into()),
        mode: 0o644,
        owner: "root".into(),
        group: "root".into(),
        check: ["grep", "-q", "--", "^good", "{}"].map(str::to_owned).to_vec(),
    };
    let folder = machine.guest_path(GUEST, "/srv/it's");
    act(&channel, &write("good 1\n"), None).await.unwrap();
    let error = act(&channel, &write("bad\n"), None).await.unwrap_err();
    assert_eq!(
        error.message,
        "`grep` finds the new `/srv/it's/app.conf` wrong, so the old one stays (in `lxc/101`)"
    );
    assert_eq!(fs::read_to_string(folder.join("app.conf")).unwrap(), "good 1\n");
    assert_eq!(names(&folder), ["app.conf"]);
    act(&channel, &write("good 2\n"), None).await.unwrap();
    assert_eq!(fs::read_to_string(folder.join("app.conf")).unwrap(), "good 2\n");
}

#[tokio::test]
async fn an_artifact_is_fetched_checked_and_installed_once() {
    let Some(machine) = Machine::new() else { return };
    let channel = machine.channel();
    let folder = machine.guest_path(GUEST, "/srv/bin");
    let tool = b"#!/bin/sh\necho \0 hello\n".to_vec();
    // It answers twice and no more: what is there already is not fetched again.
    let url = serve(tool.clone(), 2);
    let good = artifact(Source::Url(url.clone()), sum(&tool), None);
    for _ in 0..3 {
        act(&channel, &good, None).await.unwrap();
    }
    assert_eq!(fs::read(folder.join("tool")).unwrap(), tool);
    assert_eq!(fs::metadata(folder.join("tool")).unwrap().permissions().mode() & 0o7777, 0o755);
    let error = act(&channel, &artifact(Source::Url(url), sum(b"other"), None), None).await.unwrap_err();
    assert!(error.message.starts_with("what was fetched is not what was pinned"), "{error:?}");
    assert_eq!((fs::read(folder.join("tool")).unwrap(), names(&folder)), (tool, vec!["tool".to_owned()]));
    let missing = artifact(Source::Url("http://127.0.0.1:1/tool".into()), sum(b"other"), None);
    let error = act(&channel, &missing, None).await.unwrap_err();
    assert!(error.message.contains("`http://127.0.0.1:1/tool` could not be fetched"), "{error:?}");
    let file = artifact(Source::Url("file:///etc/passwd".into()), sum(b"other"), None);
    assert_eq!(act(&channel, &file, None).await.unwrap_err().kind, ErrorKind::Invalid);
}

#[tokio::test]
async fn one_file_of_an_archive_is_carried_in_and_unpacked() {
    let Some(machine) = Machine::new() else { return };
    let channel = machine.channel();
    let folder = machine.guest_path(GUEST, "/srv/bin");
    machine.inside(
        "mkdir -p '/srv/a b'; printf 'one\\n' >'/srv/a b/tool'; cd /srv; tar -czf t.tgz 'a b'; \
         python3 -c 'import zipfile; zipfile.ZipFile(\"t.zip\", \"w\").write(\"a b/tool\")'",
    );
    for (format, name) in [(Format::Tar, "t.tgz"), (Format::Zip, "t.zip")] {
        let packed = fs::read(machine.guest_path(GUEST, &format!("/srv/{name}"))).unwrap();
        let source = || Source::File("/not/read/here".into());
        let one = |member: &str| Some(Unpack { format, member: Some(member.to_owned()) });
        let good = artifact(source(), sum(&packed), one("a b/tool"));
        for _ in 0..2 {
            act(&channel, &good, Some(&packed)).await.unwrap();
            assert_eq!(fs::read_to_string(folder.join("tool")).unwrap(), "one\n");
        }
        // What somebody has changed is what the archive holds again.
        fs::write(folder.join("tool"), "two\n").unwrap();
        act(&channel, &good, Some(&packed)).await.unwrap();
        let stamp = fs::read_to_string(machine.guest_path(GUEST, "/var/lib/phoenix/artifacts/tool")).unwrap();
        assert_eq!(stamp, format!("{} {}\n", sum(&packed), sum(b"one\n")));
        let absent = artifact(source(), sum(&packed), one("nowhere"));
        fs::remove_file(folder.join("tool")).unwrap();
        let error = act(&channel, &absent, Some(&packed)).await.unwrap_err();
        assert_eq!(error.message, "`nowhere` could not be unpacked (in `lxc/101`)", "{error:?}");
        assert!(names(&folder).is_empty());
        // All of it, in place of an older one, but not of what somebody else has put there.
        let all = artifact(source(), sum(&packed), Some(Unpack { format, member: None }));
        machine
            .inside("mkdir /srv/bin/tool; touch /srv/bin/tool/theirs; rm -f /var/lib/phoenix/artifacts/tool");
        let error = act(&channel, &all, Some(&packed)).await.unwrap_err();
        assert_eq!(error.message, "`/srv/bin/tool` is there and is not Phoenix's (in `lxc/101`)");
        machine.inside("rm /srv/bin/tool/theirs");
        for _ in 0..2 {
            act(&channel, &all, Some(&packed)).await.unwrap();
            assert_eq!(names(&folder.join("tool")), ["a b"]);
            assert_eq!(names(&folder), ["tool"]);
        }
        machine.inside("rm -r /srv/bin/tool /var/lib/phoenix/artifacts/tool");
    }
}
