//! A way into guests that counts how often it is taken.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use phoenix_core::{Action, BackendError, Evidence, GuestId, Probe, Site};
use phoenix_pve::channel::{Guard, Guarded, GuestChannel};

/// A way into guests, and how many questions went through it to each site since somebody looked.
pub struct Counted {
    inner: Arc<dyn GuestChannel>,
    asked: Mutex<BTreeMap<Site, usize>>,
}

impl Counted {
    /// Returns the way that goes through another one.
    pub fn new(inner: Arc<dyn GuestChannel>) -> Arc<Self> {
        Arc::new(Self { inner, asked: Mutex::default() })
    }

    /// Returns how many round trips there were to each site, and begins anew.
    pub fn take(&self) -> BTreeMap<Site, usize> {
        std::mem::take(&mut self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl GuestChannel for Counted {
    async fn ask(&self, site: &Site, probes: &[Probe]) -> Vec<Result<Evidence, BackendError>> {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner).entry(site.clone()).or_default() += 1;
        self.inner.ask(site, probes).await
    }

    async fn act(&self, site: &Site, action: &Action, secret: Option<&[u8]>) -> Result<(), BackendError> {
        self.inner.act(site, action, secret).await
    }

    async fn answer(
        &self,
        site: &Site,
        argv: &[String],
        stdin: Option<&[u8]>,
    ) -> Result<Vec<u8>, BackendError> {
        self.inner.answer(site, argv, stdin).await
    }

    async fn set_raw_keys(&self, guest: GuestId, lines: &[(String, String)]) -> Result<(), BackendError> {
        self.inner.set_raw_keys(guest, lines).await
    }

    async fn guard(&self, node: &str, what: &Guarded, guard: Guard) -> Result<(), BackendError> {
        self.inner.guard(node, what, guard).await
    }
}
