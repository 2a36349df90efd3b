//! The fixture, built with what is wrong with it, and how it is used.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use phoenix_core::{Capabilities, Diagnostics, Facts, Feature, GuestId, Site, Step};
use phoenix_plugin::host::{Launcher, Library, Mode, Options, Plugin, PluginError};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A directory with a built fixture.
pub(crate) struct Fixture {
    dir: TempDir,
}

/// Where a plugin runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Where {
    Child,
    InProcess,
}

/// Tells whether there is a compiler, and says so if a test is left out for want of one.
#[expect(clippy::print_stdout, reason = "a test that skips something says so")]
pub(crate) fn has_compiler() -> bool {
    let is_there = Command::new("cc").arg("--version").output().is_ok_and(|output| output.status.success());
    if !is_there {
        println!("skipped: there is no C compiler `cc`");
    }
    is_there
}

impl Fixture {
    /// Builds the fixture with these macros: `NAME` or `NAME=value`.
    pub(crate) fn new(macros: &[&str]) -> Self {
        let fixture = Self { dir: TempDir::new().expect("a temporary directory") };
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-I"])
            .arg(root.join("include"))
            .args(macros.iter().map(|definition| format!("-D{definition}")))
            .arg("-o")
            .arg(fixture.path())
            .arg(root.join("tests/it/fixture.c"))
            .output()
            .expect("there is a compiler");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        fixture
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("libfixture.so")
    }

    /// Returns why its file is refused.
    pub(crate) fn refusal(&self) -> PluginError {
        Library::read(&self.path(), None).expect_err("the file is refused")
    }

    /// Returns its plugin, which may write `/etc/motd`.
    pub(crate) fn plugin(&self, place: Where) -> Arc<Plugin> {
        self.plugin_with(place, json!({"files": ["/etc/motd"]}))
    }

    pub(crate) fn plugin_with(&self, place: Where, grant: Value) -> Arc<Plugin> {
        let library = Library::read(&self.path(), None).expect("a plugin");
        plugin(library, place, grant)
    }
}

/// Returns the plugin of a library.
pub(crate) fn plugin(library: Library, place: Where, grant: Value) -> Arc<Plugin> {
    let mode = match place {
        Where::Child => Mode::Child(Launcher::new(env!("CARGO_BIN_EXE_phoenix-plugin-serve"), &[])),
        Where::InProcess => Mode::InProcess,
    };
    let allowed: Capabilities = serde_json::from_value(grant).expect("capabilities");
    Plugin::new(library, Options { mode, timeout: Duration::from_secs(2), allowed })
}

pub(crate) fn site() -> Site {
    Site::Guest(GuestId::lxc(101))
}

/// Returns what the first feature plans if it is told to do something.
pub(crate) fn plan(plugin: &Arc<Plugin>, what: &str) -> Result<Vec<Step>, Diagnostics> {
    feature(plugin).plan(&site(), &json!({"do": what}), &Facts::new())
}

pub(crate) fn feature(plugin: &Arc<Plugin>) -> Box<dyn Feature> {
    plugin.features().remove(0)
}

/// Returns the one finding of a refusal: its code, its message and its hint.
pub(crate) fn one(refused: Result<Vec<Step>, Diagnostics>) -> (String, String, String) {
    let findings = refused.expect_err("refused").0;
    let [finding] = &findings[..] else { panic!("not one finding: {findings:?}") };
    assert!(!finding.message.contains(|c: char| c.is_control()), "{finding:?}");
    let hint = finding.hint.clone().unwrap_or_default();
    (finding.code.to_string(), finding.message.clone(), hint)
}
