//! Strategies: labs made up by proptest: templates, clones of them in chains, virtual machines, dependencies,
//! mount points, snapshots, features.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::lab::{Lab, STORAGE, base_setup, cloned, container, machine, template};

/// What one made-up guest is like.
#[derive(Clone, Debug)]
struct Sketch {
    is_vm: bool,
    is_template: bool,
    parent: Option<usize>,
    linked: bool,
    memory: u64,
    extra_disk: u64,
    dependency: Option<usize>,
    has_feature: bool,
    package: &'static str,
    stopped: bool,
    mount: bool,
    snapshots: bool,
    tags: Vec<&'static str>,
    fixed_mac: bool,
}

/// Returns labs of one to `most` guests.
pub fn labs(most: usize) -> impl Strategy<Value = Lab> {
    prop::collection::vec(sketch(), 1..=most).prop_map(|sketches| lab(&sketches))
}

fn sketch() -> impl Strategy<Value = Sketch> {
    let shape = (any::<bool>(), any::<bool>(), prop::option::of(0usize..8), any::<bool>());
    let sizes = (256u64..4096, 0u64..3, prop::option::of(0usize..8));
    let inside = (any::<bool>(), prop::sample::select(vec!["curl", "git", "jq"]), any::<bool>());
    let more = (
        any::<bool>(),
        any::<bool>(),
        prop::sample::subsequence(vec!["Prod", "ai", "web"], 0..=3),
        any::<bool>(),
    );
    (shape, sizes, inside, more).prop_map(|(shape, sizes, inside, more)| Sketch {
        is_vm: shape.0,
        is_template: shape.1,
        parent: shape.2,
        linked: shape.3,
        memory: sizes.0,
        extra_disk: sizes.1,
        dependency: sizes.2,
        has_feature: inside.0,
        package: inside.1,
        stopped: inside.2,
        mount: more.0,
        snapshots: more.1,
        tags: more.2,
        fixed_mac: more.3,
    })
}

fn lab(sketches: &[Sketch]) -> Lab {
    let mut lab = Lab::new();
    let mut specs: Vec<(&'static str, Value)> = Vec::new();
    for (index, sketch) in sketches.iter().enumerate() {
        let vmid = 100 + u32::try_from(index).expect("a few guests");
        let kind = if sketch.is_vm { "vm" } else { "lxc" };
        let mut spec = if sketch.is_vm { machine(vmid) } else { container(vmid) };
        // A parent is an earlier template of the same kind, so that requirements have no cycle.
        let parent = sketch.parent.map(|parent| parent % (index + 1)).filter(|&parent| {
            parent < index && specs[parent].0 == kind && specs[parent].1["guest"]["template"] == json!(true)
        });
        if let Some(parent) = parent {
            let mode = if sketch.linked { "linked" } else { "full" };
            spec = cloned(spec, 100 + u32::try_from(parent).expect("a few guests"), mode);
            spec["guest"]["disk_gib"] = specs[parent].1["guest"]["disk_gib"].clone();
        }
        if sketch.is_template {
            spec = template(spec);
        }
        let guest = &mut spec["guest"];
        guest["memory_mib"] = json!(sketch.memory);
        guest["disk_gib"] = json!(guest["disk_gib"].as_u64().expect("a size") + sketch.extra_disk);
        guest["tags"] = json!(sketch.tags);
        guest["description"] = json!(format!("guest {index}, äöü"));
        guest["onboot"] = json!(sketch.stopped);
        guest["startup"] = json!({"order": index});
        if sketch.fixed_mac {
            guest["networks"][0]["mac"] = json!(format!("52:54:00:aa:bb:{index:02x}"));
        }
        if !sketch.is_template {
            guest["power"] = json!(if sketch.stopped { "stopped" } else { "running" });
            guest["lifecycle_snapshots"] = json!(sketch.snapshots);
            guest["health"] = json!([{"argv": ["test", "-f", "/etc/os-release"]}]);
            // Only what runs can be depended on, and only what comes earlier.
            let dependency = sketch.dependency.map(|other| other % (index + 1)).filter(|&other| {
                other < index
                    && specs[other].1["guest"]["template"] != json!(true)
                    && specs[other].1["guest"]["power"] == json!("running")
            });
            if let Some(other) = dependency {
                guest["dependencies"] = json!([format!("{}/{}", specs[other].0, 100 + other)]);
            }
        }
        if sketch.mount && kind == "lxc" && !sketch.is_template {
            spec["mounts"] = json!([
                {"target": "/data", "source": {"kind": "volume", "storage": STORAGE, "gib": 2}},
            ]);
        }
        let features = if sketch.has_feature {
            vec![base_setup(json!({"packages": [sketch.package, "locales"], "timezone": "Europe/Berlin"}))]
        } else {
            Vec::new()
        };
        specs.push((kind, spec.clone()));
        lab = lab.with(kind, spec, features);
    }
    lab
}
