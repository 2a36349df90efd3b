//! A config directory for one test, and what is expected of it.

use std::{collections::BTreeSet, fs};

use phoenix_config::{Loaded, load, render};
use phoenix_core::{Diagnostic, Severity};
use tempfile::TempDir;

/// A directory that goes away with the test.
pub(crate) struct Config {
    dir: TempDir,
}

impl Config {
    /// Returns a directory with an empty hypervisor's file.
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a place for temporary files") }
            .file("phoenix_hypervisor_config.json", "{}")
    }

    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        let path = self.dir.path().join(name);
        let parent = path.parent().expect("a file in the directory");
        fs::create_dir_all(parent).expect("the directory is ours");
        fs::write(path, text).expect("the directory is ours");
        self
    }

    pub(crate) fn host(self, text: &str) -> Self {
        self.file("phoenix_hypervisor_config.json", text)
    }

    pub(crate) fn lxc(self, text: &str) -> Self {
        self.file("phoenix_lxc_configs.json", text)
    }

    pub(crate) fn vm(self, text: &str) -> Self {
        self.file("phoenix_vm_configs.json", text)
    }

    pub(crate) fn path(&self) -> &std::path::Path {
        self.dir.path()
    }

    pub(crate) fn load(&self) -> Loaded {
        load(self.dir.path(), &BTreeSet::from(["base-setup".to_owned()]))
    }

    pub(crate) fn error(self, code: &str, line: u32) -> Diagnostic {
        self.find(Severity::Error, code, line)
    }

    pub(crate) fn warning(self, code: &str, line: u32) -> Diagnostic {
        self.find(Severity::Warning, code, line)
    }

    pub(crate) fn note(self, code: &str, line: u32) -> Diagnostic {
        self.find(Severity::Note, code, line)
    }

    pub(crate) fn has_only_notes(self) {
        let loaded = self.load();
        let bad = loaded.findings.iter().any(|finding| finding.severity != Severity::Note);
        assert!(!bad, "{}", render(&loaded.findings, &loaded.sources, false));
    }

    fn find(self, severity: Severity, code: &str, line: u32) -> Diagnostic {
        let loaded = self.load();
        let found = loaded.findings.iter().find(|finding| {
            let at = finding.place.as_ref().map_or(0, |place| place.line);
            finding.severity == severity && &*finding.code == code && at == line
        });
        let shown = || render(&loaded.findings, &loaded.sources, false);
        found.cloned().unwrap_or_else(|| panic!("no {severity} `{code}` in line {line}:\n{}", shown()))
    }
}
