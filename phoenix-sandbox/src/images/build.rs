//! Builds the tarball of a family with mmdebstrap, from a mirror of its distribution: the smallest system that boots,
//! with the programs that guests are expected to have, for most of them have no network to get more.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    command::{run, run_told},
    error::SandboxError,
    holder::find,
    images::{
        family::{Family, stem},
        keyring::keyring,
        mirror::{Mirror, lines, mirror},
    },
};

/// For the whole of one build, on a slow line.
pub(crate) const LIMIT: Duration = Duration::from_secs(1800);

/// What goes into every image beside the essential packages.
const PACKAGES: &[&str] = &[
    "apt",
    "bind9-dnsutils",
    "ca-certificates",
    "cron",
    "curl",
    "dbus",
    "git",
    "gnupg",
    "htop",
    "iproute2",
    "iputils-ping",
    "jq",
    "less",
    "locales",
    "netbase",
    "nfs-common",
    "openssh-server",
    "procps",
    "rsync",
    "sudo",
    "systemd",
    "systemd-sysv",
    "tzdata",
    "vim",
    "wget",
    "zstd",
];

/// Documents and translations stay out, now and when a guest installs more; licences stay in.
const DPKG: &[&str] = &[
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/locale/*",
    "path-include=/usr/share/locale/locale.alias",
    "path-exclude=/usr/share/vim/vim*/doc/*",
    "path-exclude=/usr/share/vim/vim*/lang/*",
    "path-exclude=/usr/share/vim/vim*/tutor/*",
    "path-exclude=/usr/share/zoneinfo/right/*",
];

const APT: &[&str] = &[
    r#"APT::Install-Recommends "false""#,
    r#"Acquire::Languages "none""#,
    r#"Acquire::Retries "2""#,
    r#"Acquire::http::Timeout "20""#,
    r#"Acquire::https::Timeout "20""#,
];

/// Settings of the machine's apt that hold for its line and its clock, so for a build as well.
const OF_THE_MACHINE: &[&str] = &[
    "Acquire::http::Proxy ",
    "Acquire::https::Proxy ",
    "Acquire::Check-Valid-Until ",
    "Acquire::Check-Date ",
];

const TRIM: &str = include_str!("trim.sh");

/// What stands beside a tarball: what is in it.
#[derive(Serialize)]
struct Contents<'a> {
    name: &'a str,
    suite: &'a str,
    architecture: &'a str,
    mirror: &'a str,
    /// Seconds since 1970.
    built: u64,
    recipe: &'a str,
    packages: BTreeMap<&'a str, &'a str>,
}

/// Builds `<cache>/<family>.tar.zst` and what describes it, and returns its path. `asked` is what somebody called it.
/// The caller holds the family's lock.
pub(crate) async fn build(
    family: Family,
    asked: &str,
    cache: &Path,
    progress: &(impl Fn(String) + Sync),
) -> Result<PathBuf, SandboxError> {
    if !rustix::process::geteuid().is_root() {
        return Err(SandboxError::NotRoot);
    }
    find("mmdebstrap", "mmdebstrap")?;
    find("zstd", "zstd")?;
    find("tar", "tar")?;
    remove_remains(cache, family)?;
    let place = tempfile::Builder::new().prefix(&prefix(family)).tempdir_in(cache);
    let place = place.map_err(SandboxError::file("write", cache))?;
    // The user `_apt` downloads into a folder below.
    open_to_all(place.path())?;
    let architecture = architecture()?;
    let mirror = mirror(family, Path::new("/etc"), architecture);
    let built = at(family, &mirror, architecture, place.path(), progress).await;
    let packed = built.map_err(|cause| SandboxError::Build {
        name: family.name.to_owned(),
        mirror: mirror.main.clone(),
        tarball: cache.join(if stem(asked) == asked { family.file } else { asked }),
        cause: Box::new(cause),
    })?;
    let target = cache.join(format!("{}.tar.zst", family.name));
    let beside = cache.join(format!("{}.json", family.name));
    fs::rename(place.path().join("contents.json"), &beside).map_err(SandboxError::file("write", &beside))?;
    fs::rename(packed, &target).map_err(SandboxError::file("write", &target))?;
    Ok(target)
}

/// Returns what tarballs are built by, as one word: it is another one when another list of packages, setting or trimming
/// makes other images.
pub(crate) fn recipe() -> String {
    let mut sum = Sha256::new();
    for part in [PACKAGES, DPKG, APT, &[TRIM]].into_iter().flatten() {
        sum.update(part);
        sum.update([0]);
    }
    sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns what the tarball of a family was built by; nothing if somebody has put it there.
pub(crate) fn recipe_of(cache: &Path, family: Family) -> Option<String> {
    let text = fs::read(cache.join(format!("{}.json", family.name))).ok()?;
    let contents: Value = serde_json::from_slice(&text).unwrap_or_default();
    // Those of the time before recipes have none written down.
    Some(contents["recipe"].as_str().unwrap_or_default().to_owned())
}

/// Returns this machine's architecture by Debian's name.
pub(crate) fn architecture() -> Result<&'static str, SandboxError> {
    match std::env::consts::ARCH {
        "x86_64" => Ok("amd64"),
        "aarch64" => Ok("arm64"),
        other => {
            Err(SandboxError::Wrong(format!("there are no images for this machine's architecture `{other}`")))
        }
    }
}

/// Lets everybody into a folder.
pub(crate) fn open_to_all(path: &Path) -> Result<(), SandboxError> {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).map_err(SandboxError::file("write", path))
}

async fn at(
    family: Family,
    mirror: &Mirror,
    architecture: &str,
    place: &Path,
    progress: &(impl Fn(String) + Sync),
) -> Result<PathBuf, SandboxError> {
    let name = family.name;
    let trim = place.join("trim.sh");
    fs::write(&trim, TRIM).map_err(SandboxError::file("write", &trim))?;
    open_to_all(&trim)?;
    let settings = machine_settings().await;
    let proxy =
        settings.iter().find_map(|line| line.strip_prefix(OF_THE_MACHINE[0])).map(|it| it.trim_matches('"'));
    progress(format!("`{name}`: building from `{}`, once", mirror.main));
    let keyring = keyring(family, place, proxy.filter(|proxy| !proxy.is_empty())).await?;
    let tar = place.join("new.tar");
    // Namespaces of its own: if this process is killed, so is all that the build started, with its mounts.
    let mut words: Vec<String> =
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "env"]
            .map(str::to_owned)
            .to_vec();
    words.push(format!("TMPDIR={}", place.display()));
    words.extend(["mmdebstrap", "--mode=root", "--variant=minbase", "--format=tar"].map(str::to_owned));
    words.push(format!("--architectures={architecture}"));
    words.push(format!("--include={}", PACKAGES.join(",")));
    words.push(format!("--keyring={}", keyring.display()));
    words.extend(APT.iter().map(|option| format!("--aptopt={option}")));
    words.extend(settings.iter().map(|option| format!("--aptopt={option}")));
    words.extend(DPKG.iter().map(|option| format!("--dpkgopt={option}")));
    words.push(format!("--customize-hook={}", trim.display()));
    words.extend([family.suite.to_owned(), tar.display().to_string()]);
    words.extend(lines(family, mirror));
    let told = |line: &str| {
        if let Some(said) = line.strip_prefix("I: ").filter(|said| !said.contains(['/', '\'', '('])) {
            progress(format!("`{name}`: {}", said.trim_end_matches('.')));
        }
    };
    run_told(&words, &[], LIMIT, told).await.map_err(|error| plain(error, family))?;
    progress(format!("`{name}`: packing"));
    let packed = place.join("new.tar.zst");
    let words = ["zstd", "-q", "-9", "-T0", "-f", "-o"].map(str::to_owned).into_iter();
    let words: Vec<String> = words.chain([packed.display().to_string(), tar.display().to_string()]).collect();
    run(&words, &[], LIMIT).await?;
    let file = fs::File::open(&packed).and_then(|file| file.sync_all());
    file.map_err(SandboxError::file("write", &packed))?;
    describe(family, mirror, architecture, place)?;
    Ok(packed)
}

/// Leaves of mmdebstrap's words those that say what failed.
fn plain(error: SandboxError, family: Family) -> SandboxError {
    let program = format!("mmdebstrap {}", family.suite);
    match error {
        SandboxError::Command { status, said, .. } => {
            let lines: Vec<&str> = said.lines().filter(|line| !line.starts_with("I: ")).collect();
            SandboxError::Command { program, status, said: lines.join("; ") }
        }
        SandboxError::Late { seconds, .. } => SandboxError::Late { program, seconds },
        SandboxError::Missing { .. }
        | SandboxError::NotRoot
        | SandboxError::File { .. }
        | SandboxError::Build { .. }
        | SandboxError::Wrong(_) => error,
    }
}

fn describe(family: Family, mirror: &Mirror, architecture: &str, place: &Path) -> Result<(), SandboxError> {
    let path = place.join("packages");
    let text = fs::read_to_string(&path).map_err(SandboxError::file("read", &path))?;
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let recipe = recipe();
    let contents = Contents {
        name: family.name,
        suite: family.suite,
        architecture,
        mirror: &mirror.main,
        built: since.as_secs(),
        recipe: &recipe,
        packages: text.lines().filter_map(|line| line.split_once(' ')).collect(),
    };
    let text = serde_json::to_vec_pretty(&contents).expect("strings and numbers are JSON");
    let path = place.join("contents.json");
    fs::write(&path, text).map_err(SandboxError::file("write", &path))
}

/// Asks the machine's apt. A machine without it has nothing to say.
pub(crate) async fn machine_settings() -> Vec<String> {
    let words = ["apt-config", "dump", "Acquire"].map(str::to_owned);
    let Ok(said) = run(&words, &[], Duration::from_secs(20)).await else { return Vec::new() };
    let lines = said.text.lines().map(|line| line.trim_end_matches(';'));
    lines.filter(|line| OF_THE_MACHINE.iter().any(|name| line.starts_with(name))).map(str::to_owned).collect()
}

fn prefix(family: Family) -> String {
    format!(".{}.build-", family.name)
}

/// Removes what a build left that was killed.
fn remove_remains(cache: &Path, family: Family) -> Result<(), SandboxError> {
    for entry in fs::read_dir(cache).map_err(SandboxError::file("read", cache))?.flatten() {
        if entry.file_name().to_string_lossy().starts_with(&prefix(family)) {
            // What the killed process started may still write there for a moment: the next build removes the rest.
            if let Err(error) = fs::remove_dir_all(entry.path()) {
                tracing::debug!("could not remove `{}`: {error}", entry.path().display());
            }
        }
    }
    Ok(())
}
