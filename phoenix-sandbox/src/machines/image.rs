//! The images that disks of virtual machines begin with: a cloud image that somebody has put into the cache, or one built
//! here from the container image of the same system, with a kernel, cloud-init and QEMU's agent.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use sha2::{Digest as _, Sha256};

use super::disks::{format_of, img, info};
use crate::{
    Images, SandboxError,
    holder::find,
    images::{Family, apt_settings, families, lock},
    run,
    trees::{make, text},
};

const BUILD: &str = include_str!("machine.sh");
const LIMIT: Duration = Duration::from_secs(1800);
/// Room for a system that is then grown to the size of its disk.
const SIZE: u64 = 2 << 30;

/// What a disk begins with.
#[derive(Clone, Debug)]
pub(super) struct Base {
    pub(super) disk: PathBuf,
    pub(super) format: &'static str,
    pub(super) size: u64,
    pub(super) kernel: Option<(PathBuf, PathBuf)>,
}

/// Returns the image of a name, as a file of the node's own: what is in the cache may be replaced there.
pub(super) async fn base(
    images: &Images,
    store: &Path,
    name: &str,
    progress: impl Fn(String) + Sync,
) -> Result<Base, SandboxError> {
    make(store)?;
    let _held = lock(&store.join(".lock"), LIMIT, || ()).await?;
    let given = images.cache().join(name);
    if !name.contains('/') && !name.starts_with('.') && given.is_file() {
        let format = if info_of(&given).await?["format"] == "qcow2" { "qcow2" } else { "raw" };
        let disk = keep(&given, &store.join(format!("{name}.{format}"))).await?;
        return whole(disk, None).await;
    }
    let Some(family) = machine_family(name) else {
        let known: Vec<String> =
            families().iter().map(|one| format!("{}-{}", one.ostype, one.release)).collect();
        return Err(SandboxError::Wrong(format!(
            "there is no disk image `{name}`, and it cannot be built: put it at `{}`, or name one of `{}`",
            given.display(),
            known.join("`, `")
        )));
    };
    let built = built(images, family, &progress).await?;
    let own = |ending: &str| store.join(format!("{}.{ending}", stem(family)));
    for ending in ["kernel", "initrd"] {
        keep(&built.with_extension(ending), &own(ending)).await?;
    }
    let disk = keep(&built, &own("qcow2")).await?;
    whole(disk, Some((own("kernel"), own("initrd")))).await
}

/// Returns the family that a cloud image's name speaks of: `noble-server-cloudimg-amd64.img`,
/// `debian-12-genericcloud-amd64.qcow2`.
pub fn machine_family(name: &str) -> Option<Family> {
    let parts = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_ascii_alphanumeric() && c != '.').map(str::to_lowercase).collect()
    };
    let words = parts(name);
    let speaks_of = |family: &&Family| {
        let release = parts(&format!("{}-{}", family.ostype, family.release));
        words.iter().any(|word| *word == family.suite) || words.windows(2).any(|pair| pair == release)
    };
    families().iter().find(speaks_of).copied()
}

fn stem(family: Family) -> String {
    format!("{}-{}-machine", family.ostype, family.release)
}

async fn info_of(path: &Path) -> Result<serde_json::Value, SandboxError> {
    info(&["info", "-U", "--output=json", &text(path)?].map(str::to_owned)).await
}

async fn whole(disk: PathBuf, kernel: Option<(PathBuf, PathBuf)>) -> Result<Base, SandboxError> {
    let size = info_of(&disk).await?["virtual-size"].as_u64().unwrap_or(0);
    Ok(Base { format: format_of(&disk)?, disk, size, kernel })
}

/// Has a file of the cache under a name of the node's own, without a copy where both are on one file system.
async fn keep(from: &Path, to: &Path) -> Result<PathBuf, SandboxError> {
    if !to.is_file() && fs::hard_link(from, to).is_err() {
        let half = to.with_extension("half");
        let words = ["cp", "--reflink=auto", "--sparse=always", "--", &text(from)?, &text(&half)?];
        run(&words.map(str::to_owned), b"", LIMIT).await?;
        fs::rename(&half, to).map_err(SandboxError::file("rename", &half))?;
    }
    Ok(to.to_owned())
}

/// What an image was built from: another recipe or another tarball makes another image.
fn recipe(tarball: &Path, kernel: &str) -> Result<String, SandboxError> {
    let of_tarball = fs::metadata(tarball).map_err(SandboxError::file("read", tarball))?;
    let changed =
        of_tarball.modified().ok().and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    let text =
        format!("{BUILD}\n{kernel} {SIZE}\n{} {:?}", of_tarball.len(), changed.map(|since| since.as_secs()));
    Ok(Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Returns the built image of a family in the cache, which is built if it is not there.
async fn built(
    images: &Images,
    family: Family,
    progress: &(impl Fn(String) + Sync),
) -> Result<PathBuf, SandboxError> {
    let name = stem(family);
    let target = images.cache().join(format!("{name}.qcow2"));
    let note = images.cache().join(format!("{name}.recipe"));
    let tarball = images.tarball(family.name, progress).await?;
    let kernel = if family.ostype == "ubuntu" { "linux-image-virtual" } else { "linux-image-cloud-amd64" };
    let recipe = recipe(&tarball, kernel)?;
    let is_there = || target.is_file() && fs::read_to_string(&note).is_ok_and(|found| found == recipe);
    if is_there() {
        return Ok(target);
    }
    let waiting = || progress(format!("`{name}`: another process is building it; waiting"));
    let _held = lock(&images.cache().join(format!(".{name}.lock")), LIMIT, waiting).await?;
    if is_there() {
        return Ok(target);
    }
    progress(format!("`{name}`: a kernel, cloud-init and the agent come upon `{}`, once", family.name));
    let place = tempfile::Builder::new().prefix(&format!(".{name}.build-")).tempdir_in(images.cache());
    let place = place.map_err(SandboxError::file("write", images.cache()))?;
    find("mkfs.ext4", "e2fsprogs")?;
    let script = place.path().join("machine.sh");
    fs::write(&script, BUILD).map_err(SandboxError::file("write", &script))?;
    // Namespaces of its own: if this process is killed, so is all that the build started, with its mounts.
    let mut words: Vec<String> =
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", "/bin/sh"].map(str::to_owned).to_vec();
    words.extend([text(&script)?, text(&tarball)?, text(place.path())?, kernel.to_owned(), SIZE.to_string()]);
    for setting in apt_settings().await {
        // `Name "value";` in its files is `Name=value` as an option.
        if let Some((name, value)) = setting.split_once(' ') {
            words.extend(["-o".to_owned(), format!("{name}={}", value.trim_matches('"'))]);
        }
    }
    run(&words, b"", LIMIT).await.map_err(|error| {
        SandboxError::Wrong(format!(
            "could not build the disk image `{name}`: {error}; one can also be put at `{}`",
            target.display()
        ))
    })?;
    let raw = place.path().join("disk.raw");
    let packed = place.path().join("disk.qcow2");
    img(&["convert", "-q", "-O", "qcow2", &text(&raw)?, &text(&packed)?].map(str::to_owned)).await?;
    for ending in ["kernel", "initrd"] {
        let made = place.path().join(ending);
        fs::rename(&made, target.with_extension(ending)).map_err(SandboxError::file("rename", &made))?;
    }
    fs::rename(&packed, &target).map_err(SandboxError::file("rename", &packed))?;
    // Last, because who finds it takes the others for granted.
    fs::write(&note, recipe).map_err(SandboxError::file("write", &note))?;
    Ok(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cloud_image_is_of_the_family_that_its_name_speaks_of() {
        for (name, suite) in [
            ("noble-server-cloudimg-amd64.img", "noble"),
            ("ubuntu-24.04-server-cloudimg-amd64.img", "noble"),
            ("debian-12-genericcloud-amd64.qcow2", "bookworm"),
            ("debian-13", "trixie"),
        ] {
            assert_eq!(machine_family(name).map(|family| family.suite), Some(suite), "{name}");
        }
        for name in ["debian-1", "windows-2022.qcow2", "", "debian-120-generic"] {
            assert_eq!(machine_family(name), None, "{name}");
        }
    }
}
