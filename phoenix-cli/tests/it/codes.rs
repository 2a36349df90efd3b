//! Every code that any crate can report has an explanation.

use std::{collections::BTreeSet, fs, path::Path};

use crate::lab::Lab;

/// Calls whose first text in kebab-case is a code.
const MAKERS: [&str; 4] = ["Diagnostic::error(", "Diagnostic::warning(", "Diagnostic::note(", "fault("];
/// The same for the loader's own checks, where the place comes first.
const CHECKS: [&str; 4] = [".error(", ".warning(", ".note(", ".report("];

#[test]
fn explain_knows_every_code_of_the_sources() {
    let lab = Lab::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut codes = BTreeSet::new();
    for dir in [
        "phoenix-core",
        "phoenix-config",
        "phoenix-hypervisor",
        "phoenix-lxc",
        "phoenix-net",
        "phoenix-plugin",
        "phoenix-vm",
        "plugins",
    ] {
        collect(&root.join(dir), &mut codes);
    }
    assert!(codes.len() > 80, "the scan finds too little: {codes:?}");
    let known = lab.does(&["explain"]);
    let known: BTreeSet<&str> = known.split([' ', ',', '\n']).collect();
    let missing: Vec<_> = codes.iter().filter(|code| !known.contains(code.as_str())).collect();
    assert!(missing.is_empty(), "without explanation: {missing:?}");
    assert!(lab.does(&["explain", "unknown-key"]).starts_with("unknown-key: "));
}

fn collect(dir: &Path, codes: &mut BTreeSet<String>) {
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let path = entry.path();
        let is_product = !path.ends_with("tests") && !path.ends_with("target") && !path.ends_with("tests.rs");
        if path.is_dir() && is_product {
            collect(&path, codes);
        } else if is_product && path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let product = text.split("#[cfg(test)]").next().unwrap_or_default();
            let checks: &[&str] =
                if path.components().any(|part| part.as_os_str() == "cross") { &CHECKS } else { &[] };
            for maker in MAKERS.iter().chain(checks) {
                codes.extend(product.split(maker).skip(1).filter_map(code));
            }
        }
    }
}

/// Returns the code among the first arguments of a call.
fn code(arguments: &str) -> Option<String> {
    let arguments = arguments.split([';', '{']).next()?;
    let first = arguments.split('"').nth(1)?;
    let is_code = first.contains('-') && first.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    is_code.then(|| first.to_owned())
}
