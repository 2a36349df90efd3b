//! The context of a verb: the options of every verb, the screen, and the managers and features.

use std::future::Future;

use phoenix_core::Registry;

use crate::{args::Global, error::Error, ui::Ui};

/// What every verb works with.
pub(crate) struct Context {
    /// The options of every verb.
    pub(crate) global: Global,
    /// The screen.
    pub(crate) ui: Ui,
}

impl Context {
    /// Returns the context of a run.
    pub(crate) fn new(global: Global, ui: Ui) -> Self {
        Self { global, ui }
    }

    /// Returns the managers and features of Phoenix itself.
    pub(crate) fn registry(&self) -> Registry {
        phoenix_cli::registry()
    }

    /// Runs a future to its end. Only verbs that talk to a host pay for a runtime.
    pub(crate) fn block_on<F, T>(&self, future: F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)?;
        runtime.block_on(future)
    }
}
