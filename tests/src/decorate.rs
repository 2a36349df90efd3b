//! Decorators: backends that fail, repeat or forget, around one that works.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use phoenix_core::{Backend, BackendError, Demand, ErrorKind, Evidence, Probe, Reader, Step, engine::Events};

/// When a failing backend fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Before it does anything.
    Before,
    /// After all is done: the reply is lost.
    After,
}

/// Fails at the nth action, counted from 0.
pub struct Failing {
    inner: Arc<dyn Backend>,
    at: usize,
    when: When,
    count: AtomicUsize,
}

/// Performs every action twice.
pub struct Twice(pub Arc<dyn Backend>);

impl Failing {
    /// Returns a backend that fails once.
    pub fn new(inner: Arc<dyn Backend>, at: usize, when: When) -> Self {
        Self { inner, at, when, count: AtomicUsize::new(0) }
    }
}

#[async_trait]
impl Reader for Failing {
    async fn read(&self, probes: &[Probe]) -> Vec<Result<Evidence, BackendError>> {
        self.inner.read(probes).await
    }
}

#[async_trait]
impl Backend for Failing {
    async fn perform(&self, step: &Step, events: &Events) -> Result<(), BackendError> {
        let fails = self.count.fetch_add(1, Ordering::SeqCst) == self.at;
        if !(fails && self.when == When::Before) {
            self.inner.perform(step, events).await?;
        }
        if fails {
            return Err(BackendError::new(ErrorKind::Failed, "failed on purpose"));
        }
        Ok(())
    }

    fn demand(&self, step: &Step) -> Demand {
        self.inner.demand(step)
    }
}

#[async_trait]
impl Reader for Twice {
    async fn read(&self, probes: &[Probe]) -> Vec<Result<Evidence, BackendError>> {
        self.0.read(probes).await
    }
}

#[async_trait]
impl Backend for Twice {
    async fn perform(&self, step: &Step, events: &Events) -> Result<(), BackendError> {
        self.0.perform(step, events).await?;
        self.0.perform(step, events).await
    }

    fn demand(&self, step: &Step) -> Demand {
        self.0.demand(step)
    }
}
