//! Codes: what each finding means, for `explain`. A text says what is wrong and why it matters; what to do stands in
//! the finding's own hint. The texts stand in Markdown files beside this one, a heading a code.

/// The texts: about files, about disks and drivers, about guests on a host, about the network, about what Proxmox VE keeps by
/// its API, about plans, about plugins.
const TEXTS: [&str; 7] = [
    include_str!("configuration.md"),
    include_str!("disks.md"),
    include_str!("guests.md"),
    include_str!("network.md"),
    include_str!("objects.md"),
    include_str!("plans.md"),
    include_str!("plugins.md"),
];

/// Returns the explanation of a code.
pub(crate) fn explanation(code: &str) -> Option<String> {
    entries()
        .find(|(name, _)| *name == code)
        .map(|(_, text)| text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Goes through all codes that have an explanation.
pub(crate) fn all() -> impl Iterator<Item = &'static str> {
    entries().map(|(name, _)| name)
}

fn entries() -> impl Iterator<Item = (&'static str, &'static str)> {
    TEXTS.iter().flat_map(|text| text.split("\n## ").skip(1)).filter_map(|entry| entry.split_once('\n'))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_is_explained_once() {
        assert_eq!(all().collect::<BTreeSet<_>>().len(), all().count());
        assert!(all().all(|code| explanation(code).is_some_and(|text| text.ends_with('.'))));
    }
}
