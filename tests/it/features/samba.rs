//! `samba` on the host.

use phoenix_core::{Action, FeatureUse, Site};
use phoenix_pve::GuestChannel;
use phoenix_tests::{
    lab::Lab,
    world::{World, resolve},
};
use serde_json::{Value, json};

use super::{check_laws, first_plan, refusals, steps};
use crate::block_on;

fn shares() -> Value {
    json!({
        "address": "10.0.0.13",
        "users": [{"name": "heads", "password": "env:SAMBA_PASSWORD"}, {"name": "root-of-lab", "has_account": true}],
        "shares": [
            {"name": "data", "path": "/srv/data", "valid_users": ["heads"]},
            {"name": "open", "path": "/srv/open", "guest_ok": true, "read_only": true, "browsable": false},
        ],
    })
}

fn on_host(config: Value) -> Lab {
    Lab::new().with_host("phoenix", vec![FeatureUse::new("samba", config)])
}

#[test]
fn the_first_plan_is_complete_and_keeps_the_laws() {
    let lab = on_host(shares());
    let plan = first_plan(&lab, "samba");
    insta::assert_json_snapshot!(plan);
    let text = plan.to_string();
    assert!(!text.contains("0777") && text.contains("testparm"), "{text}");
    let mut without = shares();
    without["users"][0]["password"] = Value::Null;
    check_laws(&on_host(without));
}

#[test]
fn a_share_more_is_read_without_a_restart_and_what_was_there_is_kept_once() {
    block_on(async {
        let mut config = shares();
        config["users"][0]["password"] = Value::Null;
        let world = World::new();
        let lab = |config: &Value| resolve(&on_host(config.clone())).expect("a good lab");
        world.converge(&lab(&config)).await.expect("it comes up");
        let more = json!({"name": "more", "path": "/srv/more", "valid_users": ["heads"]});
        config["shares"].as_array_mut().expect("a list").push(more);
        let lab = lab(&config);
        assert_eq!(
            steps(&world, &lab).await,
            ["samba:make-srv-more", "samba:write-conf", "samba:reload-smbd.service", "samba:answers"]
        );
        world.converge(&lab).await.expect("it is done");
        let site = Site::Host("phoenix".into());
        let by_hand = Action::WriteFile {
            site: site.clone(),
            path: "/etc/samba/smb.conf".into(),
            content: phoenix_core::Content::Text("[global]\n[homes]\n".into()),
            mode: 0o644,
            owner: "root".into(),
            group: "root".into(),
            check: Vec::new(),
        };
        world.node.act(&site, &by_hand, None).await.expect("is written");
        let mended = ["samba:keep-conf", "samba:write-conf", "samba:restart-smbd.service", "samba:answers"];
        assert_eq!(steps(&world, &lab).await, mended);
        world.converge(&lab).await.expect("it is mended");
        assert_eq!(steps(&world, &lab).await, Vec::<String>::new());
    });
}

#[test]
fn a_directory_that_is_there_is_not_taken_and_not_shared_while_all_can_write_to_it() {
    block_on(async {
        let mut config = shares();
        config["users"][0]["password"] = Value::Null;
        let (world, site) = (World::new(), Site::Host("phoenix".into()));
        let lab = resolve(&on_host(config)).expect("a good lab");
        let directory = |mode: u32| Action::MakeDirectory {
            site: site.clone(),
            path: "/srv/data".into(),
            mode,
            owner: "root".into(),
            group: "root".into(),
        };
        world.node.act(&site, &directory(0o777), None).await.expect("is made");
        let found = world.plan(&lab).await.expect_err("is refused");
        assert!(found.to_string().contains("everybody on the host can write to `/srv/data`"), "{found}");
        world.node.act(&site, &directory(0o755), None).await.expect("is mended");
        let planned = steps(&world, &lab).await;
        assert!(!planned.contains(&"samba:make-srv-data".to_owned()), "{planned:?}");
    });
}

#[test]
fn shares_that_cannot_be_are_refused() {
    let with = |pointer: &str, value: Value| {
        let mut config = shares();
        *config.pointer_mut(pointer).expect("is there") = value;
        refusals(&on_host(config))
    };
    for (messages, says) in [
        (with("/address", json!("0.0.0.0")), "it is no address of the host"),
        (with("/shares/0/path", json!("srv/data")), "no absolute path"),
        (with("/shares/0/path", json!("/etc/shares")), "is the system's"),
        (with("/shares/0/name", json!("Homes")), "`Homes` is no name of a share"),
        (with("/shares/0/name", json!("open")), "the share `open` is there twice"),
        (
            with("/shares/0/valid_users", json!(["other"])),
            "nobody gives the user `other` of `data` a password",
        ),
        (with("/users", json!([])), "nobody gives the user `heads`"),
        (with("/users/0/password", json!("secret")), "a reference to a secret"),
    ] {
        assert!(messages.iter().any(|message| message.contains(says)), "{says}: {messages:?}");
    }
}
