//! Files of a draft: what each shall hold, and why it does not yet.

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Draft;
use crate::{
    action::Action,
    content::Content,
    evidence::{Evidence, FileState},
    id::StepId,
    probe::Probe,
    render::render,
};

/// A file as it shall be. Its group is that of its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File<'a> {
    /// The absolute path.
    pub path: &'a str,
    /// What it shall hold.
    pub content: Content,
    /// Permission bits.
    pub mode: u32,
    /// The owner's name.
    pub owner: &'a str,
    /// A command that says whether the new file is good; `{}` stands for its path.
    pub check: Vec<String>,
}

impl<'a> File<'a> {
    /// Returns a file of root that everybody may read.
    pub fn text(path: &'a str, text: impl Into<String>) -> Self {
        Self { path, content: Content::Text(text.into()), mode: 0o644, owner: "root", check: Vec::new() }
    }

    /// Gives it another content.
    #[must_use]
    pub fn holding(mut self, content: Content) -> Self {
        self.content = content;
        self
    }

    /// Gives it another mode.
    #[must_use]
    pub fn with_mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// Gives it another owner.
    #[must_use]
    pub fn owned_by(mut self, owner: &'a str) -> Self {
        self.owner = owner;
        self
    }

    /// Has a command say whether the new file is good, before it takes the old one's place.
    #[must_use]
    pub fn checked_by<W: Into<String>>(mut self, argv: impl IntoIterator<Item = W>) -> Self {
        self.check = argv.into_iter().map(Into::into).collect();
        self
    }
}

impl Draft<'_> {
    /// Returns a template's text with these values; none, and a finding, if they do not fit. `name` is the file's.
    pub fn render<V: Serialize>(&mut self, name: &str, template: &str, values: V) -> Option<String> {
        match render(name, template, values) {
            Ok(text) => Some(text),
            Err(finding) => {
                self.find(finding);
                None
            }
        }
    }

    /// Adds a step that writes a file, unless it is as it shall be.
    pub fn write(
        &mut self,
        verb: &str,
        file: File<'_>,
        after: impl IntoIterator<Item = Option<StepId>>,
    ) -> Option<StepId> {
        self.write_when(verb, file, None, after)
    }

    /// Adds a step that writes a file, if there is a reason to, or if it is not as it shall be. What a command answers can
    /// only be known by asking it, so that a file of an [answer](Content::Answer) needs such a reason.
    pub fn write_when(
        &mut self,
        verb: &str,
        file: File<'_>,
        because: Option<String>,
        after: impl IntoIterator<Item = Option<StepId>>,
    ) -> Option<StepId> {
        let path = file.path;
        if let Content::Copy { site, path } = &file.content {
            // At once, so that the other site need not be asked a second time.
            self.ask(Probe::file(site, path));
        }
        let reason = match (self.file(path), because) {
            (None, _) => format!("`{path}` is missing"),
            (Some(_), Some(reason)) => reason,
            (Some(found), None) if self.is_other(&file.content, found) => {
                format!("`{path}` has another content")
            }
            (Some(found), None) => other_owner(path, found, file.mode, file.owner)?,
        };
        let action = Action::WriteFile {
            site: self.site.clone(),
            path: path.to_owned(),
            content: file.content,
            mode: file.mode,
            owner: file.owner.to_owned(),
            group: file.owner.to_owned(),
            check: file.check,
        };
        Some(self.add(verb, action, reason, after))
    }

    /// Tells whether a file is known to hold something else than it shall.
    fn is_other(&self, wanted: &Content, found: &FileState) -> bool {
        match wanted {
            Content::Text(text) => found.sha256 != sha256(text),
            Content::Block { .. } => match &found.text {
                Some(old) => wanted.over(old).as_deref() != Some(old),
                None => true,
            },
            // Nobody but the backend may know it.
            Content::Secret(_) | Content::Answer { .. } => false,
            // While the other site cannot be asked, what was copied once stays.
            Content::Copy { site, path } => match self.ask(Probe::file(site, path)) {
                Some(Evidence::File(source)) => source.sha256 != found.sha256,
                _ => false,
            },
        }
    }
}

/// Returns why a file or directory that holds what it shall must be touched all the same.
pub(super) fn other_owner(path: &str, found: &FileState, mode: u32, owner: &str) -> Option<String> {
    let bits = found.mode & 0o7777;
    if bits != mode {
        Some(format!("`{path}` has mode {bits:o} instead of {mode:o}"))
    } else if found.owner != owner {
        Some(format!("`{path}` belongs to `{}` instead of `{owner}`", found.owner))
    } else {
        None
    }
}

/// Returns where a link leads, be it written from `/` or from its own folder.
pub(super) fn leads_to(path: &str, link: &str) -> String {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let full = if link.starts_with('/') { link.to_owned() } else { format!("{folder}/{link}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in full.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::leads_to;

    #[test]
    fn a_link_leads_to_the_same_place_however_it_is_written() {
        for link in ["/usr/share/zone", "../usr/share/zone", "./../usr/share/zone", "../../usr/share/./zone"]
        {
            assert_eq!(leads_to("/etc/localtime", link), "/usr/share/zone", "{link}");
        }
        assert_eq!(leads_to("/etc/localtime", "zone"), "/etc/zone");
    }
}
