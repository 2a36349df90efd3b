//! Where artifacts come from.

use std::{collections::BTreeMap, path::Path};

use phoenix_core::{
    Artifact, Diagnostic, Diagnostics,
    artifact::{Artifacts, Format, Source, Unpack},
};

use crate::{
    format::artifact::{ArchiveFormat, ArtifactEntry},
    model::{HYPERVISOR_FILE, Model, Spot},
    source::escape,
};

/// Returns what the host's file says about artifacts.
pub(super) fn artifacts(model: &Model, findings: &mut Diagnostics) -> Artifacts {
    let mut artifacts =
        Artifacts { mirror: model.hypervisor.artifact_mirror.clone(), ..Artifacts::default() };
    for (name, entry) in &model.hypervisor.artifacts {
        match artifact(&model.dir, name, entry) {
            Some(artifact) => drop(artifacts.replaced.insert(name.clone(), artifact)),
            None => {
                let spot = Spot::new(HYPERVISOR_FILE, format!("/artifacts/{}", escape(name)));
                let message = format!("the artifact `{name}` needs either `url` or `file`");
                let hint = "`url` is where guests fetch it, `file` lies on the machine that Phoenix runs on";
                findings.push(spot.put(Diagnostic::error("artifact-source", message).with_hint(hint)));
            }
        }
    }
    artifacts
}

/// Reads a file that says which artifacts there are on this machine: an object as `artifacts` of the host's file, whose
/// relative paths start at the file's own directory.
pub fn read_artifacts(path: &Path) -> Result<BTreeMap<String, Artifact>, Diagnostic> {
    let wrong = |message: String| {
        Diagnostic::error("artifact-index", message)
            .with_hint("it is an object like `artifacts` of the host's file: `phoenix schema` has its keys")
    };
    let text = std::fs::read(path)
        .map_err(|error| wrong(format!("`{}` cannot be read: {error}", path.display())))?;
    let entries: BTreeMap<String, ArtifactEntry> = serde_json::from_slice(&text)
        .map_err(|error| wrong(format!("`{}` is no index of artifacts: {error}", path.display())))?;
    let dir = path.parent().unwrap_or(path);
    let artifact = |(name, entry): (String, ArtifactEntry)| match artifact(dir, &name, &entry) {
        Some(artifact) => Ok((name, artifact)),
        None => Err(wrong(format!("the artifact `{name}` needs either `url` or `file`"))),
    };
    entries.into_iter().map(artifact).collect()
}

fn artifact(dir: &Path, name: &str, entry: &ArtifactEntry) -> Option<Artifact> {
    let source = match (&entry.url, &entry.file) {
        (Some(url), None) => Source::Url(url.clone()),
        (None, Some(file)) => Source::File(dir.join(file).display().to_string()),
        (Some(_), Some(_)) | (None, None) => return None,
    };
    let unpack = entry.unpack.as_ref().map(|unpack| Unpack {
        format: match unpack.format {
            ArchiveFormat::Tar => Format::Tar,
            ArchiveFormat::Zip => Format::Zip,
        },
        member: unpack.member.clone(),
    });
    Some(Artifact {
        name: name.to_owned(),
        version: entry.version.clone().unwrap_or_else(|| "of the site".to_owned()),
        source,
        sha256: entry.sha256.to_lowercase(),
        unpack,
    })
}
