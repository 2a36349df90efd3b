//! A directory for the sandbox of one test, which takes the sandbox with it even when the test fails.

use std::path::Path;

use phoenix_sandbox::Sandbox;
use tempfile::TempDir;

/// A directory with a node in it.
pub(crate) struct Place(TempDir);

impl Place {
    /// Makes one.
    pub(crate) fn new() -> Self {
        Self(TempDir::new().expect("a directory"))
    }

    /// Returns where it is.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let node = self.path().join("node");
        // A thread of its own, because the test's one may be unwinding inside its runtime.
        let cleared = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(Sandbox::clear(&node)).expect("clears");
        });
        let is_cleared = cleared.join().is_ok();
        assert!(is_cleared || std::thread::panicking(), "a sandbox is left at {}", self.path().display());
    }
}
