//! Images for real: a tarball is built (once for this machine, it stays in the cache), unpacked both ways, and removed.

#![allow(clippy::print_stdout, reason = "a test that is skipped says why")]

use std::{
    fs,
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::{Path, PathBuf},
    process::Command,
};

use phoenix_sandbox::{Images, Owners, SandboxError};

const NAME: &str = "debian-12-standard_12.12-1_amd64.tar.zst";

/// A group that is not root's: `shadow` in Debian.
const SHADOW: u32 = 42;

/// Says why these tests cannot run on this machine.
fn hindrance() -> Option<String> {
    if fs::metadata("/proc/self").is_ok_and(|own| own.uid() != 0) {
        return Some("real containers need root".into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let missing = |program: &&str| !std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    let programs = ["mmdebstrap", "zstd", "tar", "unshare", "lxc-usernsexec", "newuidmap"];
    programs.into_iter().find(missing).map(|program| format!("`{program}` is not installed"))
}

fn cache() -> PathBuf {
    std::env::var_os("PHOENIX_TEMPLATE_CACHE").map_or("/var/cache/phoenix/templates".into(), PathBuf::from)
}

/// Returns a place for trees: in memory if there is room. On a disk without journal, making files is slow for minutes
/// after thousands of them were removed, for everybody.
fn place() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let room = rustix::fs::statvfs(memory).map_or(0, |room| room.f_bavail * room.f_frsize);
    let place = if room > 2 << 30 { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    place.expect("a place for temporary files")
}

/// Returns images with the tarball in the cache, or nothing where this machine can have none.
async fn images(store: &Path) -> Option<Images> {
    if let Some(why) = hindrance() {
        println!("skipped: {why}");
        return None;
    }
    let images = Images::new(cache(), store);
    match images.tarball(NAME, |said| println!("{said}")).await {
        Ok(path) => assert!(path.is_file() && images.is_there(NAME)),
        Err(SandboxError::Build { mirror, cause, .. }) if !reachable(&mirror) => {
            println!("skipped: no tarball is in the cache, and `{mirror}` cannot be reached ({cause})");
            return None;
        }
        Err(error) => panic!("{error}"),
    }
    Some(images)
}

fn reachable(mirror: &str) -> bool {
    let release = format!("{mirror}/dists/bookworm/Release");
    let asked = Command::new("curl").args(["-fsS", "-m", "20", "-o", "/dev/null", &release]).status();
    asked.is_ok_and(|status| status.success())
}

/// Checks that a tree is one that containers can stand on, whose root is this user of the machine.
fn check(tree: &Path, root: u32) {
    let meta =
        |path: &str| fs::symlink_metadata(tree.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let owners = |path: &str| (meta(path).uid(), meta(path).gid());
    assert_eq!(owners("etc/passwd"), (root, root));
    assert_eq!(owners(""), (root, root));
    assert_eq!(meta("").mode() & 0o7777, 0o755);
    assert_eq!(owners("etc/shadow"), (root, root + SHADOW));
    assert_eq!(owners("dev"), (root, root));
    assert_eq!(meta("usr/bin/sudo").mode() & 0o7777, 0o4755, "the bit of `sudo` survives");
    assert_eq!(meta("tmp").mode() & 0o7777, 0o1777);
    assert!(!tree.join("etc/hostname").exists());
    assert_eq!(meta("etc/machine-id").len(), 0);
    assert_eq!(meta("etc/resolv.conf").len(), 0);
    assert!(!tree.join("usr/sbin/policy-rc.d").exists());
    assert_eq!(
        fs::read_link(tree.join("etc/systemd/system/sys-kernel-debug.mount")).expect("a link"),
        Path::new("/dev/null")
    );
    for program in ["curl", "git", "gpg", "htop", "jq", "rsync", "vim", "wget", "systemctl"] {
        let path = tree.join("usr/bin").join(program);
        assert!(fs::symlink_metadata(&path).is_ok(), "`{program}` is in the image");
    }
    let keys = fs::read_dir(tree.join("etc/ssh")).expect("a folder that root reads").flatten();
    assert_eq!(keys.filter(|entry| entry.file_name().to_string_lossy().starts_with("ssh_host_")).count(), 0);
    let mut folders = vec![tree.to_owned()];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder that root reads").flatten() {
            let (path, kind) = (entry.path(), entry.file_type().expect("it has a type"));
            assert!(!kind.is_char_device() && !kind.is_block_device(), "a device: {}", path.display());
            let uid = entry.metadata().expect("it is there").uid();
            assert!((root..root + 65_536).contains(&uid), "{}: {uid}", path.display());
            seen += 1;
            if kind.is_dir() {
                folders.push(path);
            }
        }
    }
    assert!(seen > 5000, "only {seen} files");
}

/// What a file may do beyond its user, as the kernel keeps it.
fn capability(path: &Path) -> String {
    let asked = Command::new("getcap").arg("-n").arg(path).output();
    asked.map(|said| String::from_utf8_lossy(&said.stdout).into_owned()).unwrap_or_default()
}

#[tokio::test]
async fn an_image_is_unpacked_once_with_plain_and_with_shifted_owners() {
    let place = place();
    let store = place.path().join("store");
    let Some(images) = images(&store).await else { return };
    let plain = images.unpack(NAME, Owners::Plain).await.unwrap();
    let tree = plain.file_name().expect("a name").to_string_lossy().into_owned();
    fs::create_dir_all(store.join(format!(".{tree}+shifted.unpack-killed/root/etc"))).unwrap();
    let (shifted, other) =
        tokio::join!(images.unpack(NAME, Owners::Shifted), images.unpack(NAME, Owners::Shifted));
    let shifted = shifted.unwrap();
    assert_eq!(other.unwrap(), shifted, "two who ask at once get one tree");
    let file = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    assert!(file(&plain).starts_with("debian-12-standard"));
    assert_eq!(file(&shifted), format!("{}+shifted", file(&plain)));
    check(&plain, 0);
    check(&shifted, 100_000);
    if Path::new("/usr/sbin/getcap").exists() || Path::new("/sbin/getcap").exists() {
        let said = capability(&shifted.join("usr/bin/ping"));
        assert!(said.contains("cap_net_raw") && said.contains("100000"), "{said}");
    }
    let names =
        fs::read_dir(&store).unwrap().flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    assert_eq!(
        names.filter(|name| name.contains(".unpack-")).count(),
        0,
        "what a killed process left is gone"
    );

    let number = |path: &Path| fs::metadata(path.join("etc/passwd")).unwrap().ino();
    let before = (number(&plain), number(&shifted));
    assert_eq!(images.unpack("debian-12-standard", Owners::Plain).await.unwrap(), plain);
    assert_eq!(images.unpack("debian-12-standard", Owners::Shifted).await.unwrap(), shifted);
    assert_eq!((number(&plain), number(&shifted)), before, "nothing is unpacked twice");

    images.remove_tree(&shifted).await.unwrap();
    images.remove_tree(&plain).await.unwrap();
    assert!(!plain.exists() && !shifted.exists());
}
