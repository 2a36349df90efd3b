//! What was at a path of a host before Phoenix first wrote there: kept once, so that it can be put back.

/// Where it is kept.
const KEPT: &str = "/var/lib/phoenix/before";
/// Where it is written down that nothing was there.
const NOTHING: &str = "/var/lib/phoenix/absent-before";

/// Returns where the file is kept that was at a path.
pub fn kept(path: &str) -> String {
    format!("{KEPT}{path}")
}

/// Returns the empty file that tells that nothing was at a path.
pub fn nothing(path: &str) -> String {
    format!("{NOTHING}{path}")
}
