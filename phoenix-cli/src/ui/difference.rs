//! How a plan changes files of hosts: line by line, as `diff -u` shows it.

use phoenix_core::{Action, Content, Evidence, Facts, Plan, Probe, Site, Step};
use similar::TextDiff;

/// Lines around a change.
const AROUND: usize = 2;

/// Returns the difference of each file that is there and is written anew. What is secret is never shown, nor is what only the
/// backend knows.
pub(super) fn files(plan: &Plan, facts: &Facts) -> Vec<String> {
    plan.steps.iter().filter_map(|step| file(step, facts)).collect()
}

fn file(step: &Step, facts: &Facts) -> Option<String> {
    let Action::WriteFile { site: site @ Site::Host(_), path, content, mode, .. } = &step.action else {
        return None;
    };
    // A file that others may not read is not shown to whoever looks over the shoulder.
    if mode & 0o004 == 0 || matches!(content, Content::Secret(_)) {
        return None;
    }
    let Some(Evidence::File(found)) = facts.get(&Probe::file(site, path.as_str())) else { return None };
    let old = found.text.as_deref().filter(|_| found.mode & 0o004 != 0)?;
    let new = content.over(old)?;
    if old == new {
        return None;
    }
    let diff = TextDiff::from_lines(old, new.as_str());
    let text = diff.unified_diff().context_radius(AROUND).header(path, &format!("{path} (new)")).to_string();
    Some(text.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use phoenix_core::{Phase, ResourceId, evidence::FileState};

    use super::*;

    fn shown(old: &str, new: &str, mode: u32) -> Option<String> {
        let site = Site::Host("pve".into());
        let state = FileState {
            directory: false,
            sha256: String::new(),
            mode,
            owner: "root".to_owned(),
            group: "root".to_owned(),
            link: None,
            text: Some(old.to_owned()),
        };
        let mut facts = Facts::new();
        facts.insert(Probe::file(&site, "/etc/a"), Evidence::File(state));
        let action = Action::WriteFile {
            site,
            path: "/etc/a".to_owned(),
            content: Content::Text(new.to_owned()),
            mode,
            owner: "root".to_owned(),
            group: "root".to_owned(),
            check: Vec::new(),
        };
        let id = ResourceId::new("host", "pve");
        file(&Step::new(&id, "samba", "write", Phase::Provision, action, "why"), &facts)
    }

    #[test]
    fn what_changes_is_shown_and_nothing_private() {
        let said = shown("a\nb\n", "a\nc\n", 0o644).unwrap();
        assert_eq!(said, "--- /etc/a\n+++ /etc/a (new)\n@@ -1,2 +1,2 @@\n a\n-b\n+c");
        assert_eq!(shown("a\n", "a\n", 0o644), None);
        assert_eq!(shown("a\n", "b\n", 0o600), None);
    }
}
