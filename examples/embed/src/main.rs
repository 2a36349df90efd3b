//! Embeds Phoenix in a program: declares a template and a clone in code, prints the plan, carries it out on an
//! embedded node in memory, and shows that a second plan is empty.

use std::time::Duration;

use phoenix_core::{
    Declared, Desired, Diagnostics, FeatureUse, Registry, ResourceId,
    engine::{Cancel, Events, Verdict, converge, gather},
    planner::{self, Request, Resolved},
};
use phoenix_node::{Node, Options};
use phoenix_pve::{Limits, PveBackend};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Diagnostics> {
    let registry =
        Registry::new().with_manager(phoenix_lxc::Lxc).with_feature(phoenix_base_setup::feature());
    let resolved = Resolved::new(&registry, &desired())?;

    // Any Backend does; this one is Phoenix's own, on a node that lives in this process.
    let node = Node::in_memory(Options { speed: 20.0, ..Options::default() });
    let limits = Limits { poll_floor: Duration::from_millis(5), ..Limits::default() };
    let backend = PveBackend::new(node.clone(), node.clone(), node.name(), limits);

    let everything = Request::converge_all();
    let facts = gather(&resolved, &everything, &backend).await?;
    let plan = planner::plan(&resolved, &everything, &facts)?;
    println!("{} steps:", plan.steps.len());
    for step in &plan.steps {
        println!("  {:<40} {}", step.id.as_str(), step.reason);
    }

    let (events, mut heard) = Events::channel();
    let listener = tokio::spawn(async move {
        let mut finished = 0;
        while let Some(event) = heard.recv().await {
            finished += usize::from(matches!(event, phoenix_core::engine::Event::Finished { .. }));
        }
        finished
    });
    let converged = converge(&resolved, &everything, &backend, &events, &Cancel::default()).await?;
    drop(events);
    let finished = listener.await.expect("the listener only counts");
    assert!(matches!(converged.verdict, Verdict::Settled), "{:?}", converged.last.failed);
    println!("done: {} steps in {:?}, {finished} events of finished steps", converged.done, converged.took);

    let facts = gather(&resolved, &everything, &backend).await?;
    let again = planner::plan(&resolved, &everything, &facts)?;
    println!("a second plan has {} steps", again.steps.len());
    assert!(again.is_empty());
    Ok(())
}

fn desired() -> Desired {
    let mut template = Declared::new(container(
        900,
        "base",
        json!({"from": "os-template", "storage": "local", "template": "debian-12-standard"}),
    ));
    template.spec["guest"]["template"] = json!(true);
    template.features = vec![FeatureUse::new("base-setup", json!({"packages": ["curl", "locales"]}))];
    let clone = Declared::new(container(101, "web", json!({"from": "clone", "source": 900, "mode": "linked"})));
    Desired {
        resources: [(900, template), (101, clone)]
            .into_iter()
            .map(|(vmid, declared)| (ResourceId::new("lxc", &vmid.to_string()), declared))
            .collect(),
        ..Desired::default()
    }
}

fn container(vmid: u32, name: &str, origin: Value) -> Value {
    json!({"guest": {
        "vmid": vmid,
        "name": name,
        "origin": origin,
        "cores": 1,
        "memory_mib": 512,
        "storage": "local-zfs",
        "disk_gib": 4,
        "networks": [{"name": "eth0", "bridge": "vmbr0", "ip": "dhcp"}],
    }})
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_program_plans_applies_and_then_has_nothing_to_do() {
        super::main().expect("the lab comes up");
    }
}
