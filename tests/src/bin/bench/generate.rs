//! Generated labs: for every fifty guests a template; clones of it, full and linked by turns; some virtual machines;
//! `base-setup` in a part.

use phoenix_node::{NodeSeed, Options, StorageSeed};
use phoenix_tests::lab::{Lab, STORAGE, TEMPLATES, base_setup, cloned, container, machine, template};
use serde_json::json;

const FIRST: u32 = 100;
const MACHINES: u32 = FIRST + 1;
const PIB: u64 = 1 << 50;

/// Returns a lab of so many guests.
pub(crate) fn lab(size: u32) -> Lab {
    (0..size).fold(Lab::new(), |lab, index| {
        let vmid = FIRST + index;
        let setup = |packages: &[&str]| vec![base_setup(json!({ "packages": packages }))];
        let own_template = FIRST + index / 50 * 50;
        match index {
            0 => lab.with("lxc", template(container(vmid)), setup(&["ca-certificates", "curl"])),
            1 => lab.with("vm", template(machine(vmid)), Vec::new()),
            _ if vmid == own_template => {
                let spec = template(cloned(container(vmid), FIRST, "full"));
                lab.with("lxc", spec, setup(&["git"]))
            }
            _ if index % 10 == 1 => lab.with("vm", cloned(machine(vmid), MACHINES, "linked"), Vec::new()),
            _ => {
                let mode = if index % 2 == 0 { "full" } else { "linked" };
                let features = if index % 5 == 4 { setup(&["jq"]) } else { Vec::new() };
                lab.with("lxc", cloned(container(vmid), own_template, mode), features)
            }
        }
    })
}

/// Returns a node that such a lab fits on.
pub(crate) fn options() -> Options {
    let everything = ["backup", "images", "import", "iso", "rootdir", "snippets", "vztmpl"];
    let storages = vec![
        StorageSeed::new(TEMPLATES, "dir", &everything, PIB),
        StorageSeed::new(STORAGE, "lvmthin", &["images", "rootdir"], PIB),
    ];
    let seed = NodeSeed { storages, memory: PIB, cores: 1024, ..NodeSeed::default() };
    Options { seed, ..Options::default() }
}
