//! Artifacts of a draft: which is installed, and why it is not yet.

use super::{Draft, content::other_owner};
use crate::{action::Action, artifact::Artifact, evidence::FileState, id::StepId};

impl Draft<'_> {
    /// Returns the artifact that is installed: what the site has, or the pinned one.
    pub fn chosen(&self, pinned: &Artifact) -> Artifact {
        self.artifacts.get(&pinned.name).unwrap_or(pinned).clone()
    }

    /// Adds a step that installs an artifact, or what the site has instead of it, unless exactly that is there.
    pub fn artifact(
        &mut self,
        pinned: &Artifact,
        path: &str,
        mode: u32,
        after: impl IntoIterator<Item = Option<StepId>>,
    ) -> Option<StepId> {
        let artifact = self.chosen(pinned);
        let wanted = format!("{} {}", artifact.name, artifact.version);
        let stamp = self.file(&artifact.stamp_path()).and_then(|stamp| stamp.text.as_deref());
        let is_it = |found: &FileState| {
            let sha256 = (!artifact.is_tree()).then_some(found.sha256.as_str());
            found.directory == artifact.is_tree() && stamp == Some(&artifact.stamp(sha256))
        };
        let reason = match self.file(path) {
            None => format!("`{path}` of {wanted} is missing"),
            Some(found) if !is_it(found) => format!("`{path}` is not that of {wanted}"),
            Some(found) => other_owner(path, found, mode, "root")?,
        };
        let site = self.site.clone();
        let verb = format!("install-{}", artifact.name);
        let action = Action::InstallArtifact { site, artifact, path: path.to_owned(), mode };
        Some(self.add(&verb, action, reason, after))
    }
}
