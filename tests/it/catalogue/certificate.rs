//! Certificates for real: asked for by one container of an authority in another, served by nginx, renewed while a client asks
//! without a pause, mended whatever was put in their place, and taken back.

use std::collections::BTreeSet;

use phoenix_core::{
    Backend, Desired, FeatureUse, GuestId, ResourceId, Site,
    engine::{Cancel, Converged, Events, Verdict, converge},
    planner::{Intent, Request, Resolved},
};
use phoenix_tests::{laws, stores::Stores, way::Way, world::World};
use serde_json::{Value, json};

use super::{config, done, example, guest, mends, said, steps, stores};
use crate::on_the_real_way;

const CERTIFICATE: &str = "/etc/phoenix/certificates/web.crt";
const KEY: &str = "/etc/phoenix/certificates/web.key";

/// Gives the gateway a certificate, and a site that is served by it.
fn with_certificate(desired: &mut Desired, change: &Value) {
    let site = json!({
        "server_names": ["web.example"],
        "tls": {"certificate": CERTIFICATE, "key": KEY},
        "locations": [{"answer": "served"}],
    });
    config(desired, 101, "nginx")["sites"] = json!([site]);
    let mut one = json!({"name": "web", "names": ["web.example", "10.0.0.153"], "reload": "nginx.service"});
    for (key, value) in change.as_object().expect("keys") {
        one[key] = value.clone();
    }
    let asked = json!({"authority": "lxc/103", "certificates": [one]});
    let id: ResourceId = "lxc/101".parse().expect("an id");
    let declared = desired.resources.get_mut(&id).expect("the gateway");
    declared.features.retain(|one| one.name != "certificate");
    declared.features.push(FeatureUse::new("certificate", asked));
}

fn gateway(stores: &Stores, change: &Value) -> (Resolved, phoenix_node::NodeSeed) {
    example(stores, &[900, 101, 103], |desired| with_certificate(desired, change))
}

/// Asks the site as somebody who has only the root, again and again until a file is there; says how often.
const ASK: &str = "curl -fsS --max-time 5 -o /dev/null --cacert /etc/step-ca/certs/root_ca.crt \
    --resolve web.example:443:10.0.0.153 https://web.example/";

async fn serial(world: &World) -> String {
    done(world, guest(101), &format!("openssl x509 -noout -serial -in {CERTIFICATE}")).await
}

async fn served(world: &World) -> String {
    let script = "echo | openssl s_client -connect 127.0.0.1:443 -servername web.example 2>/dev/null | \
        openssl x509 -noout -serial";
    done(world, guest(101), script).await
}

async fn brought_about(world: &World, resolved: &Resolved, request: &Request) -> Converged {
    let (silent, cancel) = (Events::silent(), Cancel::default());
    let run = converge(resolved, request, world.backend.as_ref(), &silent, &cancel).await;
    let run = run.unwrap_or_else(|found| panic!("{found}"));
    assert!(matches!(run.verdict, Verdict::Settled), "{:?}", run.last.failed);
    run
}

fn renewal() -> Request {
    let gateway: ResourceId = "lxc/101".parse().expect("an id");
    Request::new([gateway], Intent::Features(BTreeSet::from(["certificate".to_owned()])))
}

#[test]
fn certificates_are_issued_renewed_without_a_dropped_request_mended_and_revoked() {
    let Some(stores) = stores(&["step-ca", "step-cli"]) else { return };
    on_the_real_way(async |way| life(way, &stores).await);
}

async fn life(way: Way, stores: &Stores) {
    let (resolved, seed) = gateway(stores, &json!({"lifetime_h": 24}));
    let world = way.seeded(seed).await;
    laws::settle(&resolved, world.backend.as_ref()).await;
    assert_eq!(steps(&world, &resolved).await, Vec::<String>::new());
    done(&world, guest(103), ASK).await;
    assert_eq!(done(&world, guest(101), &format!("stat -c '%U %a' {KEY}")).await, "root 600");
    // What nobody needs is nowhere, and what nobody but root may read nobody else reads.
    done(&world, guest(103), "! ls -d /run/phoenix-sign.* 2>/dev/null").await;
    done(&world, guest(103), "test ! -e /etc/step-ca/secrets/root_ca_key").await;
    let key = "/etc/step-ca/offline/root_ca_key";
    assert_eq!(done(&world, guest(103), &format!("stat -c '%U %a' {key}")).await, "root 400");
    assert_ne!(said(&world, guest(103), &format!("runuser -u step -- cat {key}")).await.0, 0);

    renewed_while_somebody_asks(&world, stores).await;

    // What is wrong is named by the plan, and mended: nginx has not read it either.
    let (resolved, _) = gateway(stores, &json!({"lifetime_h": 48, "renew_before_h": 30}));
    let mended = [
        "certificate:write-web",
        "certificate:reload-nginx.service",
        "nginx:reload-nginx.service",
        "nginx:answers",
    ];
    let request = format!(
        "openssl req -new -batch -key {KEY} -subj /CN=web.example -addext subjectAltName=DNS:web.example,IP:10.0.0.153"
    );
    let own =
        format!("openssl x509 -req -copy_extensions copy -signkey {KEY} -out {CERTIFICATE} 2>/dev/null");
    for (harm, says) in [
        (format!("{request} | {own} -days -1"), "has expired: it was good until"),
        (format!("{request} | {own} -days 30"), "does not come from the authority of `lxc/103`"),
        (
            format!("{request} | sed s/X/X/ | {own} -days 30; cp /etc/hostname {CERTIFICATE}"),
            "is no certificate",
        ),
    ] {
        done(&world, guest(101), &harm).await;
        let plan = world.plan(&resolved).await.unwrap_or_else(|found| panic!("{found}"));
        let reason = &plan.steps[0].reason;
        assert!(reason.contains(says), "{says}: {reason}");
        mends(&world, &resolved, (101, &harm), &mended).await;
        assert_eq!(serial(&world).await, served(&world).await);
    }
    mends(
        &world,
        &resolved,
        (101, &format!("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {KEY}")),
        &mended,
    )
    .await;
    taken_back(&world, stores).await;
}

/// Renews a certificate that has less left than it shall have, while a client asks without a pause.
async fn renewed_while_somebody_asks(world: &World, stores: &Stores) {
    let before = serial(world).await;
    let (resolved, _) = gateway(stores, &json!({"lifetime_h": 48, "renew_before_h": 30}));
    let plan = world.plan(&resolved).await.unwrap_or_else(|found| panic!("{found}"));
    let due = plan.steps.iter().find(|step| step.id.verb() == "write-web").expect("it is due");
    assert!(due.reason.contains("less than 30 hours"), "{}", due.reason);
    let client = format!(
        "count=0; end=$(($(date +%s) + 50)); while [ ! -e /tmp/enough ] && [ $(date +%s) -lt $end ]; do \
         {ASK} || exit 9; count=$((count + 1)); done; echo $count"
    );
    let renewing = async {
        let run = brought_about(world, &resolved, &renewal()).await;
        let done_steps: Vec<String> = run.last.done.iter().map(|step| step.verb().to_owned()).collect();
        // A few more requests go to what nginx has read by then.
        done(world, guest(103), "sleep 1; touch /tmp/enough").await;
        done_steps
    };
    let ((status, count), steps_done) = tokio::join!(said(world, guest(103), &client), renewing);
    assert_eq!(status, 0, "a request was dropped: {count}");
    assert!(count.parse::<u32>().is_ok_and(|count| count > 3), "{count}");
    assert_eq!(steps_done, ["reload-nginx.service", "write-web"], "in the order of their names");
    let after = serial(world).await;
    assert_ne!(before, after);
    assert_eq!(served(world).await, after);
    // All that is left to do for the rest of the guest is to say what it was made from.
    let left = steps(world, &resolved).await;
    assert!(left.iter().all(|step| step == "lxc/101:guest:seal"), "{left:?}");
    laws::settle(&resolved, world.backend.as_ref()).await;
}

async fn taken_back(world: &World, stores: &Stores) {
    let number = serial(world).await.trim_start_matches("serial=").to_owned();
    let step = phoenix_certificate::revocation(GuestId::lxc(103), "web", &number);
    world.backend.perform(&step, &Events::silent()).await.expect("it is taken back");
    let again = world.backend.perform(&step, &Events::silent()).await.expect_err("once is enough");
    assert!(again.log.iter().any(|line| line.contains("already revoked")), "{again:?}");
    let change = json!({"lifetime_h": 48, "renew_before_h": 30, "refused": [number]});
    let (resolved, _) = gateway(stores, &change);
    brought_about(world, &resolved, &renewal()).await;
    assert_ne!(serial(world).await, format!("serial={number}"));
    assert_eq!(served(world).await, serial(world).await);
}

#[test]
fn an_authority_on_a_directory_of_the_host_outlives_its_container() {
    let Some(stores) = stores(&["step-ca", "step-cli"]) else { return };
    on_the_real_way(async |way| rebuilt(way, &stores).await);
}

async fn rebuilt(way: Way, stores: &Stores) {
    let id: ResourceId = "lxc/103".parse().expect("an id");
    let (resolved, seed) = example(stores, &[900, 103], |desired| {
        let spec = &mut desired.resources.get_mut(&id).expect("the authority").spec;
        spec["guest"]["protection"] = json!(false);
        spec["mounts"] =
            json!([{"target": "/etc/step-ca", "source": {"kind": "bind", "path": "/srv/authority"}}]);
    });
    let world = way.seeded(seed).await;
    let host = Site::Host(world.node.name().as_str().into());
    done(&world, host, "mkdir -p /srv/authority && chown 100000:100000 /srv/authority").await;
    laws::settle(&resolved, world.backend.as_ref()).await;
    let sums = "sha256sum /etc/step-ca/certs/root_ca.crt /etc/step-ca/password.txt \
        /etc/step-ca/offline/root_ca_key /etc/step-ca/config/ca.json";
    let before = done(&world, guest(103), sums).await;
    let request = Request::new([id], Intent::Remove);
    brought_about(&world, &resolved, &request).await;
    laws::settle(&resolved, world.backend.as_ref()).await;
    assert_eq!(done(&world, guest(103), sums).await, before);
    assert_eq!(steps(&world, &resolved).await, Vec::<String>::new());
}
