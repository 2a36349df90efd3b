//! The firewall of real guests: what the API says is what happens to their packets, on a bridge of the test's own.

#![allow(clippy::print_stdout, reason = "a test that is skipped says why")]

use std::time::Duration;

use phoenix_node::Node;
use phoenix_sandbox::{Bridge, Containers, Forward, Outside, OutsideSpec, Sandbox};

use crate::{
    kit::{UBUNTU, delete, get, ok, post, put},
    real::Own,
};

const LIMIT: Duration = Duration::from_secs(60);

/// Answers each line with itself, on ports of TCP and UDP.
const SERVE: &str = r#"import socket, sys, threading
def echo(peer):
    for line in peer.makefile("rb"): peer.sendall(line)
def accept(server):
    while True: threading.Thread(target=echo, args=(server.accept()[0],), daemon=True).start()
def answer(server):
    while True:
        data, who = server.recvfrom(100)
        server.sendto(data, who)
for port in map(int, sys.argv[1:]):
    threading.Thread(target=accept, args=(socket.create_server(("0.0.0.0", port)),)).start()
    udp = socket.socket(type=socket.SOCK_DGRAM)
    udp.bind(("0.0.0.0", port))
    threading.Thread(target=answer, args=(udp,)).start()
open("/run/serves", "w").close()
"#;

/// Says how a connection goes.
const REACH: &str = r#"import socket, sys
kind = socket.SOCK_DGRAM if sys.argv[3] == "udp" else socket.SOCK_STREAM
try:
    peer = socket.socket(type=kind)
    peer.settimeout(3)
    peer.connect((sys.argv[1], int(sys.argv[2])))
    peer.sendall(b"hello\n")
    print("open" if peer.recv(10) == b"hello\n" else "empty")
except ConnectionRefusedError: print("refused")
except TimeoutError: print("dropped")
"#;

/// Keeps a connection, and uses it again when it is told to.
const KEEP: &str = r#"import os, socket, time
peer = socket.create_connection(("10.97.0.101", 8081), 10)
peer.settimeout(10)
def says(word):
    peer.sendall(word)
    return peer.recv(10) == word
assert says(b"one\n")
open("/run/connected", "w").close()
for _ in range(600):
    if os.path.exists("/run/again"): break
    time.sleep(0.1)
open("/run/result", "w").write("kept" if says(b"two\n") else "cut")
"#;

async fn lab() -> Option<Own> {
    if !std::path::Path::new("/usr/sbin/nft").exists() {
        println!("skipped: `nft` is not installed: `apt-get install nftables` brings it");
        return None;
    }
    let bridge =
        Bridge { name: "vmbr0".to_owned(), addresses: vec!["10.97.0.1/24".to_owned()], gateways: Vec::new() };
    Own::on(vec![bridge]).await
}

impl Own {
    async fn guest(&self, vmid: &str) {
        let net = format!("name=eth0,bridge=vmbr0,firewall=1,ip=10.97.0.{vmid}/24,gw=10.97.0.1");
        let options = [
            ("vmid", vmid),
            ("ostemplate", UBUNTU),
            ("rootfs", "local-zfs:2"),
            ("net0", &net),
            ("start", "1"),
        ];
        ok(&self.node, post(&self.node, "/n/lxc", &options).await).await;
    }

    fn sandbox(&self) -> Sandbox {
        Sandbox::find(&self.place()).expect("is read").expect("runs")
    }

    /// Serves on ports of a guest.
    async fn serve(&self, vmid: &str, ports: &str) {
        let serve = format!("setsid python3 -c '{SERVE}' {ports} </dev/null >/dev/null 2>&1 &");
        self.inside(vmid, &format!("{serve} {}", until("/run/serves"))).await;
    }

    async fn reach(&self, vmid: &str, to: &str, port: &str) -> String {
        self.inside(vmid, &format!("python3 -c '{REACH}' {to} {port} tcp")).await
    }

    async fn ping(&self, vmid: &str, from: &str, to: &str) -> bool {
        let script = format!("ping -c 1 -W 3 -I {from} {to} >/dev/null && echo yes || echo no");
        self.inside(vmid, &script).await == "yes"
    }

    async fn host(&self, words: &[&str]) -> String {
        self.sandbox().run(words, b"", LIMIT).await.expect("runs on the host").text
    }

    /// Returns what is another text after each change of the tables.
    async fn tables(&self) -> String {
        self.host(&["nft", "-a", "list", "ruleset"]).await
    }
}

fn until(file: &str) -> String {
    format!(
        "for i in $(seq 300); do [ -e {file} ] && break; sleep 0.1; done; [ -e {file} ] || echo no {file}"
    )
}

/// Sets options of a firewall: of the cluster, or of what stands before it.
async fn set(node: &Node, whose: &str, options: &[(&str, &str)]) {
    put(node, &format!("{whose}/firewall/options"), options).await.data();
}

/// Puts a rule before all others.
async fn rule(node: &Node, whose: &str, rule: &[(&str, &str)]) {
    let all: Vec<(&str, &str)> = rule.iter().copied().chain([("enable", "1")]).collect();
    post(node, &format!("{whose}/firewall/rules"), &all).await.data();
}

const GUEST: &str = "/n/lxc/101";
const OTHER: &str = "/n/lxc/102";

#[tokio::test]
async fn what_the_api_says_of_guests_happens_to_their_packets() {
    let Some(own) = lab().await else { return };
    let node = &own.node;
    own.guest("101").await;
    own.guest("102").await;
    own.serve("101", "8081 8082").await;
    let reach = |port: &'static str| own.reach("102", "10.97.0.101", port);

    // Whatever guests say of themselves, the cluster is asked first.
    set(node, GUEST, &[("enable", "1")]).await;
    assert_eq!(reach("8081").await, "open");
    assert_eq!(own.tables().await, "", "nobody is held to rules, and no rule is there");
    set(node, "/cluster", &[("enable", "1")]).await;
    assert_eq!(reach("8081").await, "dropped");
    // The node itself is no way around a guest's rules.
    let from_host = own.host(&["python3", "-c", REACH, "10.97.0.101", "8081", "tcp"]).await;
    assert_eq!(from_host.trim(), "dropped");

    // A change is in force when the call is answered; nobody is started anew.
    let accept = [("type", "in"), ("action", "ACCEPT"), ("proto", "tcp"), ("dport", "8081")];
    let accept = [&accept[..], &[("source", "10.97.0.102")]].concat();
    rule(node, GUEST, &accept).await;
    assert_eq!(reach("8081").await, "open");
    assert_eq!(reach("8082").await, "dropped");
    let reject = [("type", "in"), ("action", "REJECT"), ("proto", "tcp"), ("dport", "8082")];
    rule(node, GUEST, &reject).await;
    assert_eq!(reach("8082").await, "refused");

    // Nothing new is asked of the kernel where nothing is new.
    let before = own.tables().await;
    set(node, GUEST, &[("enable", "1")]).await;
    set(node, "/n", &[("log_level_in", "info")]).await;
    assert_eq!(own.tables().await, before);

    // What was let through goes on when the rule is gone.
    own.inside(
        "102",
        &format!("setsid python3 -c '{KEEP}' </dev/null >/dev/null 2>&1 & {}", until("/run/connected")),
    )
    .await;
    delete(node, "/n/lxc/101/firewall/rules/1").await.data();
    assert_eq!(reach("8081").await, "dropped");
    let kept =
        own.inside("102", &format!("touch /run/again; {}; cat /run/result", until("/run/result"))).await;
    assert_eq!(kept, "kept");

    // A security group, by its name; a set of addresses; a macro.
    post(node, "/cluster/firewall/groups", &[("group", "web")]).await.data();
    let inner = [&accept[..4], &[("source", "+clients"), ("enable", "1")]].concat();
    post(node, "/cluster/firewall/ipset", &[("name", "clients")]).await.data();
    post(node, "/cluster/firewall/groups/web", &inner).await.data();
    rule(node, GUEST, &[("type", "group"), ("action", "web")]).await;
    assert_eq!(reach("8081").await, "dropped", "the set has nobody yet");
    post(node, "/cluster/firewall/ipset/clients", &[("cidr", "10.97.0.102")]).await.data();
    assert_eq!(reach("8081").await, "open");
    rule(node, GUEST, &[("type", "in"), ("action", "ACCEPT"), ("macro", "Ping")]).await;
    assert!(own.ping("102", "10.97.0.102", "10.97.0.101").await);

    // What a guest sends is held to its own rules.
    set(node, OTHER, &[("enable", "1"), ("policy_out", "DROP")]).await;
    assert_eq!(reach("8081").await, "dropped");
    rule(node, OTHER, &[("type", "out"), ("action", "ACCEPT"), ("dest", "10.97.0.101")]).await;
    assert_eq!(reach("8081").await, "open");
    set(node, OTHER, &[("policy_out", "ACCEPT")]).await;

    // An address that is not its own: what it sends, and what it says of itself to neighbours.
    own.inside("102", "ip addr add 10.97.0.99/24 dev eth0").await;
    assert!(own.ping("102", "10.97.0.99", "10.97.0.101").await);
    set(node, OTHER, &[("ipfilter", "1")]).await;
    assert!(!own.ping("102", "10.97.0.99", "10.97.0.101").await);
    assert!(own.ping("102", "10.97.0.102", "10.97.0.101").await);
    own.inside("101", "ip neigh flush all").await;
    assert!(!own.ping("101", "10.97.0.101", "10.97.0.99").await);
    let neighbour = own.inside("101", "ip neigh show 10.97.0.99").await;
    assert!(!neighbour.contains("lladdr"), "nobody says that the address is his: {neighbour}");
    set(node, OTHER, &[("ipfilter", "0")]).await;
    let mac = own.inside("102", "cat /sys/class/net/eth0/address").await;
    let other = |mac: &str| format!("ip link set eth0 address {mac}; ip neigh flush all");
    own.inside("102", &other("02:00:00:00:00:01")).await;
    assert!(!own.ping("102", "10.97.0.102", "10.97.0.101").await);
    own.inside("102", &other(&mac)).await;
    assert!(own.ping("102", "10.97.0.102", "10.97.0.101").await);

    // A card that is not held to rules, while its guest runs on.
    let net = get(node, "/n/lxc/101/config").await.data()["net0"].as_str().expect("a card").to_owned();
    put(node, "/n/lxc/101/config", &[("net0", &net.replace("firewall=1", "firewall=0"))]).await.data();
    assert_eq!(reach("8082").await, "open");
    put(node, "/n/lxc/101/config", &[("net0", &net)]).await.data();
    assert_eq!(reach("8082").await, "refused");

    set(node, "/cluster", &[("enable", "0")]).await;
    assert_eq!(reach("8082").await, "open");
    assert_eq!(own.tables().await, "");
}

#[tokio::test]
async fn the_node_keeps_its_managers_and_the_world_sees_what_is_led_to_it() {
    let Some(own) = lab().await else { return };
    let node = &own.node;
    own.guest("101").await;
    own.serve("101", "8081 8082").await;
    let serve = format!(
        "setsid python3 -c '{SERVE}' 53 8006 9000 </dev/null >/dev/null 2>&1 & {}",
        until("/run/serves")
    );
    own.host(&["/bin/sh", "-c", &serve]).await;
    let to_host = |port: &'static str| own.reach("101", "10.97.0.1", port);
    let forward = |port, to: &str| Forward { port, to: to.parse().expect("is an address with a port") };
    let spec = OutsideSpec {
        forwards: vec![forward(80, "10.97.0.101:8081"), forward(81, "10.97.0.101:8082")],
        ..OutsideSpec::default()
    };
    let outside = own.sandbox().outside(&spec, &[]).await.expect("makes a client");
    assert_eq!(to_host("9000").await, "open");
    assert_eq!(look(&outside, "9000").await, "open");
    assert_eq!(look(&outside, "80").await, "open");

    set(node, GUEST, &[("enable", "1")]).await;
    rule(node, GUEST, &[("type", "in"), ("action", "ACCEPT"), ("proto", "tcp"), ("dport", "8081")]).await;
    set(node, "/cluster", &[("enable", "1")]).await;
    assert_eq!(to_host("9000").await, "dropped");
    assert_eq!(to_host("8006").await, "open", "management is let through from the node's network");
    assert_eq!(look(&outside, "8006").await, "dropped", "and from nowhere else");
    assert_eq!(look(&outside, "80").await, "open");
    assert_eq!(look(&outside, "81").await, "dropped");
    // What the node sends goes out, and what answers comes in.
    own.host(&["ping", "-c", "1", "-W", "3", "203.0.113.50"]).await;

    // Names from the node: both ways to ask for them, or only as far as a rule says.
    let ask = format!("python3 -c '{REACH}' 10.97.0.1 53 udp");
    assert_eq!(
        (to_host("53").await.as_str(), own.inside("101", &ask).await.as_str()),
        ("dropped", "dropped")
    );
    let names = [("type", "in"), ("action", "ACCEPT"), ("macro", "DNS"), ("source", "10.97.0.0/24")];
    rule(node, "/cluster", &names).await;
    assert_eq!((to_host("53").await.as_str(), own.inside("101", &ask).await.as_str()), ("open", "open"));
    assert_eq!(look(&outside, "53").await, "dropped");

    // The node's own rules come before those of the cluster, and both before what management is let through.
    let refuse = [("type", "in"), ("action", "REJECT"), ("proto", "tcp"), ("dport", "8006")];
    rule(node, "/cluster", &refuse).await;
    assert_eq!(to_host("8006").await, "refused");
    let accept =
        [("type", "in"), ("action", "ACCEPT"), ("proto", "tcp"), ("dport", "8006"), ("iface", "vmbr0")];
    rule(node, "/n", &accept).await;
    assert_eq!(to_host("8006").await, "open");
    set(node, "/n", &[("enable", "0")]).await;
    assert_eq!(to_host("9000").await, "open", "the node alone is let off");
    assert_eq!(look(&outside, "81").await, "dropped");

    // A sandbox that begins anew has the rules before anybody in it starts.
    Containers::halt(&own.place()).await.expect("stops");
    let stopped = async {
        while get(node, "/n/lxc/101/status/current").await.data()["status"] != "stopped" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(LIMIT, stopped).await.expect("is seen to have stopped");
    ok(node, post(node, "/n/lxc/101/status/start", &[]).await).await;
    assert!(own.tables().await.contains("in_101i0"));
}

/// Says how a connection from outside to a port of the host goes.
async fn look(outside: &Outside, port: &str) -> String {
    let words = ["python3", "-c", REACH, "203.0.113.1", port, "tcp"];
    outside.run(&words, b"", LIMIT).await.expect("runs at the client").text.trim().to_owned()
}
