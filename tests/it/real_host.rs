//! Features of the host with real services: names that containers ask for, and directories that are really served.

use phoenix_core::{
    Action, Condition, Content, Evidence, Expect, FeatureUse, GuestId, Probe, Reader, Site, planner::Resolved,
};
use phoenix_pve::GuestChannel;
use phoenix_tests::{
    lab::{Lab, container, machine},
    laws,
    way::Way,
    world::{World, resolve},
};
use serde_json::{Value, json};

use crate::on_the_real_way;

const HOST: &str = "10.86.0.13";
const CONF: &str = "/etc/phoenix/dns/dns.conf";

/// Returns a world whose host has an address on the bridge, if there is a systemd for its services.
#[expect(clippy::print_stdout, reason = "a test that skips something says so")]
async fn world(way: Way) -> Option<World> {
    if !["/usr/lib/systemd/systemd", "/lib/systemd/systemd"]
        .iter()
        .any(|path| std::path::Path::new(path).exists())
    {
        println!("skipped: this machine has no systemd");
        return None;
    }
    let world = way.world().await;
    let host = format!("{HOST}/24");
    run(&world, &["ip", "address", "add", &host, "dev", "vmbr0"]).await;
    run(&world, &["ip", "address", "add", "10.86.0.14/24", "dev", "vmbr0"]).await;
    Some(world)
}

fn site(world: &World) -> Site {
    Site::Host(world.node.name().into())
}

async fn run(world: &World, argv: &[&str]) {
    let site = site(world);
    let argv: Vec<String> = argv.iter().map(|word| (*word).to_owned()).collect();
    let proof = Condition::new(Probe::file(&site, "/"), Expect::Present);
    let action = Action::Run { site: site.clone(), argv, stdin: None, proof };
    world.node.act(&site, &action, None).await.unwrap_or_else(|error| panic!("{error:?}"));
}

async fn said(world: &World, site: Site, script: &str) -> String {
    let answers = world.backend.read(&[Probe::command(&site, ["/bin/sh", "-c", script])]).await;
    match &answers[..] {
        [Ok(Evidence::Output { stdout, .. })] => stdout.trim().to_owned(),
        answers => panic!("{answers:?}"),
    }
}

async fn steps(world: &World, resolved: &Resolved) -> Vec<String> {
    let plan = world.plan(resolved).await.unwrap_or_else(|found| panic!("{found}"));
    plan.steps.iter().map(|step| step.id.verb().to_owned()).collect()
}

fn file(world: &World, path: &str, text: &str, check: &[&str]) -> Action {
    Action::WriteFile {
        site: site(world),
        path: path.to_owned(),
        content: Content::Text(text.to_owned()),
        mode: 0o644,
        owner: "root".to_owned(),
        group: "root".to_owned(),
        check: check.iter().map(|word| (*word).to_owned()).collect(),
    }
}

fn names(records: &[(&str, &str)]) -> Value {
    let records: Vec<Value> =
        records.iter().map(|(name, address)| json!({"name": name, "addresses": [address]})).collect();
    json!({
        "listen": [HOST],
        "domain": "lab.example",
        "records": records,
        "upstream": [],
        "outside": {"listen": ["10.86.0.14"], "addresses": ["203.0.113.1"]},
    })
}

#[test]
fn a_container_asks_the_host_for_names() {
    on_the_real_way(async |way| {
        let Some(world) = world(way).await else { return };
        let mut guest = container(100);
        guest["guest"]["networks"] = json!([{"name": "eth0", "bridge": "vmbr0", "ip": "10.86.0.100/24"}]);
        guest["guest"]["nameservers"] = json!([HOST]);
        let lab = |config: Value| {
            let host = vec![FeatureUse::new("dnsmasq", config)];
            let lab = Lab::new().with("lxc", guest.clone(), vec![]).with_host(&world.node.name(), host);
            resolve(&lab).unwrap_or_else(|found| panic!("{found}"))
        };
        let first = lab(names(&[("ca", "10.86.0.10"), ("web", "10.86.0.12")]));
        laws::settle(&first, world.backend.as_ref()).await;
        assert_eq!(steps(&world, &first).await, Vec::<String>::new());

        let inside = Site::Guest(GuestId::lxc(100));
        let dig = "for name in ca.lab.example nobody.lab.example; do dig +time=2 $name | grep -o 'status: [A-Z]*'; done
            dig +short ca.lab.example; dig +short -x 10.86.0.12; dig +short @10.86.0.14 ca.lab.example";
        assert_eq!(
            said(&world, inside.clone(), dig).await,
            "status: NOERROR\nstatus: NXDOMAIN\n10.86.0.10\nweb.lab.example.\n203.0.113.1"
        );
        // The host itself asks it too, with short names.
        assert!(said(&world, site(&world), "getent hosts ca").await.starts_with("10.86.0.10"));

        // A name more: the server is the same process.
        let pid = "systemctl show -p MainPID --value phoenix-dns.service";
        let before = said(&world, site(&world), pid).await;
        let more = lab(names(&[("ca", "10.86.0.10"), ("web", "10.86.0.12"), ("new", "10.86.0.30")]));
        laws::settle(&more, world.backend.as_ref()).await;
        assert_eq!(said(&world, inside.clone(), "dig +short new.lab.example").await, "10.86.0.30");
        assert_eq!(said(&world, site(&world), pid).await, before);

        // What is wrong never takes the place of what is good; what somebody wrote there by hand is mended.
        let good = said(&world, site(&world), &format!("cat {CONF}")).await;
        let wrong = file(&world, CONF, "no-such-option\n", &["dnsmasq", "--test", "-C", "{}"]);
        world.node.act(&site(&world), &wrong, None).await.expect_err("is found wrong");
        assert_eq!(said(&world, site(&world), &format!("cat {CONF}")).await, good);
        let by_hand = file(&world, CONF, "no-such-option\n", &[]);
        world.node.act(&site(&world), &by_hand, None).await.expect("is written");
        assert_eq!(steps(&world, &more).await, ["write-conf", "restart-phoenix-dns.service", "answers"]);
        laws::settle(&more, world.backend.as_ref()).await;
        assert_eq!(said(&world, inside, "dig +short ca.lab.example").await, "10.86.0.10");
        assert_eq!(steps(&world, &more).await, Vec::<String>::new());
    });
}

#[test]
fn directories_are_served_to_those_who_are_named_and_to_nobody_else() {
    on_the_real_way(async |way| {
        let Some(world) = world(way).await else { return };
        // The host itself is the client here: its kernel needs none for that.
        let client = "command -v nfs-cat && command -v ganesha.nfsd";
        if said(&world, site(&world), client).await.is_empty() {
            println!("skipped: `nfs-ganesha`, `nfs-ganesha-vfs` and `libnfs-utils` are not installed");
            return;
        }
        let directory = |path: &str, uid: u32| json!({"path": path, "uid": uid, "gid": uid, "mode": "0750"});
        let directories = json!({"directories": [directory("/srv/open", 33), directory("/srv/other", 33)]});
        let exports = json!({"address": HOST, "server": "ganesha", "exports": [
            {"path": "/srv/open", "clients": [{"address": HOST}]},
            {"path": "/srv/other", "clients": [{"address": "10.86.0.99"}]},
        ]});
        let host =
            vec![FeatureUse::new("volume-directories", directories), FeatureUse::new("nfs-server", exports)];
        // A machine that is a container here, and mounts what is exported to it.
        let mut guest = machine(101);
        guest["guest"]["networks"] = json!([{"bridge": "vmbr0", "ip": "10.86.0.99/24"}]);
        guest["guest"]["dependencies"] = json!([format!("host/{}", world.node.name())]);
        let mounts = json!({"mounts": [{"server": HOST, "path": "/srv/other", "target": "/srv/here"}]});
        let lab = Lab::new().with_host(&world.node.name(), host);
        let lab = lab.with("vm", guest, vec![FeatureUse::new("nfs-mounts", mounts)]);
        let lab = resolve(&lab).unwrap_or_else(|found| panic!("{found}"));
        laws::settle(&lab, world.backend.as_ref()).await;
        assert_eq!(steps(&world, &lab).await, Vec::<String>::new());
        let inside = Site::Guest(GuestId::vm(101));
        let write = "setpriv --reuid 33 --regid 33 --clear-groups sh -c 'echo mine > /srv/here/new'; stat -c %u:%g /srv/here /srv/here/new";
        assert_eq!(said(&world, inside, write).await, "33:33\n33:33");
        assert_eq!(said(&world, site(&world), "stat -c %u:%g /srv/other/new").await, "33:33");
        assert_eq!(said(&world, site(&world), "stat -c '%u:%g %a' /srv/open").await, "33:33 750");
        run(&world, &["/bin/sh", "-c", "echo hello | tee /srv/open/file /srv/other/file"]).await;
        let read = |path: &str, uid: u32| {
            format!(
                "nfs-cat 'nfs://{HOST}{path}/file?version=4&uid={uid}&gid={uid}' 2>/dev/null || echo refused"
            )
        };
        assert_eq!(said(&world, site(&world), &read("/srv/open", 33)).await, "hello");
        assert_eq!(said(&world, site(&world), &read("/srv/other", 33)).await, "refused", "it is for another");
        assert_eq!(said(&world, site(&world), &read("/srv/open", 0)).await, "refused", "root is nobody");
        let stop = "systemctl stop phoenix-nfs.service";
        run(&world, &stop.split(' ').collect::<Vec<_>>()).await;
        assert_eq!(steps(&world, &lab).await, ["start-phoenix-nfs.service", "answers"]);
        laws::settle(&lab, world.backend.as_ref()).await;
        assert_eq!(said(&world, site(&world), &read("/srv/open", 33)).await, "hello");
    });
}
