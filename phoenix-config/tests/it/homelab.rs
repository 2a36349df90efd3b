//! The example lab: it loads without a single error or warning.

use std::path::PathBuf;

use phoenix_config::{load, render};
use phoenix_core::Severity;

#[test]
fn the_example_lab_loads_without_errors_and_warnings() {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/homelab");
    let features = [
        "base-setup",
        "docker",
        "nginx",
        "python-api-service",
        "step-ca",
        "step-cli",
        "traefik",
        "trusted-ca",
    ];
    let loaded = load(&dir, &features.map(str::to_owned).into());
    let bad = loaded.findings.iter().filter(|finding| finding.severity != Severity::Note).count();
    assert_eq!(bad, 0, "{}", render(&loaded.findings, &loaded.sources, false));
    let guests = loaded.desired.resources.keys().filter(|id| id.guest().is_some());
    let ids: Vec<&str> = guests.map(|id| id.as_str()).collect();
    let wanted = [
        "lxc/101", "lxc/102", "lxc/103", "lxc/900", "lxc/901", "lxc/902", "lxc/903", "lxc/910", "lxc/950",
        "lxc/953", "lxc/955", "vm/1001", "vm/1002", "vm/9000",
    ];
    assert_eq!(ids, wanted);
    assert_eq!(loaded.host.addresses, ["10.0.0.13/24"]);
}
