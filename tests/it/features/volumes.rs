//! `volume-directories` and `nfs-server` on the host, `nfs-mounts` in a virtual machine.

use phoenix_core::{Action, Evidence, FeatureUse, Probe, Site};
use phoenix_pve::GuestChannel;
use phoenix_tests::{
    lab::{Lab, machine},
    world::{World, resolve},
};
use serde_json::{Value, json};

use super::{check_laws, first_plan, refusals, steps};
use crate::block_on;

fn on_host(features: &[(&str, Value)]) -> Lab {
    let uses = features.iter().map(|(name, config)| FeatureUse::new(name, config.clone())).collect();
    Lab::new().with_host("phoenix", uses)
}

fn directories() -> Value {
    json!({"directories": [
        {"path": "/srv/data", "uid": 100_033, "gid": 100_033, "mode": "0750"},
        {"path": "/srv/shared", "uid": 33, "gid": 33, "mode": "0770"},
    ]})
}

fn exports() -> Value {
    json!({
        "address": "10.0.0.13",
        "exports": [{"path": "/srv/shared", "clients": [
            {"address": "10.0.0.102"},
            {"address": "10.0.0.103", "read_only": true},
        ]}],
    })
}

fn by(server: &str) -> Value {
    let mut config = exports();
    config["server"] = json!(server);
    config
}

fn mounts() -> Value {
    json!({"mounts": [
        {"server": "10.0.0.13", "path": "/srv/shared", "target": "/var/lib/my-app"},
        {"server": "10.0.0.13", "path": "/srv/more", "target": "/srv/more", "read_only": true},
    ]})
}

fn in_machine() -> Lab {
    Lab::new().with("vm", machine(100), vec![FeatureUse::new("nfs-mounts", mounts())])
}

#[test]
fn directories_have_their_owners_and_keep_the_laws() {
    let lab = on_host(&[("volume-directories", directories())]);
    insta::assert_json_snapshot!(first_plan(&lab, "volume-directories"));
    check_laws(&lab);
}

#[test]
fn both_servers_keep_the_laws_and_let_in_whom_they_are_told_to() {
    for server in ["kernel", "ganesha"] {
        let lab = on_host(&[("nfs-server", by(server))]);
        insta::assert_json_snapshot!(server, first_plan(&lab, "nfs-server"));
        check_laws(&lab);
        let plan = first_plan(&lab, "nfs-server").to_string().to_lowercase();
        assert!(!plan.contains("no_root_squash") && !plan.contains('*'), "{plan}");
    }
}

#[test]
fn mounts_are_units_that_a_boot_does_not_wait_for() {
    let lab = in_machine();
    insta::assert_json_snapshot!(first_plan(&lab, "nfs-mounts"));
    check_laws(&lab);
}

#[test]
fn a_directory_that_somebody_has_taken_is_given_back_and_its_files_are_left_alone() {
    block_on(async {
        let lab = resolve(&on_host(&[("volume-directories", directories())])).expect("a good lab");
        let world = World::new();
        world.converge(&lab).await.expect("it comes up");
        let site = Site::Host("phoenix".into());
        let take = Action::MakeDirectory {
            site: site.clone(),
            path: "/srv/data".into(),
            mode: 0o777,
            owner: "root".into(),
            group: "root".into(),
        };
        world.node.act(&site, &take, None).await.expect("is taken");
        assert_eq!(steps(&world, &lab).await, ["volume-directories:make-srv-data"]);
        world.converge(&lab).await.expect("it is mended");
        assert_eq!(steps(&world, &lab).await, Vec::<String>::new());
        let probe = Probe::command(&site, ["stat", "-c", "%u:%a", "/srv/data"]);
        let found: Vec<_> = world.node.ask(&site, &[probe]).await.into_iter().flatten().collect();
        assert!(
            matches!(&found[0], Evidence::Output { stdout, .. } if stdout == "100033:750\n"),
            "{found:?}"
        );
    });
}

#[test]
fn a_client_more_is_told_to_the_kernel_without_a_restart() {
    block_on(async {
        let world = World::new();
        let lab = |config: Value| resolve(&on_host(&[("nfs-server", config)])).expect("a good lab");
        world.converge(&lab(by("kernel"))).await.expect("it comes up");
        let mut more = by("kernel");
        more["exports"][0]["clients"].as_array_mut().expect("a list").push(json!({"address": "10.0.0.104"}));
        assert_eq!(
            steps(&world, &lab(more.clone())).await,
            ["nfs-server:write-exports", "nfs-server:export", "nfs-server:answers"]
        );
        world.converge(&lab(more.clone())).await.expect("it is done");
        assert_eq!(steps(&world, &lab(more)).await, Vec::<String>::new());
    });
}

#[test]
fn what_would_let_everybody_in_is_refused() {
    let host = |feature: &str, config: Value| refusals(&on_host(&[(feature, config)]));
    let with = |change: &dyn Fn(&mut Value)| {
        let mut config = exports();
        change(&mut config);
        host("nfs-server", config)
    };
    let open = json!({"directories": [{"path": "/srv/a", "mode": "0777"}]});
    let same = json!({"mounts": [mounts()["mounts"][0], mounts()["mounts"][0]]});
    let machine = Lab::new().with("vm", machine(100), vec![FeatureUse::new("nfs-mounts", same)]);
    for (messages, says) in [
        (host("volume-directories", open), "everybody could write to `/srv/a`"),
        (
            with(&|config| config["exports"][0]["clients"] = json!([{"address": "0.0.0.0"}])),
            "`0.0.0.0` would be everybody",
        ),
        (with(&|config| config["exports"][0]["clients"] = json!([])), "nobody may mount `/srv/shared`"),
        (with(&|config| config["exports"][0]["path"] = json!("/srv/a b")), "`/srv/a b` is no absolute path"),
        (with(&|config| config["exports"][0]["clients"] = json!([{"address": "*"}])), "invalid IP address"),
        (refusals(&machine), "two are mounted at `/var/lib/my-app`"),
    ] {
        assert!(messages.iter().any(|message| message.contains(says)), "{says}: {messages:?}");
    }
}
