//! A lab: what is desired, the registry that plans it, and the node that it is for.

use phoenix_core::{Declared, Desired, FeatureUse, Registry, ResourceId, planner::Reboots};
use phoenix_node::{Gpus, NodeSeed};
use serde_json::{Value, json};

/// What is desired, who plans it, and where.
#[derive(Clone)]
pub struct Lab {
    /// The managers and features.
    pub registry: Registry,
    /// What is desired.
    pub desired: Desired,
    /// What its node has.
    pub seed: NodeSeed,
    /// What becomes of reboots.
    pub reboots: Reboots,
}

/// The storages and the bridge that the kit's worlds have.
pub const STORAGE: &str = "local-zfs";

/// The storage of OS templates and images.
pub const TEMPLATES: &str = "local";

impl Lab {
    /// Returns an empty lab with the in-tree managers and features.
    pub fn new() -> Self {
        Self {
            registry: phoenix_cli::registry(),
            desired: Desired::default(),
            seed: NodeSeed::default(),
            reboots: Reboots::default(),
        }
    }

    /// Gives its node graphics cards.
    #[must_use]
    pub fn with_gpus(mut self, gpus: Gpus) -> Self {
        self.seed.gpus = gpus;
        self
    }

    /// Lets its node be rebooted where something needs that.
    #[must_use]
    pub fn with_reboots(mut self) -> Self {
        self.reboots = Reboots::Perform;
        self
    }

    /// Adds a resource by its spec, whose `guest.vmid` names it.
    #[must_use]
    pub fn with(mut self, kind: &str, spec: Value, features: Vec<FeatureUse>) -> Self {
        let id = ResourceId::new(kind, &spec["guest"]["vmid"].to_string());
        let declared = Declared { features, ..Declared::new(spec) };
        self.desired.resources.insert(id, declared);
        self
    }

    /// Adds the node itself as a site of features.
    #[must_use]
    pub fn with_host(mut self, node: &str, features: Vec<FeatureUse>) -> Self {
        let declared = Declared { features, ..Declared::new(json!({ "node": node })) };
        self.desired.resources.insert(ResourceId::new("host", node), declared);
        self
    }

    /// Adds a firewall by its spec, whose `scope` names it.
    ///
    /// # Panics
    /// If it names none.
    #[must_use]
    pub fn with_firewall(mut self, spec: Value) -> Self {
        let id = ResourceId::new("firewall", spec["scope"].as_str().expect("a scope"));
        self.desired.resources.insert(id, Declared::new(spec));
        self
    }

    /// Changes a resource's spec in place.
    ///
    /// # Panics
    /// If it is not in the lab.
    pub fn edit(&mut self, id: &str, edit: impl FnOnce(&mut Value)) {
        let id: ResourceId = id.parse().expect("an id");
        edit(&mut self.desired.resources.get_mut(&id).expect("a resource of the lab").spec);
    }
}

impl std::fmt::Debug for Lab {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&serde_json::to_string_pretty(&self.desired).expect("a lab is JSON"))
    }
}

impl Default for Lab {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns the spec of a container from an OS template.
pub fn container(vmid: u32) -> Value {
    json!({
        "guest": {
            "vmid": vmid,
            "name": format!("ct{vmid}"),
            "origin": {"from": "os-template", "storage": TEMPLATES, "template": "ubuntu-24.04-standard"},
            "cores": 1,
            "memory_mib": 512,
            "storage": STORAGE,
            "disk_gib": 4,
            "networks": [{"name": "eth0", "bridge": "vmbr0", "ip": "dhcp"}],
        },
        "swap_mib": 0,
    })
}

/// Returns the spec of a virtual machine from a cloud image.
pub fn machine(vmid: u32) -> Value {
    json!({
        "guest": {
            "vmid": vmid,
            "name": format!("vm{vmid}"),
            "origin": {
                "from": "cloud-image",
                "storage": TEMPLATES,
                "url": "https://cloud-images.ubuntu.com/noble/current/noble-server-cloudimg-amd64.img",
                "filename": "noble-server-cloudimg-amd64.img",
            },
            "cores": 1,
            "memory_mib": 1024,
            "storage": STORAGE,
            "disk_gib": 8,
            "networks": [{"bridge": "vmbr0", "ip": "dhcp"}],
        },
        "cloud_init": {"user": "phoenix", "ssh_keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample phoenix@lab"]},
    })
}

/// Returns a spec as a clone of another guest.
#[must_use]
pub fn cloned(mut spec: Value, source: u32, mode: &str) -> Value {
    spec["guest"]["origin"] = json!({"from": "clone", "source": source, "mode": mode});
    spec
}

/// Returns a spec as a template.
#[must_use]
pub fn template(mut spec: Value) -> Value {
    spec["guest"]["template"] = json!(true);
    spec
}

/// Returns the use of `base-setup` with a configuration.
pub fn base_setup(config: Value) -> FeatureUse {
    FeatureUse::new("base-setup", config)
}
