//! Software of the host: packages, time, name, accounts, shares.

use serde_json::Value;

use super::Uses;

/// Adds the features that follow.
pub(super) fn add(uses: &mut Uses<'_, '_>) {
    let timezone = uses.context.host.timezone.clone();
    if let Some(timezone) = timezone
        && let Some(config) = uses.feature("base-setup", "/timezone")
    {
        config.entry("timezone").or_insert(Value::from(timezone));
    }
}
