//! Packages are really installed: in a container of the example lab that reaches no network, from the mirror that
//! `cargo xtask test packages` makes.

use phoenix_core::{Evidence, GuestId, Probe, Reader, Site, planner::Resolved};
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
    let stores = match Stores::find(&[]) {
        Ok(stores) => stores,
        Err(why) => return println!("skipped: {why}"),
    };
    on_the_real_way(async |way| {
        let mut loaded = homelab::load();
        let seed = homelab::seed(&loaded);
        let desired = &mut loaded.desired;
        desired.resources.retain(|id, _| [GUEST, TEMPLATE].contains(&id.as_str()));
        let guest = desired.resources.get_mut(&GUEST.parse().expect("an id")).expect("a guest of the lab");
        guest.features.push(base_setup(json!({"packages": ["jq", "nginx"]})));
        stores.give(desired, &[GUEST]);
        let resolved = Resolved::new(&Lab::new().registry, desired).unwrap_or_else(|found| panic!("{found}"));

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
