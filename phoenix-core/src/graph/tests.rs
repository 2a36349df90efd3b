//! The three pictures of the example lab, in the three formats.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::{
    Claim, Desired, Diagnostic, Diagnostics, Facts, GuestId, Lifecycle, Manager, Probe, Registry,
    Requirement, Resource, Stage,
    desired::Declared,
    guest::{CloneMode, Origin},
    manager::Planned,
};

#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Container {
    guest: GuestSpec,
}

#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Machine {
    guest: GuestSpec,
}

struct Idle<S>(std::marker::PhantomData<fn() -> S>);

macro_rules! kind {
    ($spec:ty, $kind:literal, $id:path) => {
        impl Resource for $spec {
            const KIND: &'static str = $kind;

            fn id(&self) -> ResourceId {
                $id(self.guest.vmid.0).resource()
            }

            fn requires(&self) -> Vec<Requirement> {
                let source = match &self.guest.origin {
                    Origin::Clone { source, .. } => Some($id(source.0).resource()),
                    Origin::OsTemplate { .. } | Origin::CloudImage { .. } => None,
                };
                let made_from = source.into_iter().map(|id| Requirement { id, stage: Stage::Create });
                let used = self.guest.dependencies.iter().cloned();
                made_from.chain(used.map(|id| Requirement { id, stage: Stage::Start })).collect()
            }

            fn accept(&mut self, _: &Claim, _: &str) -> Result<(), Diagnostic> {
                Ok(())
            }
        }
    };
}
kind!(Container, "lxc", GuestId::lxc);
kind!(Machine, "vm", GuestId::vm);

impl<S: Resource> Manager for Idle<S> {
    type Observed = ();
    type Spec = S;

    fn probes(&self, _: &ResourceId, _: Option<&S>, _: &Facts) -> Vec<Probe> {
        Vec::new()
    }

    fn observe(&self, _: &ResourceId, _: &Facts) -> Result<Option<()>, Diagnostics> {
        Ok(None)
    }

    fn plan(&self, _: &ResourceId, _: Option<&S>, _: Option<&()>, _: &Facts) -> Result<Planned, Diagnostics> {
        Ok(Planned::default())
    }

    fn lifecycle(&self, _: Option<&S>, _: Option<&()>) -> Lifecycle {
        Lifecycle::Absent
    }
}

fn guest(vmid: u32, name: &str, origin: &Value, is_template: bool, dependencies: &[&str]) -> Value {
    json!({ "guest": {
        "vmid": vmid, "name": name, "origin": origin, "cores": 1, "memory_mib": 512, "storage": "local-zfs",
        "disk_gib": 8, "template": is_template, "dependencies": dependencies,
    } })
}

fn cloned(source: u32) -> Value {
    json!(Origin::Clone { source: crate::Vmid(source), mode: CloneMode::Full, snapshot: None })
}

fn lab() -> Resolved {
    let os = json!({ "from": "os-template", "storage": "local", "template": "ubuntu-24.04-standard_24.04-2_amd64.tar.zst" });
    let image = json!({ "from": "cloud-image", "storage": "local", "url": "https://x.invalid/noble.img", "filename": "noble.img" });
    let linked = json!({ "from": "clone", "source": 9000, "mode": "linked" });
    let all = [
        ("lxc", guest(900, "Template-Base", &os, true, &[])),
        ("lxc", guest(901, "Template-GPU", &cloned(900), true, &[])),
        ("lxc", guest(902, "Template-Docker", &cloned(900), true, &[])),
        ("lxc", guest(903, "Template-Docker-GPU", &cloned(901), true, &[])),
        ("lxc", guest(910, "Portainer", &cloned(902), false, &[])),
        ("lxc", guest(950, "vllm-qwen2.5-7b-awq", &cloned(903), false, &[])),
        ("lxc", guest(953, "Nginx-VscodeRag", &cloned(900), false, &[])),
        ("lxc", guest(955, "ollama-oWUI", &cloned(901), false, &[])),
        ("lxc", guest(101, "Nginx", &cloned(900), false, &["lxc/103"])),
        ("lxc", guest(102, "Traefik", &cloned(900), false, &["lxc/103"])),
        ("lxc", guest(103, "Step-CA", &cloned(900), false, &[])),
        ("vm", guest(9000, "ubuntu-cloud", &image, true, &[])),
        ("vm", guest(1001, "Portainer", &linked, false, &["lxc/102", "lxc/103"])),
        ("vm", guest(1002, "drphoenix", &linked, false, &["vm/1001"])),
    ];
    let mut desired = Desired::default();
    for (kind, spec) in all {
        let id = ResourceId::new(kind, &spec["guest"]["vmid"].to_string());
        desired.resources.insert(id, Declared::new(spec));
    }
    let registry = Registry::new()
        .with_manager(Idle::<Container>(std::marker::PhantomData))
        .with_manager(Idle::<Machine>(std::marker::PhantomData));
    Resolved::new(&registry, &desired).expect("the lab is in order")
}

/// Returns the edges as (label of the one end, label, label of the other end).
fn edges(graph: &Graph) -> BTreeSet<(String, String, String)> {
    let places = graph.places();
    let text = |id: &str| graph.nodes[places[id]].label.clone();
    graph.edges.iter().map(|edge| (text(&edge.from), edge.label.clone(), text(&edge.to))).collect()
}

#[test]
fn the_template_picture_has_the_edges_that_the_user_drew() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/docs/DIAGRAMS-1-system.md");
    #[allow(clippy::disallowed_methods, reason = "a test reads what the user drew")]
    let Ok(document) = std::fs::read_to_string(path) else {
        println!("skipped: no {path}");
        return;
    };
    let picture =
        document.split("## LXC Container Templating Strategy").nth(1).expect("the section is there");
    let mut labels = std::collections::BTreeMap::new();
    let mut drawn = BTreeSet::new();
    for line in picture.lines().map(str::trim) {
        if let Some((name, label)) = line.strip_suffix(']').and_then(|line| line.split_once('[')) {
            labels.insert(name, label);
        } else if let [from, label, to] = line.replace(" --> ", " -- ").split(" -- ").collect::<Vec<_>>()[..]
        {
            drawn.insert((labels[from].to_owned(), label.to_owned(), labels[to].to_owned()));
        }
    }
    assert_eq!(drawn.len(), 8);
    let resolved = lab();
    let ours = edges(&Graph::templates(&resolved));
    assert_eq!(drawn.difference(&ours).collect::<Vec<_>>(), Vec::<&_>::new());
    let beyond: Vec<_> = ours.difference(&drawn).map(|(from, _, to)| format!("{from} -> {to}")).collect();
    assert_eq!(
        beyond,
        [
            "9000: ubuntu-cloud -> 1001: Portainer",
            "9000: ubuntu-cloud -> 1002: drphoenix",
            "900: Template-Base -> 101: Nginx",
            "900: Template-Base -> 102: Traefik",
            "900: Template-Base -> 103: Step-CA",
            "noble.img -> 9000: ubuntu-cloud",
        ]
    );
}

#[test]
fn the_vm_chain_is_a_group_of_its_own() {
    let graph = Graph::templates(&lab());
    let group = graph.groups.iter().position(|group| group == "Virtual Machines");
    let members: Vec<_> =
        graph.nodes.iter().filter(|node| node.group == group).map(|node| node.label.as_str()).collect();
    assert_eq!(members, ["noble.img", "1001: Portainer", "1002: drphoenix", "9000: ubuntu-cloud"]);
}

#[test]
fn pictures_in_mermaid() {
    let lab = lab();
    insta::assert_snapshot!("templates.mmd", Graph::templates(&lab).mermaid());
    insta::assert_snapshot!("dependencies.mmd", Graph::dependencies(&lab).mermaid());
    insta::assert_snapshot!("lifecycle.mmd", Graph::lifecycle().mermaid());
}

#[test]
fn pictures_in_dot_and_svg() {
    let lab = lab();
    insta::assert_snapshot!("templates.dot", Graph::templates(&lab).dot());
    insta::assert_snapshot!("templates.svg", Graph::templates(&lab).svg());
    insta::assert_snapshot!("lifecycle.svg", Graph::lifecycle().svg());
}

#[test]
fn every_line_of_mermaid_has_one_of_its_shapes() {
    let lab = lab();
    for graph in [Graph::templates(&lab), Graph::dependencies(&lab), Graph::lifecycle()] {
        let text = graph.mermaid();
        for line in text.lines().skip(4).map(str::trim) {
            let is_node = line.starts_with("n_") && line.ends_with("\"]") && line.matches('"').count() == 2;
            let is_edge = line.contains("-->|\"") || line.contains("-.->|\"");
            let is_group = line == "end" || line.starts_with("subgraph g");
            assert!(is_node || is_edge || is_group, "{line}");
        }
        assert_eq!(
            text.matches("subgraph").count(),
            text.lines().filter(|line| line.trim() == "end").count()
        );
    }
}

#[test]
fn labels_in_a_row_of_svg_do_not_overlap() {
    for graph in [Graph::templates(&lab()), Graph::dependencies(&lab()), Graph::lifecycle()] {
        let svg = graph.svg();
        let number = |line: &str, key: &str| -> f64 {
            let text = line.split(&format!(" {key}=\"")).nth(1).expect("the key is there");
            text.split('"').next().and_then(|text| text.parse().ok()).expect("a number")
        };
        let boxes: Vec<_> = svg
            .lines()
            .filter(|line| line.starts_with("<rect x="))
            .map(|line| (number(line, "y"), number(line, "x"), number(line, "width")))
            .collect();
        assert_eq!(boxes.len(), graph.nodes.len() + graph.edges.len());
        for (index, one) in boxes.iter().enumerate() {
            for other in boxes.iter().skip(index + 1).filter(|other| other.0.total_cmp(&one.0).is_eq()) {
                let (left, right) = if one.1 < other.1 { (one, other) } else { (other, one) };
                assert!(left.1 + left.2 <= right.1, "{left:?} {right:?}");
            }
        }
    }
}

#[test]
fn a_chain_of_ten_thousand_clones_is_drawn() {
    let mut graph = Graph::new("T", &[]);
    for number in 0..10_000_u32 {
        graph.node(number.to_string(), number.to_string(), None);
        graph.edge(number.to_string(), (number + 1).to_string(), "", Stroke::Solid);
    }
    assert_eq!(graph.svg().matches("<path d=\"M").count(), 9_999 + 1);
}

#[test]
fn hostile_names_stay_inside_the_markup() {
    let mut graph = Graph::new("</title><script>", &["a & b"]);
    graph.node("x", "<b>\"it's\"</b>", Some(0));
    let svg = graph.svg();
    assert!(svg.contains("&lt;b&gt;&quot;it&apos;s&quot;&lt;/b&gt;") && svg.contains("a &amp; b"));
    assert!(!svg.contains("<script>") && !svg.contains("<b>"));
}
