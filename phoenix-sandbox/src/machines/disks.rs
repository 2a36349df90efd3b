//! The disks of virtual machines: images of QEMU's own format, each with a note beside it that says what it boots.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::image::Base;
use crate::{
    SandboxError,
    holder::find,
    run,
    trees::{make, names, text},
};

/// How long a copy may take.
const COPY: Duration = Duration::from_secs(3600);

/// What stands beside a disk.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Note {
    /// Whether a machine has run on it.
    #[serde(default)]
    pub(super) is_used: bool,
    /// The disk that it was made from, as that was then.
    #[serde(default)]
    pub(super) origin: Option<Origin>,
    /// The disk that it is linked to.
    #[serde(default)]
    pub(super) below: Option<String>,
    /// The image that it stands on.
    #[serde(default)]
    pub(super) image: Option<PathBuf>,
    /// The kernel and its first file system, where the image has no boot loader.
    #[serde(default)]
    pub(super) kernel: Option<(PathBuf, PathBuf)>,
}

/// A disk that another was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Origin {
    pub(super) id: String,
    /// What changes whenever somebody writes to it.
    pub(super) print: String,
}

/// The disks in a directory.
#[derive(Debug)]
pub(super) struct DiskFiles {
    dir: PathBuf,
    /// Held by what looks who stands on whom.
    changing: Mutex<()>,
}

impl DiskFiles {
    pub(super) fn new(dir: PathBuf) -> Self {
        Self { dir, changing: Mutex::default() }
    }

    pub(super) fn path(&self, id: &str) -> PathBuf {
        self.dir.join(format!("{id}.qcow2"))
    }

    pub(super) fn exists(&self, id: &str) -> bool {
        self.path(id).is_file()
    }

    pub(super) fn note(&self, id: &str) -> Result<Note, SandboxError> {
        let path = self.dir.join(format!("{id}.json"));
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                SandboxError::Wrong(format!("`{}` cannot be read: {error}", path.display()))
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Note::default()),
            Err(source) => Err(SandboxError::file("read", &path)(source)),
        }
    }

    /// Makes an empty disk. One that is there is left as it is.
    pub(super) async fn create(&self, id: &str, size: u64) -> Result<(), SandboxError> {
        self.made(id, &Note::default(), |half| {
            Ok(["create", "-q", "-f", "qcow2", &text(half)?, &size.max(1 << 20).to_string()]
                .map(str::to_owned)
                .to_vec())
        })
        .await
    }

    /// Makes a disk that stands on an image, as large as the image at least.
    pub(super) async fn create_on(&self, id: &str, base: &Base, size: u64) -> Result<(), SandboxError> {
        let note = Note { image: Some(base.disk.clone()), kernel: base.kernel.clone(), ..Note::default() };
        let size = size.max(base.size).to_string();
        self.made(id, &note, |half| {
            let words = [
                "create",
                "-q",
                "-f",
                "qcow2",
                "-F",
                base.format,
                "-b",
                &text(&base.disk)?,
                &text(half)?,
                &size,
            ];
            Ok(words.map(str::to_owned).to_vec())
        })
        .await
    }

    /// Makes a disk that stands on another one, which must not be written to any more.
    pub(super) async fn link(&self, from: &str, to: &str) -> Result<(), SandboxError> {
        let below = self.known(from)?;
        let origin = Some(self.origin(from)?);
        let note = Note { below: Some(from.to_owned()), is_used: false, origin, ..self.note(from)? };
        self.made(to, &note, |half| {
            let words = ["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", &text(&below)?, &text(half)?];
            Ok(words.map(str::to_owned).to_vec())
        })
        .await
    }

    /// Copies a disk with all that it stands on but the image, as it is or as it was at a snapshot.
    pub(super) async fn copy(
        &self,
        from: &str,
        to: &str,
        snapshot: Option<&str>,
    ) -> Result<(), SandboxError> {
        let source = self.known(from)?;
        let origin = if snapshot.is_none() { Some(self.origin(from)?) } else { None };
        let note = Note { below: None, is_used: false, origin, ..self.note(from)? };
        self.made(to, &note, |half| converted(&source, half, note.image.as_deref(), snapshot)).await
    }

    /// Returns a disk as it is now.
    pub(super) fn origin(&self, id: &str) -> Result<Origin, SandboxError> {
        let path = self.known(id)?;
        let file = fs::metadata(&path).map_err(SandboxError::file("read", &path))?;
        let print = format!("{} {}.{} {}", file.ino(), file.mtime(), file.mtime_nsec(), file.len());
        Ok(Origin { id: id.to_owned(), print })
    }

    /// Takes, forgets or returns to a snapshot of a disk that nobody has open: `-c`, `-d`, `-a`.
    pub(super) async fn snapshot(&self, id: &str, what: &str, name: &str) -> Result<(), SandboxError> {
        let words = ["snapshot", "-q", what, name, &text(&self.known(id)?)?].map(str::to_owned);
        img(&words).await
    }

    /// Tells whether a disk has a snapshot.
    pub(super) async fn has_snapshot(&self, id: &str, name: &str) -> Result<bool, SandboxError> {
        let words = ["info", "-U", "--output=json", &text(&self.known(id)?)?].map(str::to_owned);
        let info = info(&words).await?;
        let list = info["snapshots"].as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(list.iter().any(|snapshot| snapshot["name"] == name))
    }

    /// Lets a disk that nobody has open be so large; it never shrinks.
    pub(super) async fn grow(&self, id: &str, size: u64) -> Result<(), SandboxError> {
        let path = text(&self.known(id)?)?;
        let words = ["info", "-U", "--output=json", &path].map(str::to_owned);
        if info(&words).await?["virtual-size"].as_u64().is_some_and(|now| now >= size) {
            return Ok(());
        }
        img(&["resize", "-q", &path, &size.to_string()].map(str::to_owned)).await
    }

    /// Removes disks; those that others stand on stay, without a name, until those are gone.
    pub(super) async fn remove(&self, ids: &[String]) -> Result<(), SandboxError> {
        let _held = self.changing.lock().await;
        let notes = || -> Result<Vec<Note>, SandboxError> {
            let all = names(&self.dir)?;
            all.iter().filter_map(|name| name.strip_suffix(".json")).map(|id| self.note(id)).collect()
        };
        for id in ids {
            if notes()?.iter().any(|note| note.below.as_deref() == Some(id)) {
                return Err(SandboxError::Wrong(format!("another disk stands on `{id}`")));
            }
            for path in [self.path(id), self.dir.join(format!("{id}.json"))] {
                match fs::remove_file(&path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(SandboxError::file("remove", &path)(error));
                    }
                    Ok(()) | Err(_) => {}
                }
            }
        }
        Ok(())
    }

    /// Writes down that a machine runs on a disk.
    pub(super) fn use_up(&self, id: &str) -> Result<(), SandboxError> {
        let note = self.note(id)?;
        if note.is_used || !self.exists(id) {
            return Ok(());
        }
        self.write_note(id, &Note { is_used: true, ..note })
    }

    /// Lets a disk that nobody has used go on from another one, which has what it has: linked or copied, as it is itself.
    pub(super) async fn go_on_from(&self, id: &str, life: &Path) -> Result<(), SandboxError> {
        let note = self.note(id)?;
        let path = self.known(id)?;
        let size = info(&["info", "-U", "--output=json", &text(&path)?].map(str::to_owned)).await?;
        let size = size["virtual-size"].as_u64().unwrap_or(0).to_string();
        let half = self.dir.join(format!("{id}.half"));
        let half_text = text(&half)?;
        match note.below {
            Some(_) => {
                let words =
                    ["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", &text(life)?, &half_text, &size];
                img(&words.map(str::to_owned)).await?;
            }
            None => {
                img(&converted(life, &half, note.image.as_deref(), None)?).await?;
                img(&["resize", "-q", &half_text, &size].map(str::to_owned)).await?;
            }
        }
        fs::rename(&half, &path).map_err(SandboxError::file("rename", &half))
    }

    fn write_note(&self, id: &str, note: &Note) -> Result<(), SandboxError> {
        let path = self.dir.join(format!("{id}.json"));
        let half = self.dir.join(format!("{id}.note"));
        let json = serde_json::to_vec(note).map_err(|error| SandboxError::Wrong(error.to_string()))?;
        fs::write(&half, json).map_err(SandboxError::file("write", &half))?;
        fs::rename(&half, &path).map_err(SandboxError::file("rename", &half))
    }

    pub(super) fn known(&self, id: &str) -> Result<PathBuf, SandboxError> {
        match self.exists(id) {
            true => Ok(self.path(id)),
            false => Err(SandboxError::Wrong(format!("there is no disk `{id}`"))),
        }
    }

    /// Makes a disk under another name first, so that one that is there is whole.
    async fn made(
        &self,
        id: &str,
        note: &Note,
        words: impl FnOnce(&Path) -> Result<Vec<String>, SandboxError>,
    ) -> Result<(), SandboxError> {
        let _held = self.changing.lock().await;
        if self.exists(id) {
            return Ok(());
        }
        make(&self.dir)?;
        let half = self.dir.join(format!("{id}.half"));
        img(&words(&half)?).await?;
        self.write_note(id, note)?;
        fs::rename(&half, self.path(id)).map_err(SandboxError::file("rename", &half))
    }
}

/// Returns the words that copy a disk with all that it stands on but the image.
fn converted(
    from: &Path,
    to: &Path,
    image: Option<&Path>,
    snapshot: Option<&str>,
) -> Result<Vec<String>, SandboxError> {
    let mut words = ["convert", "-q", "-O", "qcow2", "-U"].map(str::to_owned).to_vec();
    if let Some(image) = image {
        words.extend(["-B".to_owned(), text(image)?, "-F".to_owned(), format_of(image)?.to_owned()]);
    }
    if let Some(name) = snapshot {
        words.extend(["-l".to_owned(), format!("snapshot.name={name}")]);
    }
    words.extend([text(from)?, text(to)?]);
    Ok(words)
}

/// Returns the format of an image by its name.
pub(super) fn format_of(path: &Path) -> Result<&'static str, SandboxError> {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("qcow2") => Ok("qcow2"),
        Some("raw") => Ok("raw"),
        Some(_) | None => Err(SandboxError::Wrong(format!("`{}` is no image of a disk", path.display()))),
    }
}

/// Runs `qemu-img`.
pub(super) async fn img(words: &[String]) -> Result<(), SandboxError> {
    info_text(words).await.map(drop)
}

/// Runs `qemu-img` and reads what it says.
pub(super) async fn info(words: &[String]) -> Result<serde_json::Value, SandboxError> {
    let said = info_text(words).await?;
    serde_json::from_str(&said)
        .map_err(|error| SandboxError::Wrong(format!("`qemu-img` says no JSON: {error}")))
}

async fn info_text(words: &[String]) -> Result<String, SandboxError> {
    let program = find("qemu-img", "qemu-utils")?.display().to_string();
    let all: Vec<String> = [program].into_iter().chain(words.iter().cloned()).collect();
    run(&all, b"", COPY).await.map(|said| said.text)
}
