//! What a feature made on a host is taken back: what was there before is there again, and nothing else is touched.

use std::collections::BTreeSet;

use phoenix_core::{
    FeatureUse, ResourceId, Site,
    engine::{Cancel, Converged, Events, Verdict, converge},
    planner::{Intent, Request, Resolved},
};
use phoenix_tests::{
    lab::{Lab, base_setup},
    world::{World, resolve},
};
use serde_json::json;

use super::{text_of, write};
use crate::block_on;

const BEFORE: &str = "# mine\nnameserver 192.0.2.53\n";

fn site() -> Site {
    Site::Host("phoenix".into())
}

fn lab() -> Lab {
    let names = json!({
        "listen": ["10.0.0.13"],
        "domain": "lab.example",
        "records": [{"name": "ca", "addresses": ["10.0.0.10"]}],
        "upstream": ["1.1.1.1"],
    });
    let base = base_setup(json!({"timezone": "Europe/Vienna", "locale": "en_US.UTF-8"}));
    Lab::new().with_host("phoenix", vec![base, FeatureUse::new("dnsmasq", names)])
}

async fn take_back(world: &World, resolved: &Resolved, features: &[&str]) -> Converged {
    let names: BTreeSet<String> = features.iter().map(|name| (*name).to_owned()).collect();
    let request = Request::new([ResourceId::new("host", "phoenix")], Intent::TakeBack(names));
    let (events, _heard) = Events::channel();
    converge(resolved, &request, world.backend.as_ref(), &events, &Cancel::default())
        .await
        .expect("converges")
}

#[test]
fn files_are_as_before_units_are_gone_and_the_rest_stays() {
    block_on(async {
        let (world, lab) = (World::new(), lab());
        let resolved = resolve(&lab).expect("resolves");
        let zone = text_of(&world, &site(), "/etc/timezone").await;
        let before = text_of(&world, &site(), "/etc/resolv.conf").await;
        assert!(before.is_some() && zone.is_some());
        world.converge(&resolved).await.expect("converges");
        assert_ne!(text_of(&world, &site(), "/etc/resolv.conf").await, before);
        assert!(text_of(&world, &site(), "/etc/systemd/system/phoenix-dns.service").await.is_some());

        let taken = take_back(&world, &resolved, &["dnsmasq"]).await;
        assert!(matches!(taken.verdict, Verdict::Settled), "{:?}", taken.verdict);
        assert_eq!(text_of(&world, &site(), "/etc/resolv.conf").await, before);
        assert_eq!(text_of(&world, &site(), "/etc/systemd/system/phoenix-dns.service").await, None);
        assert_ne!(text_of(&world, &site(), "/etc/timezone").await, zone, "another feature is left alone");
        let said: Vec<&str> = taken.notes.iter().map(|note| note.message.as_str()).collect();
        assert!(said.iter().any(|note| note.contains("the packages dnsmasq-base")), "{said:?}");
        assert_eq!(take_back(&world, &resolved, &["dnsmasq"]).await.done, 0, "a second time");

        // It is made again from what is declared, and what was there before is kept again.
        world.converge(&resolved).await.expect("converges");
        take_back(&world, &resolved, &["dnsmasq", "base-setup"]).await;
        assert_eq!(text_of(&world, &site(), "/etc/resolv.conf").await, before);
        assert_eq!(text_of(&world, &site(), "/etc/timezone").await, zone);
        let locale = text_of(&world, &site(), "/etc/default/locale").await.unwrap_or_default();
        assert!(!locale.contains("phoenix"), "{locale}");
    });
}

#[test]
fn what_is_kept_is_what_was_there_first_however_often_it_is_written() {
    block_on(async {
        let (world, lab) = (World::new(), lab());
        let resolved = resolve(&lab).expect("resolves");
        let before = text_of(&world, &site(), "/etc/resolv.conf").await;
        for round in 0..3 {
            world.converge(&resolved).await.expect("converges");
            write(&world, &site(), "/etc/resolv.conf", &format!("{BEFORE}# {round}\n")).await;
        }
        world.converge(&resolved).await.expect("converges");
        take_back(&world, &resolved, &["dnsmasq"]).await;
        assert_eq!(text_of(&world, &site(), "/etc/resolv.conf").await, before);
    });
}
