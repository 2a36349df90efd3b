//! Whether a caller may make a call.

use std::collections::BTreeMap;

use crate::{
    api::{
        caller::Caller,
        reply::Refusal,
        schema::{Given, rule::Rule},
    },
    state::State,
};

/// Refuses a call that its rule does not let the caller make.
pub(crate) fn check(
    _state: &State,
    caller: &Caller,
    rule: &Rule,
    _given: &BTreeMap<String, Given>,
) -> Result<(), Refusal> {
    match rule {
        Rule::World | Rule::All => Ok(()),
        _ if caller.is_root() => Ok(()),
        _ => Err(Refusal::Failed(403, "Permission check failed".to_owned())),
    }
}
