//! How a node begins, or begins afresh: with what its seed names, and with a way in for `root@pam`.

use super::Node;
use crate::{
    error::NodeError,
    options::NodeSeed,
    state::{State, access::ROOT},
};

impl Node {
    /// Begins afresh with this seed, while it is in use. Running tasks end with what they worked on. The password is
    /// that of `root@pam` if the seed has none.
    pub(crate) fn renew(&self, seed: &NodeSeed, password: Option<&str>) -> Result<(), NodeError> {
        let mut guard = self.state();
        if let Some(store) = &self.store {
            store.clear()?;
        }
        *guard = State::default();
        begin(&mut guard, seed, password)?;
        self.commit(&mut guard)?;
        drop(guard);
        self.changed.notify_waiters();
        Ok(())
    }

    /// Lets `root@pam` in: with this password, and with a token of this name, whose secret is returned.
    pub(crate) fn admit(&self, password: Option<&str>, token: &str) -> Result<String, NodeError> {
        let mut state = self.state();
        let random = |source| NodeError::Random { source };
        if let Some(text) = password.filter(|text| !state.access.is_password(ROOT, text)) {
            state.access.set_password(ROOT, text).map_err(random)?;
        }
        let secret = state.access.own_token(token).map_err(random)?;
        self.commit(&mut state)?;
        Ok(secret)
    }
}

/// Gives a state what the seed names, and `root@pam` a password if there is one to give and none yet.
pub(super) fn begin(state: &mut State, seed: &NodeSeed, password: Option<&str>) -> Result<(), NodeError> {
    state.merge_seed(seed);
    let has_one = state.access.users.get(ROOT).is_some_and(|root| root.password.is_some());
    match seed.password.as_deref().or(password).filter(|_| !has_one) {
        Some(text) => state.access.set_password(ROOT, text).map_err(|source| NodeError::Random { source }),
        None => Ok(()),
    }
}
