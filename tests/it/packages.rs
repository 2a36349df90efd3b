//! Packages and artifacts are really installed: in containers of the example lab that reach no network, from what
//! `cargo xtask test stores` makes.

use phoenix_core::{
    Action, Backend, Evidence, GuestId, Phase, Probe, Reader, ResourceId, Site, Step, engine::Events,
    planner::Resolved,
};
use phoenix_tests::{
    lab::{Lab, base_setup},
    laws,
    stores::Stores,
    world::World,
};
use serde_json::json;

use crate::{homelab, on_the_real_way};

/// The container of the lab, and the template that it is cloned from.
const GUEST: &str = "lxc/953";
const TEMPLATE: &str = "lxc/900";

/// Returns the lab of that container alone.
fn lab() -> (phoenix_core::Desired, phoenix_node::NodeSeed) {
    let mut loaded = homelab::load();
    let seed = homelab::seed(&loaded);
    loaded.desired.resources.retain(|id, _| [GUEST, TEMPLATE].contains(&id.as_str()));
    (loaded.desired, seed)
}

async fn inside(world: &World, script: &str) -> String {
    let argv = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
    let site = Site::Guest(GuestId::lxc(953));
    let answers = world.backend.read(&[Probe::Command { site, argv }]).await;
    match &answers[..] {
        [Ok(Evidence::Output { status: 0, stdout, .. })] => stdout.trim().to_owned(),
        answers => panic!("{script}: {answers:?}"),
    }
}

#[test]
fn a_package_that_the_image_lacks_comes_from_the_mirror_and_comes_back() {
    if let Err(why) = Stores::find(&[]) {
        return println!("skipped: {why}");
    }
    on_the_real_way(async |way| {
        let (mut desired, seed) = lab();
        let guest = desired.resources.get_mut(&GUEST.parse().expect("an id")).expect("a guest of the lab");
        guest.features.push(base_setup(json!({"packages": ["jq", "nginx"]})));
        let resolved =
            Resolved::new(&Lab::new().registry, &desired).unwrap_or_else(|found| panic!("{found}"));

        let world = way.seeded(seed).await;
        laws::settle(&resolved, world.backend.as_ref()).await;
        assert_eq!(inside(&world, "curl -sS -o /dev/null -w '%{http_code}' http://127.0.0.1/").await, "200");
        let second = world.plan(&resolved).await.expect("a plan");
        assert!(second.is_empty(), "{}", laws::listing(&second));

        inside(&world, "apt-get -q -y purge nginx nginx-common jq >&2 && ! command -v nginx").await;
        let mending = world.plan(&resolved).await.expect("a plan");
        let step = format!("\n{GUEST}:base-setup:install-packages (missing: `jq`, `nginx`) []");
        assert_eq!(laws::listing(&mending), step);
        let run = world.converge(&resolved).await.unwrap_or_else(|found| panic!("{found}"));
        assert_eq!((run.done, run.last.failed.len()), (1, 0), "{:?}", run.last.failed);
        assert_eq!(inside(&world, "echo '{\"a\": 7}' | jq .a; systemctl is-active nginx").await, "7\nactive");
        assert!(world.plan(&resolved).await.expect("a plan").is_empty());
    });
}

/// Makes an authority and lets it run for as long as the container does, as the features for it will by a unit.
const AUTHORITY: &str = "export STEPPATH=/etc/step-ca && mkdir -p $STEPPATH && echo secret >$STEPPATH/password && \
    step ca init --deployment-type standalone --name Lab --dns localhost --address 127.0.0.1:443 \
        --password-file $STEPPATH/password --acme >&2 && \
    systemd-run --quiet --setenv=STEPPATH=$STEPPATH step-ca $STEPPATH/config/ca.json --password-file $STEPPATH/password && \
    for look in $(seq 100); do step ca health >/dev/null 2>&1 && break; sleep 0.1; done; \
    step ca health && curl -sS --cacert $STEPPATH/certs/root_ca.crt https://localhost/acme/acme/directory";

#[test]
fn programs_that_no_distribution_packages_run_in_a_container() {
    let stores = match Stores::find(&["traefik", "step-ca", "step-cli"]) {
        Ok(stores) => stores,
        Err(why) => return println!("skipped: {why}"),
    };
    on_the_real_way(async |way| {
        let (desired, seed) = lab();
        let resolved =
            Resolved::new(&Lab::new().registry, &desired).unwrap_or_else(|found| panic!("{found}"));
        let world = way.seeded(seed).await;
        laws::settle(&resolved, world.backend.as_ref()).await;
        for (name, program) in [("traefik", "traefik"), ("step-ca", "step-ca"), ("step-cli", "step")] {
            let action = Action::InstallArtifact {
                site: Site::Guest(GuestId::lxc(953)),
                artifact: stores.artifacts().replaced[name].clone(),
                path: format!("/usr/local/bin/{program}"),
                mode: 0o755,
            };
            let guest = ResourceId::new("lxc", "953");
            let step = Step::new(
                &guest,
                "test",
                &format!("install-{name}"),
                Phase::Provision,
                action,
                "it is missing".to_owned(),
            );
            let done = world.backend.perform(&step, &Events::silent()).await;
            assert!(done.is_ok(), "{name}: {done:?}");
        }
        for name in ["traefik", "step-ca"] {
            let version = stores.artifacts().replaced[name].version.clone();
            let said = inside(&world, &format!("{name} version")).await;
            assert!(said.contains(&version), "{said}");
        }
        let said = inside(&world, AUTHORITY).await;
        assert!(said.starts_with("ok\n") && said.contains("/acme/acme/new-order"), "{said}");
    });
}
